"""What a stage says: an id and its values. The sentences live in one catalogue, `audit/base/catalogue/*.toml`.

A message's id is a slug (`too-few-works`), with a variant after a dot where one slug says several things
(`treatment-argument.none`). The catalogue holds the English text with named places, and for each slug its
severity, when it is raised, what it means and what to do; MESSAGES.md and the template of translations are
made from it. The English text is the id of a translation (gettext).

Places are `{name}` or `{name:kind}`. Kinds, all of them in the reader's way to write numbers:

    (none)      a string made safe to show, a number with up to three digits, a message said in place, a row of names
    figure      a number with three significant digits; words for a missing one
    percent     a share as whole per cents: 0.352 is "35 %"
    quoted      a row of names, each in quotes, cut with a count
    all         a row of parts, however many there are
    and         the same, with "and" before the last
    clauses     the same, with semicolons
    lower       a message that goes on within a sentence: small first letter, in English
    upper       a message that begins a sentence: capital first letter
    g .0f ...   as Python formats a number
    work|works  a count and its noun, the first word for one: "1 work", "3 works"
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal, TypeAlias

from pydantic import Field, JsonValue, field_validator

from audit.base.record import Record
from audit.base.text import printable

Severity = Literal["error", "note", "deviation", "check", "words", "told"]
"""`words` stand in reports; what is `told` stands in a terminal or within errors; of it, and of errors, only
what the page in the browser shows is translated (`scripts/messages`)."""

SHOWN = 12
"""Parts of a row before it is cut with a count."""
SHOWN_FILES = 10
"""The same of names in quotes, which are longer."""
FINISHED = "{sentence:verbatim}"
UNKNOWN = "not known"
MORE = "{names} and {n} more"
AND = "{some} and {last}"
_BREAK = "\x1f"
"""Stands for a line break of a text while its places are filled; no value holds it."""
_TEXT = frozenset({"quoted", "quote", "all", "and", "clauses", "lower", "upper"})
"""Kinds that say nothing about how a number is written."""
_NUMBER = re.compile(r"\.?\d*[gfed]")


class Said(Record):
    """One thing said: the id of a message and the values of its places, never a sentence."""

    id: str
    values: dict[str, str | int | float | Said | tuple[str | int | float | Said | None, ...] | None] = Field(
        default_factory=dict
    )
    text: str = ""
    """The English text, where a row of a table owns it (a treatment's words) or an older file holds a sentence;
    '' means the catalogue's."""

    @field_validator("values", mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:
        """What no JSON file can hold: bytes of a file name that are no text, and numbers that are none."""
        return {name: _kept(value) for name, value in given.items()} if isinstance(given, dict) else given

    @property
    def finished(self) -> bool:
        """Whether it is a finished sentence of an older file, which has no translation."""
        return self.text == FINISHED

    @property
    def slug(self) -> str:
        """The entry in MESSAGES.md."""
        return self.id.partition(".")[0]


class OtherWords(LookupError):
    """A message that this version does not know, or with a place that is not filled: another version said it."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.id = id


Value: TypeAlias = str | int | float | Said | Sequence[str | int | float | Said | None] | None
"""What a place of a message is filled with."""


@dataclass(frozen=True)
class Message:
    """One row of the catalogue; a variant has the severity and the explanations of its slug."""

    id: str
    text: str
    severity: Severity
    raised: str = ""
    meaning: str = ""
    todo: str = ""

    @property
    def places(self) -> frozenset[str]:
        return frozenset(places(self.text))


@dataclass(frozen=True)
class Chapter:
    """One file of the catalogue: a chapter of MESSAGES.md."""

    name: str
    title: str
    intro: str
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Language:
    """How messages are said: `translate` gives the text of an English one, `decimal` is the decimal mark."""

    translate: Callable[[str], str] = str
    decimal: str = "."
    english: bool = True


ENGLISH = Language()


def say(id: str, /, **values: Value) -> Said:
    """Say a message of the catalogue.

    Raises:
        KeyError: no such message; ValueError: a place without a value, or a value without a place (bugs).
    """
    message = catalogue()[id]
    if message.places != values.keys():
        raise ValueError(f"{id} has the places {sorted(message.places)} and was given {sorted(values)}.")
    return Said.model_validate({"id": id, "values": values})


def words(text: str, /, id: str = "words", **values: Value) -> Said:
    """Say words that a row of a table owns; `text` is their English, and the id of their translation."""
    return Said.model_validate({"id": id, "values": values, "text": text})


def framed(said: Said, frame: str, /, **values: Value) -> Said:
    """A message within another one, at its place `what`; its id, and so its entry in MESSAGES.md, stay."""
    text = catalogue()[frame].text
    return Said.model_validate({"id": said.id, "values": {**values, "what": said}, "text": text})


def as_written(sentence: str, *, id: str = "as-written") -> Said:
    """A finished sentence of an older file: said as it stands, in English."""
    return Said(id=id, values={"sentence": sentence}, text=FINISHED)


def render(said: Said, language: Language = ENGLISH) -> str:
    """The sentence in a language.

    Raises:
        OtherWords: a message of a file that another version wrote.
    """
    return " ".join(lines(said, language))


def lines(said: Said, language: Language = ENGLISH) -> tuple[str, ...]:
    """The same in its parts: a line break in a text parts what comes first (an answer) from what follows (figures)."""
    return tuple(_said(said, language).split(_BREAK))


def _said(said: Said, language: Language) -> str:
    text = said.text or getattr(catalogue().get(said.id), "text", "")
    if not text or not said.values.keys() >= set(places(text)):
        raise OtherWords(said.id)
    return fill(text, said.values, language)


def fill(text: str, values: Mapping[str, object], language: Language = ENGLISH) -> str:
    """An English text, translated, with its places filled."""
    made = []
    for literal, name, kind, _ in Formatter().parse(language.translate(text)):
        made.append(literal.replace("\n", _BREAK))
        if name is not None:
            made.append(_shown(values[name], kind or "", language))
    return "".join(made)


def places(text: str) -> Iterator[str]:
    """Names of a text's places."""
    return (name for _, name, _, _ in Formatter().parse(text) if name is not None)


def _kept(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_kept(part) for part in value)
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode("utf-8")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: object, kind: str, language: Language) -> str:
    if isinstance(value, tuple | list):
        part = "quote" if kind == "quoted" else "" if kind in _TEXT else kind
        return _row([_shown(v, part, language) for v in value], kind, language)
    if value is None:
        return language.translate(UNKNOWN)
    if isinstance(value, Said):
        return _cased(_said(value, language), kind, language)
    if "|" in kind:
        one, more = kind.split("|")
        return f"{_shown(value, '', language)} {one if value == 1 else more}"
    if isinstance(value, int | float):
        return _number(value, kind, language)
    if kind == "verbatim":
        return str(value).replace(_BREAK, " ")
    text = printable(str(value), limit=200)
    return f"'{text}'" if kind in ("quote", "quoted") else _cased(text, kind, language)


def _row(parts: list[str], kind: str, language: Language) -> str:
    if kind == "and":
        if len(parts) < 2:
            return "".join(parts)
        return fill(AND, {"some": as_written(", ".join(parts[:-1])), "last": as_written(parts[-1])}, language)
    if kind in ("all", "clauses"):
        return ("; " if kind == "clauses" else ", ").join(parts)
    most = SHOWN_FILES if kind == "quoted" else SHOWN
    if len(parts) <= most:
        return ", ".join(parts)
    return fill(MORE, {"names": as_written(", ".join(parts[:most])), "n": len(parts) - most}, language)


def _cased(text: str, kind: str, language: Language) -> str:
    if kind == "upper":
        return text[:1].upper() + text[1:]
    # Only English goes on in lower case after a colon.
    return text[:1].lower() + text[1:] if kind == "lower" and language.english else text


def _number(value: float, kind: str, language: Language) -> str:
    if kind == "percent":
        whole = round(value * 100)
        return f"{whole} %" if whole >= 0 else f"\N{MINUS SIGN}{-whole} %"
    if kind in _TEXT:
        kind = ""
    if kind not in ("", "figure") and not _NUMBER.fullmatch(kind):
        raise ValueError(f"A number cannot be written as '{kind}'.")
    if not kind and isinstance(value, int):
        return str(value)
    written = format(value, ".3g" if kind in ("", "figure") else kind)
    return written.replace(".", language.decimal)


# --- the catalogue ---------------------------------------------------------------------------------


@cache
def chapters() -> tuple[Chapter, ...]:
    """The whole catalogue, chapter by chapter, in the order of MESSAGES.md."""
    folder = files("audit.base") / "catalogue"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(_chapter(f.name.removesuffix(".toml"), tomllib.loads(f.read_text(encoding="utf-8"))) for f in found)


@cache
def catalogue() -> Mapping[str, Message]:
    """Every message by its id."""
    found: dict[str, Message] = {}
    for chapter in chapters():
        for message in chapter.messages:
            if message.id in found:
                raise ValueError(f"{message.id} stands twice in the catalogue.")
            found[message.id] = message
    return found


def _chapter(name: str, table: dict[str, JsonValue]) -> Chapter:
    """A file: `title`, `intro`, `severity`, then a table for each id; a variant stands after its slug."""
    rows: list[Message] = []
    heads: dict[str, Message] = {}
    severity = str(table.pop("severity", "words"))
    title, intro = str(table.pop("title", "")), str(table.pop("intro", ""))
    for id, row in table.items():
        # A message without explanations may stand as plain text.
        given = {"text": row} if isinstance(row, str) else dict(row) if isinstance(row, dict) else {}
        head = heads.get(id.partition(".")[0])
        base = {"severity": severity} if head is None else {
            "severity": head.severity, "raised": head.raised, "meaning": head.meaning, "todo": head.todo,
        }  # fmt: skip
        message = Message(id=id, **({"text": ""} | base | given))
        heads.setdefault(id, message)
        rows.append(message)
    return Chapter(name, title, intro, tuple(rows))
