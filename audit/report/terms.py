"""Words of the glossary, linked where a section first uses them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup

_TAG = re.compile(r"(<[^>]*>)")
_NAME = re.compile(r"</?([a-z0-9]+)", re.IGNORECASE)
_WITHIN = frozenset({"p", "li", "dd"})
"""Running text; a term in a table or a figure would make it restless."""
_NEVER = frozenset(
    {"a", "button", "summary", "svg", "code", "bdi", "label", "nav", "table", "figure", "h1", "h2", "h3"}
)
"""What is a link or a name already, or is no running text."""


def linked(section: Markup, terms: Mapping[str, str]) -> Markup:
    """A section's HTML with the first use of each term as a link to its meaning.

    Args:
        section: HTML of our own templates; users' text in it is escaped, so that every `<` begins a tag.
        terms: word as the glossary writes it -> id of its place.
    """
    # The glossary itself needs none.
    left = {term: place for term, place in terms.items() if f'id="{place}"' not in section}
    open_tags: list[str] = []
    pieces = []
    for piece in _TAG.split(section):
        if piece.startswith("<"):
            _follow(piece, open_tags)
        elif piece and left and _is_running(open_tags):
            piece = _link_first(piece, left)
        pieces.append(piece)
    return Markup("".join(pieces))


def _follow(tag: str, open_tags: list[str]) -> None:
    """Keep the list of the tags that matter and are open."""
    found = _NAME.match(tag)
    name = found[1].lower() if found else ""
    if name not in _WITHIN | _NEVER or tag.endswith("/>"):
        return
    if not tag.startswith("</"):
        open_tags.append(name)
    elif name in open_tags:
        del open_tags[len(open_tags) - 1 - open_tags[::-1].index(name) :]


def _is_running(open_tags: list[str]) -> bool:
    return any(tag in _WITHIN for tag in open_tags) and not any(tag in _NEVER for tag in open_tags)


def _link_first(text: str, left: dict[str, str]) -> str:
    """Link each term that is left once, and take it off the list; links never lie in each other."""
    found: dict[tuple[int, int], str] = {}
    for term in sorted(left, key=len, reverse=True):
        free = (
            m.span() for m in _pattern(term).finditer(text) if not any(m.start() < e and s < m.end() for s, e in found)
        )
        if place := next(free, None):
            found[place] = left.pop(term)
    for start, end in sorted(found, reverse=True):
        text = f'{text[:start]}<a class="term" href="#{found[start, end]}">{text[start:end]}</a>{text[end:]}'
    return text


def _pattern(term: str) -> re.Pattern[str]:
    """The term as a whole word, with the endings that English and German give a noun."""
    words = r"\s".join(rf"{re.escape(word)}(?:e?[srn])?" for word in term.split())
    return re.compile(rf"(?<![\w-]){words}(?![\w-])", re.IGNORECASE)
