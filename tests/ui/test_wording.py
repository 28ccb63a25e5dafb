"""The page's own words: nothing asks who sits before it to type a command or an option."""

from __future__ import annotations

import re

from audit.base.messages import catalogue, chapters, say
from audit.report.locale import report_locale
from audit.ui.wording import PAGE, coded, on_page
from scripts.messages import PAGE_CHAPTERS, PAGE_IDS

TYPED = re.compile(r"(?<![\w-])--[a-z]|same command|`cloakcheck")
IN_A_TERMINAL = ("ui-host", "ui-password", "nothing-to-test", "arm-twice.unnamed", "rights-refused", "pairs-unreadable")
"""Said by `cloakcheck ui` itself as it begins, or refused earlier by the page in words of its own."""
SAYS_HOW = ("ui-again-unknown",)
"""Names a command because the page has none for it."""


def test_what_the_page_shows_asks_nobody_to_type_an_option():
    left = [
        row.id
        for chapter in chapters()
        for row in chapter.messages
        if (chapter.name in PAGE_CHAPTERS or row.id.startswith(PAGE_IDS))
        and not row.id.startswith((*IN_A_TERMINAL, *SAYS_HOW))
        and f"{row.id}{PAGE}" not in catalogue()
        and TYPED.search(row.text)
    ]
    assert left == []


def test_the_pages_words_take_the_values_of_the_message():
    own = [row for id, row in catalogue().items() if id.endswith(PAGE)]
    assert own
    for row in own:
        assert row.places <= catalogue()[row.id.removesuffix(PAGE)].places, row.id
        assert not TYPED.search(row.text), row.id


def test_messages_within_messages_are_said_so_too():
    inner = say("foresight.runs", least=6, runs=2)
    said = on_page(say("foresight.no-word", reasons=(inner,)))
    for code in ("en", "de"):
        spoken = report_locale(code).spoken(said)
        assert ("--preset" in spoken.text, spoken.foreign) == (False, False)
    assert on_page(said) == said


def test_code_is_marked_and_all_else_stays_text():
    assert coded("<b> `a<b` `") == "&lt;b&gt; <code>a&lt;b</code> `"
