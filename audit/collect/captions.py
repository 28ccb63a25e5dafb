"""Captions in one CSV file that a person reads and mends before anything is trained."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import ExifTags, Image

from audit.base.errors import BadInput
from audit.base.files import reason
from audit.base.text import printable
from audit.collect.folders import list_pictures
from audit.collect.names import caption_for, clean_caption, first_caption
from audit.collect.sidecars import Sidecars, folded
from audit.collect.table import MOST_ROWS, NotCsv, read_table
from audit.images import FORMATS, read_regular
from audit.records.works import NEUTRAL_CAPTION

Source = Literal["sidecar", "description", "file name", "model", "none"]
SOURCES: Mapping[Source, str] = {
    "sidecar": "caption.sidecar",
    "description": "caption.description",
    "file name": "caption.name",
    "model": "caption.model",
    "none": "caption.none",
}
"""Where a caption came from -> the message that says so."""
COLUMNS = ("file", "caption", "source")
MOST_PICTURE_BYTES = 100 << 20
_XMP_CHARACTERS = 64 * 1024
_XMP = re.compile(r"<dc:description>\s{0,99}<rdf:Alt>\s{0,99}<rdf:li[^<>]{0,200}>([^<]{1,2000})</rdf:li>")
_FOLDERS = re.compile(r".*[\\/]", re.DOTALL)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula."""


@dataclass(frozen=True)
class Captioned:
    """One picture's caption and where it came from."""

    file: str
    caption: str
    source: Source


def propose(folder: Path, *, describe: Callable[[Path], str] | None) -> list[Captioned]:
    """A caption for every picture of a folder: sidecar, else a model's words, else description, else file name.

    Args:
        describe: a captioning model's words for a picture file; None without one.

    Raises:
        BadInput: those of listing a folder and of a sidecar that cannot be read.
    """
    paths = list_pictures(folder, "given", [])
    sidecars = Sidecars(folder)
    return [_propose(path, sidecars.text(path.name), describe) for path in paths]


def _propose(path: Path, sidecar: str | None, describe: Callable[[Path], str] | None) -> Captioned:
    if sidecar is not None and (said := first_caption(sidecar)):
        return Captioned(path.name, said, "sidecar")
    if describe is not None and (said := clean_caption(describe(path))):
        return Captioned(path.name, said, "model")
    if said := clean_caption(embedded_description(path)):
        return Captioned(path.name, said, "description")
    said = caption_for(path.name)
    return Captioned(path.name, said, "none" if said == NEUTRAL_CAPTION else "file name")


def embedded_description(path: Path) -> str:
    """What the picture's own metadata say it shows: EXIF ImageDescription, PNG `Description` or `Title`, XMP.

    Names of people, places and cameras are never read. '' when there is none, or none that can be read:
    a broken description is no reason to refuse a picture.
    """
    try:
        data = read_regular(path, limit=MOST_PICTURE_BYTES)
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            # Asking a PNG for EXIF that it has not before its pixels would decode it whole, and in this process.
            exif = picture.getexif() if picture.format != "PNG" or "exif" in picture.info else {}
            texts = [exif.get(ExifTags.Base.ImageDescription, "")]
            texts += [picture.info.get(name, "") for name in ("Description", "Title")]
            xmp = picture.info.get("xmp", picture.info.get("XML:com.adobe.xmp", b""))
    except Exception:  # Pillow's parsers raise many kinds on hostile metadata, and none of them matters here
        return ""
    written = xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp)
    found = _XMP.search(written[:_XMP_CHARACTERS])
    texts.append(html.unescape(found[1]) if found else "")
    return next((text for text in texts if isinstance(text, str) and text.strip(" \0")), "")


def write_captions(rows: Sequence[Captioned], *, sources: bool = True) -> bytes:
    """The CSV file, UTF-8 with a byte order mark, so that spreadsheets read it rightly."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    width = len(COLUMNS) if sources else len(COLUMNS) - 1
    writer.writerow(COLUMNS[:width])
    for row in rows:
        writer.writerow([inert(row.file), inert(row.caption), row.source][:width])
    return text.getvalue().encode("utf-8-sig", errors="replace")


def read_captions(path: Path) -> dict[str, str]:
    """File name -> caption, as a person left them.

    Raises:
        BadInput: `captions-unreadable`, `captions-row`.
    """
    try:
        columns, rows = read_table(path)
    except NotCsv as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise BadInput("captions-unreadable.absent", file=path.name) from error
        if isinstance(error.__cause__, PermissionError):
            # A spreadsheet program on Windows keeps others out of the file that it shows.
            raise BadInput("captions-unreadable.open", file=path.name, why=reason(error.__cause__)) from error
        raise BadInput("captions-unreadable", file=path.name, most=MOST_ROWS) from error
    found: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        file, caption = (plain(row.get(column, "")) for column in ("file", "caption"))
        if "file" not in columns or not file or file in found or not clean_caption(caption):
            raise BadInput("captions-row", number=number, file=path.name)
        found[file] = clean_caption(caption)
    return _by_any_name(found)


def _by_any_name(found: Mapping[str, str]) -> dict[str, str]:
    """The same, also by names without the folder before them, which programs on Windows write with a backslash.

    And by names in any case and normal form, as other programs write them; what would have two captions has none.
    """
    others: dict[str, set[str]] = {}
    for file, caption in found.items():
        tail = _FOLDERS.sub("", file)
        for name in {tail, folded(tail)}:
            others.setdefault(name, set()).add(caption)
    return {**{name: min(said) for name, said in others.items() if name and len(said) == 1}, **found}


def apply_captions(captions: Mapping[str, str], files: Sequence[str]) -> None:
    """Check that every picture has its row.

    Raises:
        BadInput: `captions-incomplete`.
    """
    gone = [file for file in files if caption_of(captions, file) is None]
    if gone:
        raise BadInput("captions-incomplete", picture=gone[0], count=len(gone), all=len(files))


def caption_of(captions: Mapping[str, str], file: str) -> str | None:
    """The caption of a file, by its name or by what the run or a spreadsheet makes of a strange one; None without."""
    names = (file, file.strip(), printable(file), folded(file))
    return next((captions[name] for name in names if name in captions), None)


def inert(cell: str) -> str:
    """A cell that a spreadsheet takes for text, whatever it begins with."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def plain(cell: str) -> str:
    """What `inert` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell
