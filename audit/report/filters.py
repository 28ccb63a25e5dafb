"""Numbers, dates and names as a reader sees them: the only place where values become text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from audit.errors import printable

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
MISSING = "not measured"
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


def clean(value: object) -> object:
    """Jinja's `finalize`: no string reaches the page with control or bidi characters in it.

    It also keeps a number and its per cent sign on one line, whoever wrote the sentence.
    """
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    flat = re.sub(r"[\t\r\n]+", " ", value)
    return printable(re.sub(r"(?<=\d) %", f"{NBSP}%", flat), limit=4000)


def percent(share: float | None) -> str:
    """A share as whole percent: 0.352 -> "35 %"; None in words; tiny but not zero keeps one digit.

    Whole percents, because no run of a dozen trainings is more precise than that.
    """
    if share is None:
        return MISSING
    if 0 < abs(share) < 0.01:
        text = f"{abs(share) * 100:.1f}"
        if text == "0.0":
            return f"under 0.1{NBSP}%" if share > 0 else f"between {MINUS}0.1 and 0{NBSP}%"
        return f"{MINUS if share < 0 else ''}{text}{NBSP}%"
    whole = round(share * 100)
    return f"{MINUS if whole < 0 else ''}{abs(whole)}{NBSP}%"


def number(value: float | None, *, digits: int = 3) -> str:
    """A plain number with a fixed count of decimals and a true minus sign; None in words."""
    if value is None:
        return MISSING
    text = f"{abs(value):.{digits}f}"
    return f"{MINUS if value < 0 and float(text) != 0 else ''}{text}"


def p_value(value: float | None) -> str:
    """A p value with three decimals; never "0.000"."""
    if value is None:
        return MISSING
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def count(n: int, one: str, many: str) -> str:
    """`count(1, "training", "trainings")` -> "1 training"."""
    return f"{n}{NBSP}{one if n == 1 else many}"


def duration(seconds: float) -> str:
    """Seconds as a reader says them: "4 minutes", "2 hours 10 minutes"."""
    if seconds < 90:
        return count(round(seconds), "second", "seconds")
    minutes = round(seconds / 60)
    if minutes < 90:
        return count(minutes, "minute", "minutes")
    hours, rest = divmod(minutes, 60)
    return count(hours, "hour", "hours") + (f" {count(rest, 'minute', 'minutes')}" if rest else "")


def day(stamp: str) -> str:
    """ISO 8601 -> "22 November 2026"; text that is no date is shown as it is."""
    moment = _moment(stamp)
    return stamp if moment is None else f"{moment.day}{NBSP}{_MONTHS[moment.month - 1]}{NBSP}{moment.year}"


def minute(stamp: str) -> str:
    """ISO 8601 -> "22 November 2026, 03:05 UTC"; text that is no date is shown as it is."""
    moment = _moment(stamp)
    return stamp if moment is None else f"{day(stamp)}, {moment:%H:%M}{NBSP}UTC"


def short(digest: str) -> str:
    """The first twelve digits of a digest."""
    return digest[:12]


def join_words(parts: Sequence[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _moment(stamp: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(stamp)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


FILTERS: dict[str, Callable[..., str]] = {
    "percent": percent,
    "number": number,
    "p_value": p_value,
    "duration": duration,
    "day": day,
    "minute": minute,
    "short": short,
    "join_words": join_words,
}
