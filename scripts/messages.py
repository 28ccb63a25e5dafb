"""Writes the template of translations, templates/locale/messages.pot, and brings every translation up to date: new
messages are added empty, gone ones are dropped.

    python -m scripts.messages

Messages are the catalogue's texts that a report can show (`audit.base.messages`), what `say` and `many` of a locale are
called with in audit/report/ and templates/, what `words` is called with anywhere in audit/ (rows of tables own their
words). A bare `say` of Python code is given an id of the catalogue, so its argument is no text.
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
LOCALE = ROOT / "templates" / "locale"
TEMPLATE = LOCALE / "messages.pot"
KEYWORDS = {"say": None, "many": (2, 3)}
"""What a template says a text with, and which arguments are texts."""
SHOWN = ("words", "note", "check", "deviation")
"""Kinds of messages that a report shows."""
PAGE_CHAPTERS = ("17-pictures", "36-page")
"""Errors that the page in the browser shows often enough to be translated."""
PAGE_IDS = (
    *("in-folder", "in-arm", "foresight.", "now.time", "now.note", "now.captions", "now.plan", "now.steps"),
    *("now.first", "now.slower", "saving."),
    *("told.base", "told.condition", "told.treatment", "told.setting", "told.cells", "told.full", "told.loras"),
    *("told.saving", "told.plan", "arm-name", "arm-twice", "rights-refused", "nothing-to-test", "memory-short"),
    *("memory-for.", "disk-full", "out-busy", "resume-unknown", "system-refused", "unforeseen", "spec-invalid"),
    *("spec-unreadable", "file-version", "reproduced.", "works-differ", "not-read.absent", "training-missing"),
    *("model-", "prediction-", "download-", "offline", "connection-ended"),
    *("server-sends-more", "now.checking", "stage.download", "clip-times-typed"),
)
"""Beginnings of ids of others that it shows."""
Message = str | tuple[str, str]


def collect() -> dict[Message, list[str]]:
    """Every message with the files that use it, in the order of the files."""
    found: dict[Message, list[str]] = {}
    folders = (ROOT / "audit" / "report", ROOT / "templates")
    for path in (path for folder in folders for path in sorted(folder.rglob("*.py"))):
        for message in texts_of_code(path):
            found.setdefault(message, []).append(path.relative_to(ROOT).as_posix())
    for path in (path for folder in folders for path in sorted(folder.rglob("*.j2"))):
        source = io.BytesIO(path.read_bytes())
        options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
        for _, message, _, _ in extract("jinja2.ext:babel_extract", source, keywords=KEYWORDS, options=options):
            found.setdefault(message, []).append(path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT / "audit").rglob("*.py")):
        for text in words_of_rows(path):
            found.setdefault(text, []).append(path.relative_to(ROOT).as_posix())
    for text, chapter in words_of_the_catalogue():
        found.setdefault(text, []).append(
            f"audit/base/catalogue/{chapter}.toml" if chapter else "audit/base/messages.py"
        )
    return found


def texts_of_code(path: Path) -> Iterator[Message]:
    """What `say`, `markup` and `many` of a locale, and `message`, are called with, in the order of the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = sorted((n for n in ast.walk(tree) if isinstance(n, ast.Call)), key=lambda n: (n.lineno, n.col_offset))
    for node in calls:
        match node:
            case ast.Call(func=ast.Attribute(attr="say" | "markup"), args=[ast.Constant(value=str(text)), *_]):
                yield text
            case ast.Call(func=ast.Name(id="message"), args=[ast.Constant(value=str(text))]):
                yield text
            case ast.Call(
                func=ast.Attribute(attr="many"),
                args=[_, ast.Constant(value=str(one)), ast.Constant(value=str(other)), *_],
            ):
                yield one, other


def words_of_the_catalogue() -> Iterator[tuple[str, str]]:
    """Texts that a report or the page can show, with their files, and those that join parts."""
    for chapter in chapters():
        for row in chapter.messages:
            shown = row.severity in SHOWN or chapter.name in PAGE_CHAPTERS or row.id.startswith(PAGE_IDS)
            if shown and worded(row.text):
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


def template() -> str:
    """The whole template: every message of today without a text."""
    return TEMPLATE_HEADER + _written(_catalog(Catalog()))


def update(path: Path) -> int:
    """Rewrite one translation with the messages of today; returns how many lack a text."""
    with path.open("rb") as file:
        old = read_po(file, locale=path.stem)
    new = _catalog(old)
    path.write_text(HEADER.format(code=path.stem) + _written(new), encoding="utf-8")
    return sum(not (all(m.string) if isinstance(m.string, tuple) else m.string) for m in new if m.id)


def _catalog(old: Catalog) -> Catalog:
    new = Catalog(locale=old.locale, fuzzy=False, charset="utf-8")
    for message, files in collect().items():
        known = old.get(message if isinstance(message, str) else message[0])
        new.add(message, known.string if known else None, locations=[(name, None) for name in dict.fromkeys(files)])
    return new


def _written(catalog: Catalog) -> str:
    file = io.BytesIO()
    write_po(file, catalog, width=110, omit_header=True)
    return file.getvalue().decode("utf-8")


TEMPLATE_HEADER = """msgid ""
msgstr ""
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
HEADER = """msgid ""
msgstr ""
"Language: {code}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""


if __name__ == "__main__":
    TEMPLATE.write_text(template(), encoding="utf-8")
    for translation in sorted(LOCALE.glob("*.po")):
        print(f"{translation.name}: {update(translation)} without a text")
