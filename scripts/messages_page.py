"""Writes MESSAGES.md from the catalogue of messages, `audit/base/catalogue/*.toml`.

python -m scripts.messages_page
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from audit.base.messages import Chapter, Message, chapters

TARGET = Path(__file__).resolve().parent.parent / "MESSAGES.md"
TITLES = {"error": "error", "note": "note", "deviation": "deviation", "check": "check"}
HEAD = """# Messages

Every error, note and check, by its word. The word stands in brackets after an error. Of a check it stands in the
report's table "Figures of the checks".
Made from `audit/base/catalogue/` by `python -m scripts.messages_page`; `{names}` stand for what a message is about.
"""


def page() -> str:
    """The whole of MESSAGES.md. Words that stand within other messages have no entry."""
    return "\n".join([HEAD, *(line for chapter in chapters() for line in _chapter(chapter))]).rstrip("\n") + "\n"


def _chapter(chapter: Chapter) -> Iterator[str]:
    entries: dict[str, list[Message]] = {}
    for message in chapter.messages:
        if message.severity not in ("words", "told"):
            entries.setdefault(message.id.partition(".")[0], []).append(message)
    if not entries:
        return
    yield f"## {chapter.title}\n"
    if chapter.intro:
        yield f"{chapter.intro}\n"
    for slug, messages in entries.items():
        yield from _entry(slug, messages)


def _entry(slug: str, messages: list[Message]) -> Iterator[str]:
    head = messages[0]
    yield f"### `{slug}`\n"
    yield f"*{TITLES[head.severity]}*\n"
    for message in messages:
        # What a text says only once its values are known has none of its own.
        if message.text:
            yield f"> {shown(message.text)}\n"
    yield f"**Raised if** {head.raised} **Meaning** {head.meaning} **What to do** {head.todo}\n"


def shown(text: str) -> str:
    """A text with its places by name alone, safe in Markdown."""
    counted = re.sub(r"\{(\w+):[^{}|]*\|([^{}]*)\}", r"{\1} \2", text)
    bare = re.sub(r"\{(\w+):[^{}]*\}", r"{\1}", counted).replace("{{", "{").replace("}}", "}")
    return re.sub(r"([*_<])", r"\\\1", bare)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
