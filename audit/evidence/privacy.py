"""What a bundle would disclose, listed before it is made: names, pictures, metadata, traces of the machine."""

from __future__ import annotations

import getpass
import io
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from audit.evidence.contents import Contents
from audit.evidence.source import RunSource
from audit.images import FORMATS

TEXT = (".json", ".jsonl", ".html", ".txt", ".md", ".tsq")
_PATHS = re.compile(r"(?:/home/|/Users/|/root/|/tmp/|/var/folders/|\b[A-Za-z]:\\\\?Users\\)[^\s\"'<>,;)]{1,80}")
_ADDRESS = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,3}\.[A-Za-z]{2,24}\b")
_OWN_METADATA = (b"XML:com.adobe.xmp",)
COMMON_NAMES = frozenset({"root", "user", "admin", "localhost", "debian", "ubuntu", "runner", "build"})
"""Names of users and hosts that are words of every text; finding them says nothing about a person."""


@dataclass(frozen=True)
class Disclosure:
    """One thing that a reader of the bundle would learn."""

    what: str
    detail: str
    unexpected: bool = False
    """True for what no bundle should hold, such as a path of this machine."""


def audit_privacy(source: RunSource, contents: Contents, *, signer: str) -> tuple[Disclosure, ...]:
    """Everything that the bundle with these contents tells about people and machines."""
    plan, provenance = source.plan, source.results.provenance
    names = [*(w.name for w in plan.works), *(f.name for f in plan.protected)]
    found = [
        Disclosure("artist's name as given", plan.artist),
        Disclosure("file names of the works", _some(names)),
        Disclosure("captions of the works", _some([w.caption for w in plan.works])),
        Disclosure("digests of the works", f"{len(plan.works)}; whoever has a file can tell that it was in the test"),
        Disclosure("signing key", f"{signer}; bundles signed with one key can be linked"),
        Disclosure("times", f"{provenance.started} to {provenance.finished}"),
        Disclosure("system", f"{provenance.platform}, {provenance.device}, Python {provenance.python}"),
    ]
    if source.environment:
        e = source.environment
        detail = f"{e.processor}, {e.cores} core(s), {len(e.packages)} packages with versions"
        found.append(Disclosure("hardware and software", detail))
    for folder, words in (
        ("originals/", "the artist's original files, byte for byte"),
        ("protected/", "the artist's protected files, byte for byte"),
        ("images/ai-generated", "pictures made by the trained models"),
        ("images/work", "previews and crops of the artist's works"),
        ("images/treated", "crops of treated works"),
        ("weights/", "trained add-ons that imitate the artist"),
    ):
        count = sum(name.startswith(folder) for name in contents.files)
        if count:
            found.append(Disclosure(words, str(count)))
    for name, made in contents.files.items():
        data = made if isinstance(made, bytes) else made.read_bytes()
        if name.endswith(TEXT):
            found += [Disclosure(what, f"{detail} (in {name})", True) for what, detail in traces(data)]
        elif name.startswith(("originals/", "protected/", "images/")):
            kinds = metadata_kinds(data)
            if kinds:
                unexpected = name.startswith("images/")
                found.append(Disclosure("metadata in a picture", f"{', '.join(kinds)} (in {name})", unexpected))
    return tuple(dict.fromkeys(found))


def traces(data: bytes) -> Iterator[tuple[str, str]]:
    """Paths, host name, user name and mail addresses in a text."""
    text = data.decode("utf-8", errors="replace")
    # Inlined pictures are long runs of letters in which anything can be found.
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "base64,", text)
    for match in {m.group() for m in _PATHS.finditer(text)}:
        yield "a path of this machine", match
    for match in {m.group() for m in _ADDRESS.finditer(text)}:
        yield "a mail address", match
    for what, word in (("this machine's name", socket.gethostname()), ("the user's name", _user())):
        if len(word) > 3 and word.lower() not in COMMON_NAMES and re.search(rf"\b{re.escape(word)}\b", text):
            yield what, word
    home = str(Path.home())
    if len(home) > 3 and f"{home}/" in text and not _PATHS.search(f"{home}/x"):
        yield "a path of this machine", home


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def metadata_kinds(data: bytes) -> list[str]:
    """Kinds of metadata in a picture file beside our own mark: EXIF, GPS, XMP, ICC profile, comment, text."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            # Asking a PNG for EXIF that it does not have at its head would decode it whole, and in this process.
            whole = picture.format != "PNG" or "exif" in picture.info
            info, exif = dict(picture.info), picture.getexif() if whole else Image.Exif()
    except Exception:  # a picture that Pillow cannot open tells nothing
        return []
    found = ["EXIF"] if len(exif) or (not whole and b"eXIf" in data) else []
    if exif.get_ifd(0x8825):
        found.append("GPS")
    marked = all(mark in data for mark in _OWN_METADATA) and b"trainedAlgorithmicMedia" in data
    xmp = any("xmp" in str(key).lower() for key in info)
    if xmp and not marked:
        found.append("XMP")
    if info.get("icc_profile"):
        found.append("ICC profile")
    if info.get("comment"):
        found.append("comment")
    if any(isinstance(v, str) and "xmp" not in str(k).lower() for k, v in info.items()):
        found.append("text")
    return found


def _some(words: list[str]) -> str:
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    return ", ".join(words[:3]) + more
