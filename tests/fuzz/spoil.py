"""Ways to spoil bytes, JSON values, names and text; every draw from the generator handed in."""

from __future__ import annotations

from typing import Any

import numpy as np

WORDS = (
    "<script>alert(1)</script>", "\u202egnp.exe", "a\nb\r\nc", "../../../../etc/passwd", "/etc/passwd", "C:\\Windows",
    "\x00", "x" * 4000, "{{ 7*7 }}", "javascript:alert(1)", "' onmouseover=alert(1) x='", "%41%0a", "\ud800", "-rf", "",
    " ", "NaN", "1e999", "=cmd|' /C calc'!A0", "\ufeff", "\U0001f600" * 50, "&lt;b&gt;", "]]>", "\u2028",
)  # fmt: skip
SHOWN_TEXTS = ("artist", "caption", "sentence", "detail", "lineage", "note", "platform", "claimed_tool", "licence")
NUMBERS = (0, -1, 1, 2**31, 2**63, 10**30, 1e308, -1e308, 5e-324, 0.5)


def word(rng: np.random.Generator) -> str:
    """One of `WORDS`; an array of them would lose trailing zero characters."""
    return WORDS[int(rng.integers(0, len(WORDS)))]


def spoil_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    """Flip, cut, repeat, insert or swap, once to a few times."""
    spoiled = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, len(spoiled) + 1))
        match int(rng.integers(0, 6)):
            case 0 if at < len(spoiled):
                spoiled[at] ^= int(rng.integers(1, 256))
            case 1:
                del spoiled[at:]
            case 2:
                spoiled[at:at] = spoiled[at : at + 64] * int(rng.integers(1, 5))
            case 3:
                spoiled[at:at] = rng.bytes(int(rng.integers(1, 40)))
            case 4:
                del spoiled[at : at + int(rng.integers(1, 200))]
            case _:
                spoiled[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"])
    return bytes(spoiled)


def spoil_json(rng: np.random.Generator, value: Any) -> Any:
    """One place of a JSON value replaced, dropped or repeated."""
    if isinstance(value, dict) and value and rng.random() < 0.93:
        name = str(rng.choice(list(value)))
        changed = dict(value)
        match int(rng.integers(0, 12)):
            case 0:
                del changed[name]
            case 1:
                changed[str(rng.choice(["extra", "__class__", "model_config"]))] = 1
            case _:
                changed[name] = spoil_json(rng, value[name])
        return changed
    if isinstance(value, list) and value and rng.random() < 0.93:
        at = int(rng.integers(0, len(value)))
        match int(rng.integers(0, 10)):
            case 0:
                return value[:at]
            case 1:
                return [*value, value[at]]
            case 2:
                return value[::-1]
            case _:
                return [*value[:at], spoil_json(rng, value[at]), *value[at + 1 :]]
    return spoil_leaf(rng, value)


def spoil_leaf(rng: np.random.Generator, value: Any) -> Any:
    """Mostly a value of the same type, so that a schema is passed and what lies behind it is tried."""
    if rng.random() < 0.8:
        if isinstance(value, str):
            return word(rng) if rng.random() < 0.7 else value + word(rng)
        if isinstance(value, bool):
            return not value
        if isinstance(value, int | float):
            found = NUMBERS[int(rng.integers(0, len(NUMBERS)))]
            return int(found) if isinstance(value, int) and abs(found) < 1e300 else found
    return [None, [], {}, "", 0, True, "x" * 4000, [[[]]]][int(rng.integers(0, 8))]


def hostile_text(rng: np.random.Generator, value: Any) -> Any:
    """A JSON value in which every text that people may write is hostile; keys, digests and times stay."""
    if isinstance(value, dict):
        return {k: _named(rng, k, v) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile_text(rng, v) for v in value]
    return value


def _named(rng: np.random.Generator, name: str, value: Any) -> Any:
    if name in SHOWN_TEXTS and isinstance(value, str):
        # JSON cannot carry half a character, and one of these would have the whole file refused.
        return word(rng).encode("utf-8", "replace").decode("utf-8")
    return hostile_text(rng, value)
