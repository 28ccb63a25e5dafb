"""Numbers for every figure, table, verdict row and picture of a page, and a link to each of its places."""

from __future__ import annotations

import re
from collections import Counter

from markupsafe import escape

_MARK = re.compile(r'<(?P<tag>figcaption|caption|th|p)(?P<rest>[^<>]*) data-word="(?P<word>[^"<>]*)"(?P<more>[^<>]*)>')
_HEADING = re.compile(r'(?P<open><h2 id="(?P<id>[a-z0-9-]+)-h">)(?P<text>.*?)</h2>(?P<end></summary>)?', re.DOTALL)


def numbered(page: str, words: str, *, link: bool) -> str:
    """The page with a number before everything that our templates mark with `data-word`, and links where asked for.

    Args:
        page: HTML of our own templates; text of users is escaped in it, so that no name can look like a mark.
        words: what a link is called.
        link: whether headings, figures and tables link to themselves.
    """
    counted: Counter[str] = Counter()

    def mark(found: re.Match[str]) -> str:
        word = found["word"]
        counted[word] += 1
        kinds = list(dict.fromkeys(counted))
        place = f"n{kinds.index(word) + 1}-{counted[word]}"
        text = f"{word}&nbsp;{counted[word]}"
        shown = f'<a class="nr" href="#{place}">{text}</a>' if link else f'<span class="nr">{text}</span>'
        return f'<{found["tag"]}{found["rest"]}{found["more"]} id="{place}">{shown} '

    def heading(found: re.Match[str]) -> str:
        to = f'<a class="here" href="#{found["id"]}" aria-label="{escape(words)}: {_plain(found["text"])}">#</a>'
        # A summary is a button already and may hold no link.
        return f"{found['open']}{found['text']}</h2>{found['end'] or ''}{to}"

    text = _MARK.sub(mark, page)
    return _HEADING.sub(heading, text) if link else text


def _plain(markup: str) -> str:
    return re.sub(r"<[^>]*>", "", markup).strip().replace('"', "&quot;")
