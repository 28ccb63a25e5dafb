"""Claims that no report may make, and the few sentences that may use such words to deny them.

A style score is no legal finding, a handful of trainings is no absolute, and a report names no company.
`banned_claims` reads the visible text of a rendered report; the tests run it over every kind of verdict.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from audit.report.locale import languages, report_locale
from audit.report.sections.limits import limits

_BANNED: tuple[tuple[str, str], ...] = (
    ("infringement", r"\binfring\w*"),
    ("copying", r"\b(copied|plagiari\w+|counterfeit\w*|forger\w+)\b"),
    ("theft", r"\b(stole|stolen|steal\w*|theft|thie(f|ves))\b"),
    ("legal similarity", r"\bsubstantial(ly)? similar\w*"),
    ("proof", r"\b(prov(e|es|ed|en|ing)|proofs?)\b"),
    ("training membership", r"\b(was|were|been) trained on (your|the artist's) (art|works?) by\b"),
    ("whole claim", r"\b100[\s\u00a0\u202f]?% (safe|secure|protect\w*|effective|certain|sure|proof)"),
    ("absolute", r"\b(impossible|guarantee[sd]?|foolproof|unbreakable|undeniabl[ey])\b"),
    ("absolute", r"\bbeyond (any |all )?doubt\b"),
    ("absolute", r"\b(fully|completely|totally|perfectly|entirely) (safe|secure|protect\w*|immune)\b"),
    ("seal", r"\bcertif(y|ies|ied|icate|icates)\b"),
    ("court", r"\b(court-?admissible|admissible (in|as)|admissibility)\b"),
    ("service", r"\bprotects? (you |your \w+ )?(against|from) \w+"),
    ("third party", r"\b(midjourney|openai|dall[\s·-]?e|stability ai|deviantart|runwayml)\b"),
    ("third party", r"\b(adobe|google|meta ai|anthropic|getty)\b"),
    # German
    ("infringement", r"\b\w*(rechtsverletz|verletzt \w+ recht)\w*"),
    ("copying", r"\b(kopiert\w*|plagi\w+|gefälscht\w*|fälschung\w*|raubkopie\w*)\b"),
    ("theft", r"\b(gestohlen\w*|stiehlt|diebstahl\w*|geklaut\w*|dieb(e|en)?)\b"),
    ("legal similarity", r"\bwesentlich ähnlich\w*"),
    ("proof", r"\b(be|er|nach)(weis\w*|wiesen\w*)\b"),
    ("absolute", r"\b(unmöglich\w*|garantier\w*|unfehlbar\w*|zweifelsfrei\w*)\b"),
    ("absolute", r"\b(vollständig|völlig|gänzlich|vollkommen) (sicher|geschützt|immun)\w*"),
    ("seal", r"\b(zertifi\w+|beglaubigt\w*)\b"),
    ("court", r"\b(gerichtsfest\w*|gerichtlich verwertbar\w*)\b"),
    ("service", r"\bschützt (sie |dich |ihre \w+ )?(vor|gegen) \w+"),
)
_PATTERNS = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _BANNED)


def banned_claims(text: str) -> list[str]:
    """The banned claims in `text`, each as "kind: the words found"; empty when there is none.

    Args:
        text: visible text of a page (see `visible_text`), or any sentence.
    """
    flat = _flatten(text)
    for code in languages():
        for sentence in {*limits(report_locale(code)), *limits(report_locale(code), full=True)}:
            flat = flat.replace(_flatten(sentence), " ")
    return [f"{name}: {hit.group(0)}" for name, pattern in _PATTERNS for hit in pattern.finditer(flat)]


def visible_text(html: str, *, names: bool = False) -> str:
    """The text a reader sees or hears (alt texts too), without markup, style and script.

    Args:
        html: a rendered page.
        names: keep what stands in <bdi>: names typed by the user, which are not the report's own claims.
    """
    reader = _Reader(skip={"style", "script"} if names else {"style", "script", "bdi"})
    reader.feed(html)
    reader.close()
    return _flatten(" ".join(reader.parts))


def _flatten(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


class _Reader(HTMLParser):
    def __init__(self, *, skip: set[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skip = skip
        self._open: list[str] = []
        # A link to the glossary stands within a sentence, so that no space comes before or after it.
        self._in_term = self._goes_on = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._skip:
            self._open.append(tag)
        if tag == "a" and ("class", "term") in attrs:
            self._in_term = self._goes_on = True
        self.parts += [value for name, value in attrs if name in ("alt", "title", "aria-label") and value]

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        if tag == "a" and self._in_term:
            self._in_term, self._goes_on = False, True

    def handle_data(self, data: str) -> None:
        if self._open:
            return
        if self._goes_on and self.parts:
            self.parts[-1] += data
        else:
            self.parts.append(data)
        self._goes_on = False
