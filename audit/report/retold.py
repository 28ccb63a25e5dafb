"""Sentences of other stages with values in them, said again in the page's language.

Notes on files, figures of the checks and deviations are written in English where they are found, and
stand so in results.json. A page in another language finds the message that a sentence was made from,
takes the values out and says it again. What fits no message stays English and is marked so;
`tests/report/test_retold.py` holds the messages against what the stages write.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from babel.numbers import get_decimal_symbol

from audit.base.messages import catalogue
from audit.report.locale import SOURCE, ReportLocale, Spoken
from audit.report.sentences import FIXED, MESSAGES, MORE, UNKNOWN

_LABELS: dict[str, str] = {
    id.partition(".")[2]: row.text for id, row in catalogue().items() if id.startswith(("label.", "score-label."))
}

_FIGURE = r"-?(?:\d[\d.]*(?:e[+-]?\d+)?|inf|nan)"
_WORD = r"[^\s,;]+"
_CLAUSE = r"(?:(?!; ).){1,200}?"
_FREE = {
    **dict.fromkeys(("name", "condition", "metric", "digest", "unit", "family", "over", "how", "kind"), _CLAUSE),
    **dict.fromkeys(("row", "reason", "role", "list", "changes"), _CLAUSE),
    **dict.fromkeys(("cells", "names", "pairs", "parts", "title"), ".+?"),
    **dict.fromkeys(("metric", "label"), _WORD),
}
"""Places that hold words; all others hold figures. Names of files may hold anything."""


def messages() -> tuple[str, ...]:
    """Everything that a translation needs."""
    return (*FIXED, *MESSAGES, MORE)


def retold(loc: ReportLocale, text: str) -> Spoken:
    """A sentence of another stage in the page's language; as it is, and marked, where no message fits."""
    if not text or loc.code == SOURCE:
        return Spoken(text, foreign=False)
    said = _again(loc, text)
    return Spoken(text if said is None else said, foreign=said is None)


def _again(loc: ReportLocale, text: str) -> str | None:
    fixed = loc.say(text) if "{" not in text else text
    if fixed != text or text in FIXED:
        return fixed
    for message, literals, pattern in _patterns():
        # Looked for first, because a page has hundreds of sentences and few fit any one message.
        match = pattern.fullmatch(text) if all(part in text for part in literals) else None
        if match is None:
            continue
        values = {name: _value(loc, name, value) for name, value in match.groupdict().items()}
        told = {name: value for name, value in values.items() if value is not None}
        if len(told) == len(values):
            return loc.say(message, **told)
    return next((_joined(loc, text.split(link), link) for link in ("; ", ", ") if link in text), None)


def _value(loc: ReportLocale, name: str, value: str) -> str | None:
    """A place's value in the page's language; None where a part of it is not known."""
    both = loc.say("and")
    ways: dict[str, Callable[[], str | None]] = {
        "list": lambda: _joined(loc, value.split(", "), ", "),
        "changes": lambda: _joined(loc, value.split(" and "), f" {both} "),
        "label": lambda: loc.known(_LABELS.get(value, value)).text,
        "names": lambda: _cut(loc, value),
        "pairs": lambda: _cut(loc, value.replace("' and '", f"' {both} '")),
        "cells": lambda: _cells(loc, value),
        **dict.fromkeys(("row", "reason", "parts", "over", "how", "kind"), lambda: _again(loc, value)),
        "role": lambda: loc.known(value).text,
    }
    if name in ways:
        return ways[name]()
    if name in _FREE:
        return value
    return loc.known(value).text if value == UNKNOWN else value.replace(".", str(get_decimal_symbol(loc.babel)))


def _joined(loc: ReportLocale, parts: list[str], link: str) -> str | None:
    told = [_again(loc, part) for part in parts]
    return link.join(part for part in told if part is not None) if None not in told else None


def _cut(loc: ReportLocale, names: str) -> str:
    """Names in a row, with how many more there are."""
    return re.sub(r" and (\d+) more$", lambda match: loc.say(MORE, n=match[1]), names)


def _cells(loc: ReportLocale, cells: str) -> str | None:
    """`clean r2 (why), null r1 (why)`: the reasons said again."""
    told = {why: _again(loc, why) for why in re.findall(r" r\d+ \(([^()]*)\)", cells)}
    if None in told.values():
        return None
    return _cut(loc, re.sub(r"( r\d+ )\(([^()]*)\)", lambda match: f"{match[1]}({told[match[2]]})", cells))


@cache
def _patterns() -> tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...]:
    return tuple((m, tuple(re.split(r"\{\w+\}", m)), _pattern(m)) for m in MESSAGES)


def _pattern(message: str) -> re.Pattern[str]:
    made = ""
    for index, part in enumerate(re.split(r"\{(\w+)\}", message)):
        if index % 2 == 0:
            made += re.escape(part)
        elif f"(?P<{part}>" in made:
            made += f"(?P={part})"
        else:
            made += f"(?P<{part}>{_FREE.get(part, f'{_FIGURE}|{UNKNOWN}')})"
    return re.compile(made, re.DOTALL)
