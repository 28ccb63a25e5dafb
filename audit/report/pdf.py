"""The court edition as PDF, printed by a Chromium that is on this machine, offline."""

from __future__ import annotations

import io
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from audit.base.errors import BadInput, StorageError
from audit.base.files import NotRead, reason
from audit.base.messages import say

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
    """Print one local HTML page as a PDF with tags and an outline; nothing half-written stays.

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
            subprocess.run([*command, page.resolve().as_uri()], capture_output=True, timeout=TIMEOUT, check=False)
            data = printed.read_bytes() if printed.is_file() else b""
            if not data.startswith(b"%PDF-"):
                raise NotRead(say("no-pdf"))
            if attached is not None and attached.is_file():
                data = _with_data(data, attached)
            partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
            partial.write_bytes(data)
            partial.replace(target)
        except (OSError, subprocess.TimeoutExpired) as error:
            why = say("no-pdf.late") if isinstance(error, subprocess.TimeoutExpired) else reason(error)
            raise StorageError("pdf-failed", browser=Path(browser).name, reason=why, page=page.name) from error
    return target


def _with_data(pdf: bytes, file: Path) -> bytes:
    """The PDF with a file attached as its source data (ISO 19005-3, associated files); tags and outline stay."""
    from pypdf import PdfWriter
    from pypdf.generic import ArrayObject, NameObject

    # It warns of how Chromium counts its objects, which nobody can act on and no reader of PDF minds.
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    added = writer.add_attachment(file.name, file.read_bytes())
    added.pdf_object[NameObject("/AFRelationship")] = NameObject("/Data")
    writer.root_object[NameObject("/AF")] = ArrayObject([added.pdf_object.indirect_reference or added.pdf_object])
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
