"""One language: whole-sentence messages with named placeholders, numbers and dates as its readers write them.

The English text in the code is the message's id (gettext); a translation is one file
`templates/locale/<code>.po`, read as it is, so that there is nothing to compile. Code asks `say` and `many`;
`scripts/messages` finds their texts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from string import Formatter

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, get_decimal_symbol
from markupsafe import Markup, escape

from audit.base.errors import BadInput
from audit.base.files import open_regular
from audit.base.messages import Language, Said, as_written, lines, render
from audit.base.messages import catalogue as messages
from audit.base.text import printable
from audit.report.assets import templates_folder

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
SOURCE = "en"


def clean(value: object) -> object:
    """Jinja's `finalize`: no string reaches the page with control or bidi characters in it.

    It also keeps a number and its per cent sign on one line, whoever wrote the sentence.
    """
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    flat = re.sub(r"[\t\r\n]+", " ", value)
    return printable(re.sub(r"(?<=\d) %", f"{NBSP}%", flat), limit=4000)


@dataclass(frozen=True)
class Spoken:
    """Words that another stage wrote, in the page's language where a translation is known."""

    text: str
    foreign: bool
    """True when it is still English on a page in another language."""


@dataclass(frozen=True, eq=False)
class ReportLocale:
    """How one language says things. `code` is the page's `lang`."""

    code: str
    babel: Locale
    catalogue: NullTranslations
    texts: frozenset[str] = frozenset()
    """English texts that have a translation."""

    # --- messages ------------------------------------------------------------------------------------

    def say(self, message: str, /, **values: object) -> str:
        """The message in this language, with `{name}` places filled."""
        return self.catalogue.gettext(message).format(**values)

    def many(self, n: int, one: str, other: str, /, **values: object) -> str:
        """The message in the form that the number takes; `{n}` is the number."""
        return self.catalogue.ngettext(one, other, n).format(n=n, **values).replace(f"{n} ", f"{n}{NBSP}", 1)

    def spoken(self, said: Said | None) -> Spoken:
        """What another stage says, in this language; marked where a part of it has no translation. None is ''."""
        if said is None:
            return Spoken("", foreign=False)
        return Spoken(render(self._known(said), self._language), foreign=self._foreign(said))

    def parted(self, said: Said) -> tuple[Spoken, str]:
        """The first part of it, and the rest in the same language; '' where it has one part only."""
        first, *rest = lines(self._known(said), self._language)
        return Spoken(first, foreign=self._foreign(said)), " ".join(rest)

    def render(self, said: Said | None) -> str:
        """The same without the mark, to stand within a sentence."""
        return self.spoken(said).text

    def known(self, text: str) -> Spoken:
        """Words of another stage that come without places, in this language where it has them."""
        return self.spoken(as_written(text))

    @cached_property
    def _language(self) -> Language:
        return Language(self.catalogue.gettext, str(get_decimal_symbol(self.babel)), english=self.code == SOURCE)

    def _known(self, said: Said) -> Said:
        """A finished sentence of an older file in this language, where it is one that has a translation."""
        if said.finished:
            sentence = said.values["sentence"]
            return as_written(self.catalogue.gettext(sentence)) if isinstance(sentence, str) and sentence else said
        told = {name: self._known(value) for name, value in said.values.items() if isinstance(value, Said)}
        return said.model_copy(update={"values": {**said.values, **told}}) if told else said

    def _foreign(self, said: Said) -> bool:
        if self.code == SOURCE:
            return False
        own = str(said.values["sentence"]) if said.finished else said.text or messages()[said.id].text
        parts = [part for value in said.values.values() for part in (value if isinstance(value, tuple) else (value,))]
        # A text of places and signs alone is the same in every language.
        worded = said.finished or any(any(map(str.isalpha, literal)) for literal, *_ in Formatter().parse(own))
        return (worded and bool(own) and own not in self.texts) or any(
            self._foreign(part) for part in parts if isinstance(part, Said)
        )

    def markup(self, message: str, /, **values: object) -> Markup:
        """`say` for templates: message and values are escaped, values that are markup already are not."""
        safe = {name: clean(value) for name, value in values.items()}
        return Markup(escape(self.catalogue.gettext(message))).format(**safe)

    def markup_many(self, n: int, one: str, other: str, /, **values: object) -> Markup:
        """`many` for templates."""
        safe = {name: clean(value) for name, value in values.items()}
        return Markup(escape(self.catalogue.ngettext(one, other, n))).format(n=n, **safe)

    def join(self, parts: Sequence[str]) -> str:
        """["a", "b", "c"] -> "a, b and c"."""
        if len(parts) < 2:
            return "".join(parts)
        return self.say("{some} and {last}", some=", ".join(parts[:-1]), last=parts[-1])

    # --- numbers and dates ---------------------------------------------------------------------------

    def number(self, value: float | None, *, digits: int = 3) -> str:
        """A plain number with a fixed count of decimals and a true minus sign; None in words."""
        if value is None:
            return self.missing
        text = f"{abs(value):.{digits}f}"
        written = str(format_decimal(text, format=f"0.{'0' * digits}" if digits else "0", locale=self.babel))
        return f"{MINUS if value < 0 and float(text) != 0 else ''}{written}"

    def percent(self, share: float | None) -> str:
        """A share as whole percent: 0.352 -> "35 %"; None in words; tiny but not zero keeps one digit.

        Whole percents, because no run of a dozen trainings is more precise than that.
        """
        if share is None:
            return self.missing
        if 0 < abs(share) < 0.01:
            if f"{abs(share) * 100:.1f}" == "0.0":
                least = self.number(0.1, digits=1)
                if share > 0:
                    return self.say("under {share} %", share=least).replace(" %", f"{NBSP}%")
                return self.say("between {share} and 0 %", share=f"{MINUS}{least}").replace(" %", f"{NBSP}%")
            return f"{self.number(share * 100, digits=1)}{NBSP}%"
        whole = round(share * 100)
        return f"{MINUS if whole < 0 else ''}{abs(whole)}{NBSP}%"

    def p_value(self, value: float | None) -> str:
        """A p value with three decimals; never "0.000"."""
        if value is None:
            return self.missing
        if value < 0.001:
            return self.say("below {least}", least=self.number(0.001))
        return self.number(value)

    def duration(self, seconds: float) -> str:
        """Seconds as a reader says them: "4 minutes", "2 hours 10 minutes"."""
        if seconds < 90:
            return self.many(round(seconds), "{n} second", "{n} seconds")
        minutes = round(seconds / 60)
        if minutes < 90:
            return self.many(minutes, "{n} minute", "{n} minutes")
        hours, rest = divmod(minutes, 60)
        text = self.many(hours, "{n} hour", "{n} hours")
        return f"{text} {self.many(rest, '{n} minute', '{n} minutes')}" if rest else text

    def day(self, stamp: str) -> str:
        """ISO 8601 -> "22 November 2026"; text that is no date is shown as it is."""
        moment = _moment(stamp)
        if moment is None:
            return stamp
        return str(format_date(moment, format="long", locale=self.babel)).replace(" ", NBSP)

    def minute(self, stamp: str) -> str:
        """ISO 8601 -> "22 November 2026, 03:05 UTC"; text that is no date is shown as it is."""
        moment = _moment(stamp)
        return stamp if moment is None else f"{self.day(stamp)}, {moment:%H:%M}{NBSP}UTC"

    @property
    def missing(self) -> str:
        return self.say("not measured")


