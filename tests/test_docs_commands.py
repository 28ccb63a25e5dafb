"""Commands in the documentation: each is one that the program takes; what costs little is run as it stands."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from audit.cli import app

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "reports" / "sample"
PAGES = (*ROOT.glob("*.md"), *(p for p in (ROOT / "docs").rglob("*.md") if "decisions" not in p.parts))
MADE = ("MESSAGES.md", "messages.md", "CHANGELOG.md")
"""Made from the code, or about versions that are past."""


def blocks(text: str) -> Iterator[str]:
    """Commands of fenced blocks without a language, or in `sh`; a backslash at the end joins lines."""
    for language, body in re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, flags=re.S | re.M):
        if language in ("", "sh"):
            yield from re.sub(r"\\\n\s*", " ", body).splitlines()


def commands() -> list[tuple[str, str]]:
    """Page and command, of blocks and of inline code."""
    found = []
    for path in PAGES:
        if path.name in MADE:
            continue
        text = path.read_text(encoding="utf-8")
        inline = re.findall(r"`(cloakcheck [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
        for line in [*blocks(text), *(" ".join(i.split()) for i in inline)]:
            bare = line.strip()
            # Behind a container's name or a prompt for a batch system, too.
            if match := re.search(r"(?:^|/|\bexec .*|\brun --rm .*|/bin/)cloakcheck (?!-cuda)(.*)", bare):
                found.append((path.relative_to(ROOT).as_posix(), match[1].split("  #")[0].strip()))
    return sorted(set(found))


@cache
def program() -> Any:
    return get_command(app)


def refused(words: list[str]) -> str:
    """Why the program would not take these words; '' where it would. Files need not be there."""
    command = program()
    while hasattr(command, "commands"):
        if not words or words[0].startswith("-"):
            known = {option for p in command.params for option in p.opts} | {"--help"}
            return " ".join(word for word in words if word not in known)
        if words[0] == "COMMAND":
            return ""
        if words[0] not in command.commands:
            # `models PATH` is short for `models look PATH`.
            if "look" not in command.commands:
                return f"no such command: {words[0]}"
            words = ["look", *words]
        command, words = command.commands[words[0]], words[1:]
    words = [word for word in words if word not in ("...", "--help")]
    context = command.context_class(command, info_name="cloakcheck")
    try:
        _, left, _ = command.make_parser(context).parse_args(words)
    except Exception as error:
        # The library of the command line is within typer; its errors carry a message.
        if not hasattr(error, "message"):
            raise
        return str(error.message)
    return f"words of no option: {left}" if left else ""


@pytest.mark.parametrize(("page", "command"), commands())
def test_the_program_takes_every_command_in_the_docs(page, command):
    assert refused(shlex.split(command)) == "", f"{page}: cloakcheck {command}"


def test_the_test_itself_notices():
    assert refused(["run", "--orignals", "x"])
    assert refused(["rnu"])
    assert refused(["plan", "--originals", "x", "--protected", "y=z"]) == ""
    assert len(commands()) > 60


CHEAP = {
    "export RUN": "tables/scores.csv",
    "report RUN --lang de": "report.html",
    "overview results/": "overview.html",
    "compare RUN RUN": "",
    "models": "",
    "encoder list": "",
}
"""Commands of the docs that are run as they stand, where RUN is the shipped sample, and a file that each writes."""


@pytest.mark.parametrize("command", CHEAP)
def test_a_cheap_command_does_what_its_page_says(command, tmp_path, monkeypatch):
    assert any(command == written for _, written in commands()), "no page has it any more"
    run = tmp_path / "results" / "sample"
    shutil.copytree(SAMPLE, run)
    (run / "report.html").unlink()
    monkeypatch.chdir(tmp_path)
    words = [str(run) if word == "RUN" else word for word in command.split()]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    wanted = CHEAP[command]
    assert not wanted or any((place / wanted).is_file() for place in (run, tmp_path)), sorted(tmp_path.rglob("*"))


def test_an_add_on_that_the_store_does_not_hold_is_one_sentence(tmp_path):
    words = ["export-adapter", str(SAMPLE), "clean", "--out", str(tmp_path / "a.safetensors"), "--declare"]
    done = CliRunner().invoke(app, [*words, "--store", str(tmp_path / "store")])
    assert done.exit_code == 2, done.output
    assert done.stderr.strip().endswith("]"), done.stderr
    assert not (tmp_path / "a.safetensors").exists()


def test_every_command_is_run_by_a_test():
    """By name, as a word of a command line: `call("bundle", ...)`, `cloakcheck verify ...`."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    for name in program().commands:
        said = re.compile(rf"[\"']{name}[\"' ]|cloakcheck {name}\b")
        assert any(said.search(text) for text in texts), f"no test runs cloakcheck {name}"
