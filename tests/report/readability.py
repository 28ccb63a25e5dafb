"""Flesch-Kincaid grade of the page's open part (Kincaid et al., 1975), with a plain syllable count."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_FOLDED = {"details", "table", "figure", "svg", "style", "script", "nav", "footer", "header", "code", "dl"}
_TAKEN = {"p", "li", "h1", "h2", "h3"}
_VOID = {"img", "input", "meta", "col", "br"}


def open_sentences(html: str) -> list[str]:
    """Sentences of paragraphs, list items and headings outside of folds, tables and figures."""
    reader = _Open()
    reader.feed(html)
    sentences = (s for text in reader.texts for s in re.split(r"(?<=[.!?])\s+", " ".join(text.split())))
    return [s for s in sentences if len(re.findall(r"[A-Za-z]{2,}", s)) > 3]


def grade(sentences: list[str]) -> float:
    """0.39 words per sentence + 11.8 syllables per word - 15.59."""
    words = [w for s in sentences for w in re.findall(r"[A-Za-z]+", s)]
    syllables = sum(syllable_count(w) for w in words)
    return 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59


def syllable_count(word: str) -> int:
    word = word.lower()
    groups = len(re.findall(r"[aeiouy]+", word))
    silent_e = re.search(r"[^aeiouy]e$", word) and not re.search(r"[^aeiouy]le$", word)
    silent_ed = re.search(r"[^aeioudt]ed$", word)
    silent_es = re.search(r"[^aeiou]es$", word) and not re.search(r"([sxzcg]|ch|sh)es$", word)
    silent = bool(silent_e or silent_ed or silent_es)
    return max(1, groups - silent)


class _Open(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._hidden = 0
        self._inside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        self._hidden += tag in _FOLDED
        if tag in _TAKEN and not self._hidden:
            self._inside += 1
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in _TAKEN and not self._hidden and self._inside:
            self._inside -= 1
        self._hidden -= tag in _FOLDED

    def handle_data(self, data: str) -> None:
        if self._inside and not self._hidden:
            self.texts[-1] += data
