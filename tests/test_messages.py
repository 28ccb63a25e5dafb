"""Messages: what a place shows, what a file keeps, and that the catalogue and the code say the same."""

from __future__ import annotations

import ast
import functools
import re
import unicodedata
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.base.errors import BadInput
from audit.base.messages import (
    Language,
    Said,
    as_written,
    catalogue,
    framed,
    render,
    say,
    words,
)

ROOT = Path(__file__).resolve().parent.parent
GERMAN = Language(
    translate={"not known": "unbekannt", "{names} and {n} more": "{names} und {n} weitere", "{some} and {last}":
               "{some} und {last}", "Hot {x}": "Heiß {x}"}.get,  # type: ignore[arg-type]
    decimal=",",
    english=False,
)  # fmt: skip


def german(said: Said) -> str:
    known = GERMAN.translate

    return render(said, Language(translate=lambda text: known(text) or text, decimal=",", english=False))


NAMES = tuple(f"w{n}" for n in range(14))


@pytest.mark.parametrize(
    ("text", "value", "english", "other"),
    [
        ("{x}", "plain", "plain", "plain"),
        ("{x}", 7, "7", "7"),
        ("{x}", 1234.5678, "1.23e+03", "1,23e+03"),
        ("{x:figure}", None, "not known", "unbekannt"),
        ("{x:figure}", 0.12345, "0.123", "0,123"),
        ("{x:.1f}", 2, "2.0", "2,0"),
        ("{x:percent}", 0.352, "35 %", "35 %"),
        ("{x:quoted}", ("a.png", "b.png"), "'a.png', 'b.png'", "'a.png', 'b.png'"),
        (
            "{x:quoted}",
            ("n",) * 12,
            ", ".join(["'n'"] * 10) + " and 2 more",
            ", ".join(["'n'"] * 10) + " und 2 weitere",
        ),
        ("{x}", NAMES, ", ".join(NAMES[:12]) + " and 2 more", ", ".join(NAMES[:12]) + " und 2 weitere"),
        ("{x:all}", NAMES, ", ".join(NAMES), ", ".join(NAMES)),
        ("{x:and}", ("a",), "a", "a"),
        ("{x:and}", ("a", "b", "c"), "a, b and c", "a, b und c"),
        ("{x:clauses}", ("a", "b"), "a; b", "a; b"),
        ("{x}", (), "", ""),
        ("{x:lower}", words("Hot {x}", x=1), "hot 1", "Heiß 1"),
        ("{x:upper}", words("hot {x}", x=1), "Hot 1", "Hot 1"),
        ("{x:work|works}", 1, "1 work", "1 work"),
        ("{x:work|works}", 0, "0 works", "0 works"),
        ("{x:pair was|pairs were} chosen", 12, "12 pairs were chosen", "12 pairs were chosen"),
    ],
)
def test_what_a_place_shows(text, value, english, other):
    assert render(words(text, x=value)) == english
    assert german(words(text, x=value)) == other


def test_a_name_cannot_change_the_sentence_around_it():
    hostile = "{file} \u202egnp.exe\x1b[2J\n" + "a" * 500
    seen = render(say("picture-truncated", file=hostile))
    assert seen.startswith("'{file} \ufffdgnp.exe\ufffd[2J\ufffdaaa")
    assert len(seen) < 350


def test_a_name_that_is_no_text_is_kept_as_something_that_is():
    said = say("files-left-out", role=say("role.originals"), names=["caf\udce9.psd"])
    assert Said.model_validate_json(said.model_dump_json()) == said
    assert "'caf" in render(said)


def test_a_sentence_of_an_older_file_stands_as_it_was():
    old = "Line {one}\n‘two’ " + "x" * 400
    assert render(as_written(old, id="few-works")) == old


def test_values_and_places_must_agree():
    with pytest.raises(KeyError):
        say("no-such-message")
    with pytest.raises(ValueError, match="places"):
        say("few-works", n=3)
    with pytest.raises(ValueError, match="places"):
        say("few-works", n=3, least=4, more=5)
    with pytest.raises(ValueError, match="cannot be written"):
        render(words("{n:>9}", n=3))


def test_a_framed_message_keeps_its_entry():
    error = BadInput(framed(say("picture-truncated", file="a.png"), "in-folder", role=say("role.originals")))
    assert error.slug == "picture-truncated"
    assert error.sentence.startswith("In the originals folder, 'a.png' is damaged")


numbers = st.integers() | st.floats()
strings = st.text() | st.characters(categories=["Cs"])
flat = st.none() | numbers | strings
nested = st.builds(lambda x: words("so {x}", x=x), flat)
values = flat | nested | st.lists(flat | nested, max_size=15).map(tuple)


@given(
    values,
    st.sampled_from(
        ["", ":figure", ":percent", ":quoted", ":all", ":and", ":clauses", ":lower", ":.2f", ":work|works"]
    ),
)
def test_whatever_is_said_is_shown_and_kept(value, kind):
    said = words("It is {x" + kind + "}.", x=value)
    seen = render(said)
    assert seen.startswith("It is ")
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Cf") for c in seen)
    again = Said.model_validate_json(said.model_dump_json())
    assert render(again) == seen


# --- the catalogue and the code ----------------------------------------------------------------------

