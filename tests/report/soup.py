"""A page taken apart: elements with attributes, and text by id. Enough for assertions, no more."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from html.parser import HTMLParser

import html5lib


@dataclass
class Soup:
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    data: list[tuple[str, str]] = field(default_factory=list)
    """Value attribute and text of every <data>."""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]

    def text(self, tag: str) -> list[str]:
        return [" ".join(t.split()) for t in self.texts.get(tag, [])]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.soup = Soup()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.soup.elements.append((tag, found))
        if tag not in {"img", "meta", "input", "col"}:
            self.open.append(tag)
            self.soup.texts.setdefault(tag, []).append("")
            if tag == "data":
                self.soup.data.append((found["value"], ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> out of order"

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.soup.texts[tag][-1] += data
        if "data" in self.open:
            value, text = self.soup.data[-1]
            self.soup.data[-1] = (value, text + data)


def taste(html: str) -> Soup:
    """Parse a page; fails when an element is not closed in order."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert not parser.open, f"never closed: {parser.open}"
    return parser.soup


def plain_rows(html: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Caption, heads and cells of every row of every table; of other paragraphs the text, as a single cell."""
    found: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
    root = html5lib.parse(html, namespaceHTMLElements=False)
    for table in root.iter("table"):
        caption = " ".join(_words(e) for e in table.iter("caption"))
        heads = tuple(_words(e) for head in table.iter("thead") for e in head.iter("th"))
        rows = [row for body in table.iter("tbody") for row in body.iter("tr")]
        found += [(caption, heads, tuple(_words(e) for e in row if e.tag in ("th", "td"))) for row in rows]
    for element in root.iter():
        if element.tag in ("p", "li", "dt", "dd", "figcaption", "caption", "summary"):
            found.append(("", (), (_words(element),)))
    return found


def _words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())
