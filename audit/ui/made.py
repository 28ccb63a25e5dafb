"""Files that commands make of a finished audit, in a room of their own that is gone afterwards."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from audit.base.files import read_bounded
from audit.base.messages import Said, say
from audit.base.progress import TOLD_AS
from audit.ui.heard import hear

MOST_FILE = 1 << 30
SECONDS = 900.0
"""For which a command about a finished run may take."""


@dataclass(frozen=True)
class MadeFile:
    """What a command came to: bytes of the file that it made and what it is, or why there is none."""

    data: bytes = b""
    name: str = ""
    media_type: str = "application/zip"
    problem: Said | None = None


def tables(folder: Path) -> MadeFile:
    """All scores and estimates as CSV."""
    with tempfile.TemporaryDirectory(prefix="cloakcheck-") as room:
        problem = command(["export", str(folder.absolute()), "--out", room])
        if problem is not None:
            return MadeFile(problem=problem)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(room).glob("*.csv")):
                archive.write(path, path.name)
        return MadeFile(packed.getvalue(), f"{folder.name}-tables.zip")


def bundle(folder: Path) -> MadeFile:
    """What a stranger can check."""
    with tempfile.TemporaryDirectory(prefix="cloakcheck-") as room:
        target = Path(room) / f"{folder.name}-bundle"
        problem = command(["bundle", str(folder.absolute()), "--out", str(target), "--zip"])
        return _file(problem, target.with_name(f"{target.name}.zip"), "application/zip")


def court_edition(folder: Path, *, lang: str, pdf: bool) -> MadeFile:
    """The edition for a court, as a page or as a PDF; the run folder stays as it is."""
    with tempfile.TemporaryDirectory(prefix="cloakcheck-") as room:
        page = Path(room) / f"{folder.name}.html"
        words = ["report", str(folder.absolute()), "--court", "--lang", lang, "--out", str(page)]
        problem = command([*words, "--pdf"] if pdf else words)
        court = page.with_name(f"{page.stem}-court.html")
        if pdf:
            return _file(problem, court.with_suffix(".pdf"), "application/pdf")
        return _file(problem, court, "text/html")


def comparison(first: Path, second: Path, *, lang: str) -> MadeFile:
    """In what two audits differ, as a page."""
    with tempfile.TemporaryDirectory(prefix="cloakcheck-") as room:
        page = Path(room) / "comparison.html"
        runs = [str(folder.absolute()) for folder in (first, second)]
        return _file(command(["compare", *runs, "--lang", lang, "--out", str(page)]), page, "text/html")


def _file(problem: Said | None, path: Path, media_type: str) -> MadeFile:
    if problem is not None:
        return MadeFile(problem=problem)
    try:
        return MadeFile(read_bounded(path, limit=MOST_FILE), path.name, media_type)
    except OSError:
        return MadeFile(problem=say("ui-command-failed", code=0))


def command(words: list[str]) -> Said | None:
    """Run a command of the command line to its end; what it says where that is none."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "audit", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, TOLD_AS: "json"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return say("ui-command-failed", code=-1)
    if done.returncode in (0, 3):
        return None
    return hear(done.stderr).error or say("ui-command-failed", code=done.returncode)
