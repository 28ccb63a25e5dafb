"""Bytes of a text that a person wrote, in whatever encoding their program saves, or nothing where that is not sure.

Unicode says what it is. Of the older encodings one is taken only where the text reads as plain writing in it and in
no other: kana for Japanese, the commonest characters for Chinese, syllables for Korean, and for Western languages
letters and marks that lie at one place in all their code pages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_WESTERN = ("cp1252", "cp1250", "cp1254")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_FEW = 3
"""Letters outside ASCII under which a script is not told from chance."""
_KANA_SHARE = 0.15


def decode_text(data: bytes) -> str | None:
    """The text, or None where no encoding is sure."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decoded(data, encoding)
    if (wide := _wide(data)) is not None:
        return wide
    if (text := _decoded(data, "utf-8")) is not None:
        return text
    found = _read(data, _READINGS)
    return found.pop() if len(found) == 1 and not _read(data, _RIVALS) else None


def _read(data: bytes, readings: Iterable[tuple[str, Callable[[str], bool]]]) -> set[str]:
    return {text for encoding, reads in readings if (text := _decoded(data, encoding)) is not None and reads(text)}


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, UnicodeError):
        return None


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of the ASCII in it is zero."""
    if len(data) < 4 or len(data) % 2:
        return None
    for encoding, zeros, others in (("utf-16-le", data[1::2], data[::2]), ("utf-16-be", data[::2], data[1::2])):
        if zeros.count(0) > 0.7 * len(zeros) and others.count(0) < 0.1 * len(others):
            return _decoded(data, encoding)
    return None


def _high(text: str) -> list[str]:
    return [c for c in text if ord(c) > 127]


def _western(text: str) -> bool:
    """Single letters among ASCII ones, and marks, that mean the same in all Western and Central code pages."""
    data = text.encode(_WESTERN[0])
    if any(_decoded(data, other) != text for other in _WESTERN[1:]):
        return False
    for at, c in enumerate(text):
        if ord(c) < 128 or unicodedata.category(c)[0] == "P":
            continue
        around = text[max(at - 1, 0) : at] + text[at + 1 : at + 2]
        if unicodedata.category(c) not in ("Ll", "Lu") or not any(x.isascii() and x.isalpha() for x in around):
            return False
        if any(ord(x) > 127 and x.isalpha() for x in around) or (c.isupper() and text[max(at - 1, 0) : at].islower()):
            return False
    return True


def _japanese(text: str) -> bool:
    high = _high(text)
    # Half-width kana are what Chinese and Korean look like in this code page.
    plain = all(not "\uff61" <= c <= "\uff9f" and not "\ue000" <= c <= "\uf8ff" for c in high)
    return plain and len(high) >= _FEW and len(_KANA.findall(text)) >= _KANA_SHARE * len(high)


def _chinese(encoding: str, first: int, last: int) -> Callable[[str], bool]:
    """Whether all characters are of the encoding's first level (the commonest), or marks."""

    def reads(text: str) -> bool:
        letters = [c for c in _high(text) if unicodedata.category(c)[0] == "L"]
        levels = [c.encode(encoding)[0] for c in letters]
        return len(letters) >= _FEW and all(first <= lead <= last for lead in levels)

    return reads


def _korean(text: str) -> bool:
    letters = [c for c in _high(text) if unicodedata.category(c)[0] == "L"]
    return len(letters) >= _FEW and all("\uac00" <= c <= "\ud7a3" for c in letters)


def _script(name: str) -> Callable[[str], bool]:
    """Whether all letters beyond ASCII are of one script and in the case of a written word."""

    def reads(text: str) -> bool:
        words = re.findall(r"[^\W\d_]+", text)
        high = [w for w in words if not w.isascii()]
        plain = all(unicodedata.category(c)[0] in "LP" for c in _high(text))
        whole = all(unicodedata.name(c, "").startswith(name) for w in high for c in w)
        return plain and whole and all(w[1:] == w[1:].lower() for w in high)

    return reads


_READINGS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("cp1252", _western),
    ("cp932", _japanese),
    ("euc-jp", _japanese),
    ("gb2312", _chinese("gb2312", 0xB0, 0xD7)),
    ("big5", _chinese("big5", 0xA4, 0xC6)),
    ("euc-kr", _korean),
)
_RIVALS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("euc-jp", _chinese("euc-jp", 0xB0, 0xCF)),
    ("cp1251", _script("CYRILLIC")),
    ("koi8-r", _script("CYRILLIC")),
    ("cp1253", _script("GREEK")),
    ("cp1255", _script("HEBREW")),
    ("cp1256", _script("ARABIC")),
    ("cp874", _script("THAI")),
)
"""Japanese without kana, and alphabets that read like one another: never sure; what reads in one is refused."""
