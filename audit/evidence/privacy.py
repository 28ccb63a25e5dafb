"""What a bundle would disclose: listed before it is made, and, of a redacted or minimal one, refused.

Mail addresses and paths are looked for in every text. Web addresses, telephone numbers and names stand in many texts
for a good reason, so they are looked for in what people typed: names, captions, prompts.
"""

from __future__ import annotations

import getpass
import io
import json
import os
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from PIL import Image

from audit.base.errors import BadInput
from audit.base.messages import Said, say
from audit.evidence.contents import Contents
from audit.evidence.layout import Profile
from audit.evidence.source import RunSource
from audit.images import FORMATS
from audit.records import Plan

TEXT = (".json", ".jsonl", ".html", ".txt", ".md", ".tsq")
_PATHS = re.compile(r"(?:/home/|/Users/|/root/|/tmp/|/var/folders/|\b[A-Za-z]:\\\\?Users\\)[^\s\"'<>,;)]{1,80}")
_ADDRESS = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,3}\.[A-Za-z]{2,24}\b")
_OWN_METADATA = (b"XML:com.adobe.xmp",)
COMMON_NAMES = frozenset({"root", "user", "admin", "localhost", "debian", "ubuntu", "runner", "build"})
"""Names of users and hosts that are words of every text; finding them says nothing about a person."""


_URL = re.compile(
    r"\b(?i:https?://|www\.)[^\s\"'<>]{2,200}"
    r"|(?<![\w.@-])[\w-]{2,63}\.(?:com|net|org|art|io|co|me|eu|de|fr|uk|es|it|nl|at|ch|jp|ca|au)(?![\w.-])(?:/\S{0,200})?"
    r"|(?<![\w@.])@[A-Za-z0-9_][\w.]{2,39}",
)
_PICTURE = re.compile(r"\.(?:png|jpe?g|jfif|webp|tiff?|avif|psd|hei[cf])$", re.IGNORECASE)
_PHONE = re.compile(
    r"(?<![\w+])(?:\+|00)[1-9][\d ()/.-]{6,16}\d(?!\w)"
    r"|(?<!\w)0\d{2,5}[ /-]\d[\d -]{4,12}\d(?!\w)"
    r"|\b(?:tel|phone|telefon|fon|mobile?)\W{1,3}\d[\d ()/.-]{5,16}\d"
    r"|\(\d{3}\) ?\d{3}-\d{4}|(?<![\w-])\d{3}[-.]\d{3}[-.]\d{4}(?![\w-])",
    re.IGNORECASE,
)
Kind = Literal["path", "mail", "url", "phone", "host", "user", "never"]


@dataclass(frozen=True)
class Trace:
    """Something that tells who or where somebody is.

    Attributes:
        place: where in the file: keys and positions of a JSON file, else the line.
    """

    kind: Kind
    found: str
    file: str
    place: str


@dataclass(frozen=True)
class Disclosure:
    """One thing that a reader of the bundle would learn."""

    said: Said
    unexpected: bool = False
    """True for what no bundle should hold, such as a path of this machine."""


FOLDERS = {
    "originals/": "discloses.originals",
    "protected/": "discloses.protected",
    "images/ai-generated": "discloses.generated",
    "images/work": "discloses.works",
    "images/treated": "discloses.treated",
    "weights/": "discloses.weights",
}
"""How names of files of the bundle begin -> what these are."""


def audit_privacy(
    source: RunSource, contents: Contents, *, signer: str, never: Sequence[str] = ()
) -> tuple[Disclosure, ...]:
    """Everything that the bundle with these contents tells about people and machines.

    Args:
        signer: digest of the key that will sign; '' where it is yet to be made.
        never: see `must_not_disclose`.
    """
    plan, provenance = source.plan, source.results.provenance
    names = [*(w.name for w in plan.works), *(f.name for f in plan.protected)]
    system, device, python = provenance.platform, provenance.device, provenance.python
    found = [
        *([say("discloses.artist", name=plan.artist)] if plan.artist else []),
        say("discloses.files", names=names),
        say("discloses.captions", captions=[w.caption for w in plan.works]),
        say("discloses.digests", count=len(plan.works)),
        say("discloses.key", key=signer) if signer else say("discloses.new-key"),
        say("discloses.times", begun=provenance.started, ended=provenance.finished),
        say("discloses.system", system=system, device=device, python=python),
    ]
    if source.environment:
        e = source.environment
        found.append(say("discloses.hardware", processor=e.processor, cores=e.cores, packages=len(e.packages)))
    for beginning, id in FOLDERS.items():
        count = sum(name.startswith(beginning) for name in contents.files)
        if count:
            found.append(say(id, count=count))
    told = [Disclosure(said) for said in found]
    for name, made in contents.files.items():
        data = made if isinstance(made, bytes) else made.read_bytes()
        if name.endswith(TEXT):
            told += [Disclosure(say(f"discloses.{id}", found=trace, file=name), True) for id, trace in traces(data)]
        elif name.startswith(("originals/", "protected/", "images/")):
            kinds = metadata_kinds(data)
            if kinds:
                told.append(Disclosure(say("discloses.metadata", kinds=kinds, file=name), name.startswith("images/")))
    told += [
        Disclosure(say(f"discloses.{f.kind}", found=f.found, file=f"{f.file}, {f.place}"), True)
        for f in findings(source, contents, never=never)
        if f.kind in ("url", "phone", "never")
    ]
    return tuple({one.said.canonical(): one for one in told}.values())