SPEAKERS = {
    *("say", "framed", "BadInput", "BadModel", "BadResults", "BadEvidence", "StorageError", "Unforeseen"),
    *("AuditError", "MemoryShort", "Fails", "BrokenLog", "tell", "refusal", "too_short"),
}  # fmt: skip


def trees() -> list[ast.Module]:
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "audit").rglob("*.py"))]


def test_every_message_is_said_somewhere():
    """As a text, or put together by an f-string from parts that are texts or names of fields in the code."""
    nodes = [n for tree in trees() for n in ast.walk(tree)]
    written = {n.value for n in nodes if isinstance(n, ast.Constant)}
    written |= {n.target.id for n in nodes if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    joined = {pattern(n) for n in nodes if isinstance(n, ast.JoinedStr)}

    # Remembered, for an id that is never said is else looked for in every way of parting it.
    @functools.cache
    def said(id: str) -> bool:
        if id in written:
            return True
        return any(
            all(map(said, match.groups())) for p in joined if (match := p.fullmatch(id)) and match.groups() != (id,)
        )

    assert {id for id in catalogue() if not said(id)} == set()


def pattern(text: ast.JoinedStr) -> re.Pattern[str]:
    return re.compile("".join(re.escape(str(x.value)) if isinstance(x, ast.Constant) else "(.+)" for x in text.values))


def literals(node: ast.expr) -> set[str]:
    """Ids that an argument holds as text; `"a" if so else "b"` holds both."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) | literals(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) else set()


def test_every_kind_is_known():
    for message in catalogue().values():
        for _, name, kind, _ in Formatter().parse(message.text):
            if name is not None:
                render(words("{x:" + kind + "}" if kind else "{x}", x=1.5))


def test_every_id_said_is_in_the_catalogue():
    said = set()
    for tree in trees():
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)):
            if call.func.id in SPEAKERS:  # type: ignore[union-attr]
                at = 1 if call.func.id == "framed" else 0  # type: ignore[union-attr]
                said |= literals(call.args[at])
    assert len(said) > 200
    assert {id for id in said if id not in catalogue()} == set()
    # What has no text cannot be shown.
    assert {id for id in said if not catalogue()[id].text} == set()


def test_every_entry_explains_itself():
    for id, message in catalogue().items():
        if message.severity not in ("words", "told"):
            assert message.raised, id
            assert message.meaning, id
            assert message.todo, id


SENTENCE = re.compile(r"[A-Za-z']{2,}[,;:]?(?: [A-Za-z']+[,;:.?]?){2,}")
WORDED = {"words", "say", "markup", "many", "message"}
"""Calls whose texts are taken up by `scripts.messages`, or are ids."""
PYTHONS = {"TypeError", "ValueError", "RuntimeError", "ModuleNotFoundError", "Error"}
"""Exceptions that a user reads no text of; `Error` is that of csv."""
NO_MESSAGES = {
    "records/versions": "sentences of schema version 1, as they were",
    "collect/names.py": "words of file names",
    "collect/sidecars.py": "names of files",
    "plan/prompts.py": "words that are left out of a count",
    "conditions/protect/style_cloak.py": "prompts for a model",
    "style/score.py": "names of the lab's sets, which results.json holds and no page shows",
    "plan/protocols": "a reference",
    "models/memory.py": "what libraries say",
    "models/families": "names of models",
    "models/kinds.py": "names of models",
    "models/loader.py": "what a library says",
    "plan/trainers.py": "sources, and words of a page of the reference",
    "images/ai_mark.py": "written into every generated picture",
    "training/original_names.py": "written into every exported add-on",
    "evidence/bundle.py": "written into every bag",
    "evidence/credentials.py": "written into every certificate",
    "base/own_process.py": "code",
    "plan/devices.py": "what torch says",
    "style/csd.py": "names of licences",
    "report/comparison/saved.py": "what columns of an exported table mean, written beside them",
    "report/overview/columns.py": "what columns of exported tables mean, written beside them",
    "report/shell.py": "a policy",
    "ui/guard.py": "policies",
    "report/tidy.py": "what columns of exported tables mean, written beside them",
}
"""File or folder -> why it may hold sentences that are no messages."""


def test_no_sentence_stands_outside_the_catalogue():
    """Those of errors that only a bug raises (`raise ValueError(...)`) no user reads."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "audit").rglob("*.py")):
        name = path.relative_to(ROOT / "audit").as_posix()
        sentences = [text for text in plain_texts(path) if SENTENCE.search(text)]
        if sentences:
            found[name] = sentences
    known = {name: next((of for of in NO_MESSAGES if (name + "/").startswith(of + "/")), "") for name in found}
    assert {name: found[name] for name, of in known.items() if not of} == {}
    assert set(NO_MESSAGES) == set(known.values())


def plain_texts(path: Path) -> list[str]:
    """Texts of a file but docstrings, help, messages, and what an exception of Python's own is given."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()) as other:
                passed.add(id(other.value))
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) as other if name in WORDED:
                passed |= {id(n) for n in ast.walk(other)}
            case ast.keyword(arg="help"):
                # Of options and commands; `scripts.reference` prints it.
                passed |= {id(n) for n in ast.walk(node.value)}
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) as other) if name in PYTHONS:
                passed |= {id(n) for n in ast.walk(other)}
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in passed:
            texts.append("".join(str(v.value) if isinstance(v, ast.Constant) else "1" for v in node.values))
            passed |= {id(v) for v in node.values}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            texts.append(node.value)
    return texts
