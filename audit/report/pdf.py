"""The court edition as PDF, printed by a Chromium that is on this machine, offline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from audit.base.errors import BadInput, StorageError
from audit.base.files import NotRead, reason
from audit.base.messages import say
from audit.report.archival import archival, link_words

BROWSER_VARIABLE = "CLOAKCHECK_BROWSER"
_NAMES = (
    "chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "msedge", "microsoft-edge",
    "brave-browser", "chrome-headless-shell",
)  # fmt: skip
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
TIMEOUT = 180
"""Seconds; a report of 25 MB takes a few."""


def find_browser() -> str | None:
    """A Chromium, Chrome, Edge or Brave: the one `$CLOAKCHECK_BROWSER` names, else the first on this machine."""
    named = os.environ.get(BROWSER_VARIABLE)
    if named:
        return shutil.which(named)
    found = (path for name in _NAMES if (path := shutil.which(name)))
    return next(found, None) or next((place for place in _PLACES if Path(place).is_file()), None)


def print_pdf(page: Path, target: Path, *, attached: Path | None = None) -> Path:
    """Print one local HTML page as PDF/A-3 with the tags of PDF/UA-1 and an outline; nothing half-written stays.

    Args:
        attached: a file that goes into the PDF as the data it shows, byte for byte; left out where it is not there.

    Raises:
        BadInput: `browser-not-found`, when no such browser is installed.
        StorageError: `pdf-failed`, when it ends without a PDF.
    """
    browser = find_browser()
    if browser is None:
        raise BadInput("browser-not-found", variable=BROWSER_VARIABLE, page=page.name)
    with tempfile.TemporaryDirectory(prefix="cloakcheck-pdf-") as scratch:
        printed = Path(scratch) / "report.pdf"
        command = [
            browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--export-tagged-pdf",
            "--generate-pdf-document-outline", f"--user-data-dir={scratch}/profile", "--no-pdf-header-footer",
            f"--print-to-pdf={printed}",
        ]  # fmt: skip
        if sys.platform.startswith("linux") and os.geteuid() == 0:
            # Chromium refuses its sandbox to root; the page is ours, without script and without network.
            command.append("--no-sandbox")
        try:
            for _ in range(2):  # One that fell over without a word is asked once more.
                subprocess.run([*command, page.resolve().as_uri()], capture_output=True, timeout=TIMEOUT, check=False)
                if printed.is_file():
                    break
            data = printed.read_bytes() if printed.is_file() else b""
            if not data.startswith(b"%PDF-"):
                raise NotRead(say("no-pdf"))
            data = archival(data, links=link_words(page.read_text(encoding="utf-8")), attached=attached)
            partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
            partial.write_bytes(data)
            partial.replace(target)
        except (OSError, subprocess.TimeoutExpired) as error:
            why = say("no-pdf.late") if isinstance(error, subprocess.TimeoutExpired) else reason(error)
            raise StorageError("pdf-failed", browser=Path(browser).name, reason=why, page=page.name) from error
    return target