def message(text: str) -> str:
    """Marks a text that is said later, so that `scripts/messages` finds it."""
    return text


def short(digest: str) -> str:
    """The first twelve digits of a digest."""
    return digest[:12]


def languages() -> tuple[str, ...]:
    """Codes of all languages a report can be in, the source language first."""
    return (SOURCE, *sorted(path.stem for path in (templates_folder() / "locale").glob("*.po")))


def language_of(page: Path) -> str:
    """The language that a page is in; the source language where there is none that can be told."""
    try:
        with open_regular(page) as file:
            found = re.search(rb'<html lang="([a-z]{2,3})"', file.read(1024))
    except OSError:
        return SOURCE
    code = found[1].decode("ascii") if found else SOURCE
    return code if code in languages() else SOURCE


@cache
def report_locale(code: str = SOURCE, *, court: bool = False) -> ReportLocale:
    """How a language says things.

    Args:
        court: in the third person and without advice, by `templates/court/<code>.po` where that has other words.

    Raises:
        BadInput: `language-unknown`, when there is no translation into it.
    """
    known = languages()
    if code not in known:
        raise BadInput("language-unknown", code=printable(code, limit=20), known=known)
    if code == SOURCE:
        # Dates with the day first, as the rest of the world reads them.
        words = _compiled(_read("court", code)) if court else NullTranslations()
        return ReportLocale(code, Locale("en", "GB"), words)
    catalogue = _read("locale", code)
    if court:
        for message in _read("court", code):
            if message.id and message.id in catalogue:
                catalogue[message.id].string = message.string
    texts = frozenset(m.id for m in catalogue if isinstance(m.id, str) and m.string)
    return ReportLocale(code, Locale.parse(code), _compiled(catalogue), texts)


def _read(folder: str, code: str) -> Catalog:
    path = templates_folder() / folder / f"{code}.po"
    if not path.is_file():  # A language may have no words of its own for the court edition.
        return Catalog(locale=code)
    with path.open("rb") as file:
        return read_po(file, locale=code)


def _compiled(catalogue: Catalog) -> GNUTranslations:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _moment(stamp: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(stamp)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