def must_not_disclose(source: RunSource, contents: Contents, *, profile: Profile, never: Sequence[str] = ()) -> None:
    """Refuse a bundle that tells what it is there to leave out; a full one only words that were named.

    Args:
        never: words that must stand nowhere, such as the artist's own name; small and capital letters, and how the
            words are joined, make no difference.

    Raises:
        BadInput: `bundle-discloses`.
    """
    found = [f for f in findings(source, contents, never=never) if profile != "full" or f.kind == "never"]
    if found:
        first = found[0]
        raise BadInput(
            "bundle-discloses",
            profile=profile,
            what=say(f"told-kind.{first.kind}"),
            found=first.found,
            file=first.file,
            place=first.place,
            count=len(found),
        )


def findings(source: RunSource, contents: Contents, *, never: Sequence[str] = ()) -> list[Trace]:
    """Everything in the texts of a bundle that tells who or where somebody is."""
    words = [pattern for word in never if (pattern := _anyhow(word)) is not None]
    found = []
    typed = set(_typed(source.plan))
    full = _anyhow(_full_name())
    own = [(kind, word) for kind, word in (("host", socket.gethostname()), ("user", _user())) if _tells(word)]
    for name, made in contents.files.items():
        if not name.endswith(TEXT):
            continue
        data = made if isinstance(made, bytes) else made.read_bytes()
        for place, text in _texts(name, data):
            found += [Trace("path", m.group(), name, place) for m in _PATHS.finditer(text)]
            found += [Trace("mail", m.group(), name, place) for m in _ADDRESS.finditer(text)]
            found += [Trace("never", m.group(), name, place) for pattern in words for m in pattern.finditer(text)]
            if text in typed:
                bare = _ADDRESS.sub(" ", _PICTURE.sub("", text))
                found += [Trace("url", m.group(), name, place) for m in _URL.finditer(bare)]
                found += [Trace("phone", m.group(), name, place) for m in _PHONE.finditer(bare)]
                if full is not None:
                    found += [Trace("user", m.group(), name, place) for m in full.finditer(text)]
                for kind, word in own:
                    if re.search(rf"\b{re.escape(word)}\b", text):
                        found.append(Trace(cast(Kind, kind), word, name, place))
    return found


def _typed(plan: Plan) -> Iterator[str]:
    """What people typed or named."""
    yield from (plan.artist, *plan.prompts)
    for work in plan.works:
        yield from (work.name, work.caption)
    yield from (text for file in plan.protected for text in (file.arm, file.name))


def _texts(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    """Every string of a JSON file with its place, or every line of another text."""
    if name.endswith((".json", ".jsonl")):
        lines = data.split(b"\n") if name.endswith(".jsonl") else [data]
        for number, line in enumerate(lines, 1):
            try:
                values = json.loads(line)
            except (ValueError, RecursionError):
                continue
            yield from _strings(values, f"line {number}" if len(lines) > 1 else "")
    else:
        # Inlined pictures are long runs of letters in which anything can be found.
        text = re.sub(r"base64,[A-Za-z0-9+/=]+", "base64,", data.decode("utf-8", errors="replace"))
        yield from ((f"line {number}", line) for number, line in enumerate(text.split("\n"), 1))


def _strings(value: Any, place: str) -> Iterator[tuple[str, str]]:
    waiting = [(value, place)]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, str):
            yield place or "top", value
        elif isinstance(value, dict):
            waiting += [(inner, f"{place}.{key}".strip(".")) for key, inner in reversed(value.items())]
            waiting += [(key, f"{place} (key)".strip()) for key in value]
        elif isinstance(value, list):
            waiting += [(inner, f"{place}[{number}]") for number, inner in reversed(list(enumerate(value)))]


def _anyhow(word: str) -> re.Pattern[str] | None:
    """A word or name however its parts are joined: "Jane Doe", jane-doe, JANEDOE."""
    parts = re.findall(r"\w+", word)
    return (
        re.compile(r"(?<!\w)" + r"[\W_]{0,3}".join(map(re.escape, parts)) + r"(?![^\W_])", re.IGNORECASE)
        if parts
        else None
    )


def _tells(word: str) -> bool:
    return len(word) > 3 and word.lower() not in COMMON_NAMES


def traces(data: bytes) -> Iterator[tuple[Literal["path", "mail", "host", "user"], str]]:
    """Paths, host name, user name and mail addresses in a text."""
    text = data.decode("utf-8", errors="replace")
    # Inlined pictures are long runs of letters in which anything can be found.
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "base64,", text)
    for match in {m.group() for m in _PATHS.finditer(text)}:
        yield "path", match
    for match in {m.group() for m in _ADDRESS.finditer(text)}:
        yield "mail", match
    own: tuple[tuple[Literal["host", "user"], str], ...] = (("host", socket.gethostname()), ("user", _user()))
    for id, word in own:
        if _tells(word) and re.search(rf"\b{re.escape(word)}\b", text):
            yield id, word
    home = os.path.expanduser("~")
    if len(home) > 3 and f"{home}/" in text and not _PATHS.search(f"{home}/x"):
        yield "path", home


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _full_name() -> str:
    """The user's name as the system knows it, where it is one of several words."""
    try:
        import pwd  # not on Windows

        found = pwd.getpwuid(os.getuid()).pw_gecos.partition(",")[0].strip()
    except (ImportError, KeyError, OSError):
        return ""
    return found if len(found.split()) > 1 else ""


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
