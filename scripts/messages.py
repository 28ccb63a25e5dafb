"""Brings every translation of the report up to date: new messages are added empty, gone ones are dropped.

    python -m scripts.messages

Messages are the catalogue's texts that a report can show (`audit.base.messages`), what `say` and `many` are called
with in audit/report/ and templates/, what `words` is called with anywhere in audit/ (rows of tables own their words).
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from audit.base.messages import AND, MORE, UNKNOWN, chapters

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = {"say": None, "markup": None, "message": None, "many": (2, 3)}
SHOWN = ("words", "note", "check", "deviation")
"""Kinds of messages that a report shows."""
Message = str | tuple[str, str]


def collect() -> dict[Message, list[str]]:
    """Every message with the files that use it, in the order of the files."""
    found: dict[Message, list[str]] = {}
    folders = (ROOT / "audit" / "report", ROOT / "templates")
    files = [path for folder in folders for suffix in ("py", "j2") for path in sorted(folder.rglob(f"*.{suffix}"))]
    for path in files:
        method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
        source = io.BytesIO(path.read_bytes())
        options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
        for _, message, _, _ in extract(method, source, keywords=KEYWORDS, options=options):
            found.setdefault(message, []).append(path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT / "audit").rglob("*.py")):
        for text in words_of_rows(path):
            found.setdefault(text, []).append(path.relative_to(ROOT).as_posix())
    for text, chapter in words_of_the_catalogue():
        found.setdefault(text, []).append(
            f"audit/base/catalogue/{chapter}.toml" if chapter else "audit/base/messages.py"
        )
    return found


def words_of_the_catalogue() -> Iterator[tuple[str, str]]:
    """Texts that a report can show, with their files, and those that join parts; errors stay English."""
    for chapter in chapters():
        for row in chapter.messages:
            if row.severity in SHOWN and worded(row.text):
                yield row.text, chapter.name
    yield from ((text, "messages.py") for text in (UNKNOWN, MORE, AND))


def words_of_rows(path: Path) -> Iterator[str]:
    """What `words` is called with."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="words"), args=[ast.Constant(value=str(text)), *_]) if worded(text):
                yield text


def worded(text: str) -> bool:
    """Whether it has words of its own; a text of places and signs alone is the same in every language."""
    return any(any(map(str.isalpha, literal)) for literal, *_ in Formatter().parse(text))


def update(path: Path) -> int:
    """Rewrite one translation with the messages of today; returns how many lack a text."""
    with path.open("rb") as file:
        old = read_po(file, locale=path.stem)
    new = Catalog(locale=path.stem, fuzzy=False, charset="utf-8")
    for message, files in collect().items():
        known = old.get(message if isinstance(message, str) else message[0])
        new.add(message, known.string if known else None, locations=[(name, None) for name in dict.fromkeys(files)])
    with path.open("wb") as file:
        write_po(file, new, width=110, omit_header=True)
    text = path.read_text(encoding="utf-8")
    path.write_text(HEADER.format(code=path.stem) + text, encoding="utf-8")
    return sum(not (all(m.string) if isinstance(m.string, tuple) else m.string) for m in new if m.id)


HEADER = """msgid ""
msgstr ""
"Language: {code}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""


if __name__ == "__main__":
    for translation in sorted((ROOT / "templates" / "locale").glob("*.po")):
        print(f"{translation.name}: {update(translation)} without a text")
