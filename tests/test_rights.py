"""The declaration about rights: asked for on a terminal, recorded everywhere, refused only by a person."""

from __future__ import annotations

import pytest

from audit.base.errors import BadInput
from audit.cli import options
from audit.commands.demo import demo_spec
from audit.plan.spec import DECLARATION, load_spec


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.fixture
def asked(monkeypatch):
    spec = load_spec({"originals": "art"}, None)

    def answer(yes: bool, terminal: bool = True):
        if terminal:
            monkeypatch.setattr(options.sys, "stdin", Terminal())
            monkeypatch.setattr(options.sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(options.typer, "confirm", lambda *a, **k: yes)
        return options.with_rights(spec)

    return answer


def test_a_person_who_declares_goes_on(asked, capsys):
    assert asked(True).declare is True
    assert DECLARATION in capsys.readouterr().err


def test_a_person_who_does_not_declare_trains_nothing(asked):
    with pytest.raises(BadInput) as caught:
        asked(False)
    assert caught.value.slug == "rights-refused"


def test_without_a_terminal_nobody_is_asked(asked):
    assert asked(False, terminal=False).declare is False


def test_the_built_in_example_is_declared():
    assert demo_spec(preset=None, out=None).declare
