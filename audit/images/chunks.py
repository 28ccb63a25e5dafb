"""What lies around the pixels in a file: PNG chunks that a decoder need not see, and a JPEG that ends too early.

A PNG's texts (a program's history, a workflow) and its profile may be larger than a decoder accepts. Texts say
nothing about pixels and are cut out before decoding; a profile is taken out and unpacked here, within a bound.
Chunks: PNG specification, third edition (W3C, 2025), section 11.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
MOST_PROFILE = 16 << 20
"""Bytes of an unpacked colour profile; the largest printing profiles take about 4 MiB."""
_KEPT_TEXT = 64 << 10
"""An orientation may stand in a text `Raw profile type exif`, as ImageMagick writes it."""
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp\0"
_TURNED = re.compile(rb"tiff:Orientation\s{0,9}(?:=\s{0,9}[\"']|>)\s{0,9}([2-8])")
_COLOURS = {b"cICP": 4, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1}
_END = b"\xff\xd9"
_PADS = (b"\x55", b"\xc3\x00")


@dataclass(frozen=True)
class Lean:
    """A PNG without its texts and profile.

    Attributes:
        data: what a decoder is to see.
        profile: the ICC profile, unpacked; b'' where it cannot be unpacked within the bound; None without one.
        xmp: the start of its XMP, as it stands.
        colours: contents of cICP, gAMA, cHRM and sRGB by name.
    """

    data: bytes
    profile: bytes | None = None
    xmp: bytes = b""
    colours: dict[bytes, bytes] = field(default_factory=dict)


def lean_png(data: bytes) -> Lean:
    """Cut texts and the profile out of a PNG; whatever is damaged stays for the decoder to judge."""
    kept: list[memoryview] = []
    view, at, since = memoryview(data), len(PNG), 0
    profile: bytes | None = None
    xmp, colours = b"", dict[bytes, bytes]()
    while at + 12 <= len(data):
        length, tag = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        start, end = at + 8, at + 12 + length
        if end > len(data):
            break
        if tag == b"IDAT" or not (tag in _TEXTS or tag == b"iCCP" or tag in _COLOURS):
            at = end
            continue
        if tag in _COLOURS:
            if length == _COLOURS[tag]:
                colours.setdefault(tag, data[start : start + length])
            at = end
            continue
        if tag == b"iCCP" and profile is None:
            profile = _unpacked(data[start : end - 4].partition(b"\0")[2][1:], MOST_PROFILE)
        elif tag == b"iTXt" and data[start : start + len(_XMP)] == _XMP:
            xmp = xmp or _text(data[start + len(_XMP) : end - 4])
        if not (data[start : start + 25].startswith(b"Raw profile type exif") and length <= _KEPT_TEXT):
            kept.append(view[since:at])
            since = end
        at = end
    return Lean(b"".join([*kept, view[since:]]), profile, xmp, colours)


def turned_in_xmp(xmp: bytes) -> bool:
    """Whether XMP tells an orientation other than upright."""
    return _TURNED.search(xmp[: 1 << 20]) is not None


def ended_jpegs(data: bytes) -> tuple[bytes, ...]:
    """A JPEG that lacks its end mark, ended in several ways.

    They decode to the same pixels where nothing but the mark is missing: what follows the last block is then read by
    no one. Where picture data are missing, the padding is taken for them.
    """
    whole = data.rstrip(b"\xff")  # half an end mark
    return tuple(whole + pad for pad in (_END, *(unit * 4096 + _END for unit in _PADS)))


def webp_is_lossy(data: bytes) -> bool:
    """Whether the first bitstream in the RIFF container is `VP8 ` (lossy) and not `VP8L`."""
    at = 12
    while at + 8 <= len(data):
        tag, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if tag in (b"VP8 ", b"VP8L"):
            return tag == b"VP8 "
        # A frame of an animation holds chunks of its own behind 16 bytes of header.
        at += 8 + (16 if tag == b"ANMF" else size + size % 2)
    return True


def _text(packed: bytes) -> bytes:
    """Content of an iTXt behind its keyword: flag, method, language, translated keyword, text."""
    flag = packed[:1]
    text = packed[2:].split(b"\0", 2)[-1]
    return _unpacked(text, 1 << 20) if flag == b"\1" else text[: 1 << 20]


def _unpacked(packed: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(packed, most)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else found
