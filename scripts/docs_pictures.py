"""Makes the pictures of README and docs: the shipped sample in a real browser, cut out and stored small.

python -m scripts.docs_pictures

Needs playwright and an installed Chromium, Chrome or Edge. Each picture and what it shows stands in `PICTURES`; the
page docs/reference/pictures.md lists them with the run that they come from.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from audit.report import find_browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "images"
SAMPLE = ROOT / "reports" / "sample" / "report.html"
COLOURS = 240
"""Of the stored palette: enough for a page of text, few enough for a small file."""


@dataclass(frozen=True)
class Picture:
    """One picture: a place of the page, at a width, cut at a height. In CSS pixels."""

    name: str
    shows: str
    anchor: str = ""
    """Of the section that it begins at; '' for the top of the page."""
    width: int = 1250
    height: int = 950


PICTURES: Sequence[Picture] = (
    Picture("report.png", "the first screen of a report"),
    Picture("phone.png", "the same on a phone", width=390, height=844),
    Picture("fair.png", "the section *Was the test fair?*", anchor="fair", width=1000, height=620),
    Picture("sure.png", "the section *How sure is this?*", anchor="sure", width=1000, height=700),
    Picture("limits.png", "the section *What this does not tell you*", anchor="limits", width=1000, height=560),
    Picture("integrity.png", "the section *Integrity*", anchor="integrity", width=1000, height=560),
)


def make(page: Page, picture: Picture) -> bytes:
    """PNG of one picture."""
    page.set_viewport_size({"width": picture.width, "height": picture.height})
    page.goto(SAMPLE.as_uri())
    if picture.anchor:
        # A section may lie within closed parts.
        page.evaluate(
            "(id) => { let at = document.getElementById(id);"
            " for (const own of at.querySelectorAll(':scope > details')) own.open = true;"
            " for (let e = at; e; e = e.parentElement) if (e.tagName === 'DETAILS') e.open = true;"
            " at.scrollIntoView(); }",
            picture.anchor,
        )
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        few = shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    stored = io.BytesIO()
    few.save(stored, "PNG", optimize=True)
    return stored.getvalue()


def main() -> None:
    """Make every picture anew."""
    from playwright.sync_api import sync_playwright

    TARGET.mkdir(parents=True, exist_ok=True)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"] if root else [])
        page = browser.new_page()
        for picture in PICTURES:
            data = make(page, picture)
            (TARGET / picture.name).write_bytes(data)
            sys.stderr.write(f"{picture.name}: {len(data) / 1000:.0f} kB\n")
        browser.close()


if __name__ == "__main__":
    main()
