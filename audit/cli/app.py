"""The typer application that every command registers with."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from audit import __version__
from audit.base.errors import BadInput
from audit.base.private import be_private
from audit.cli.told import one_sentence

ONCE = frozenset(("--originals", "--generated", "--controls", "--other-name", "--reference-artists", "--other-artist"))
"""Folders of pictures: who names two means both. Of other options the last counts, as programs commonly have it."""


class Careful(TyperCommand):
    """A command that refuses what would be dropped without a word: a second folder of pictures, words of no option."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allow_extra_args = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with one_sentence():
            _, _, order = self.make_parser(ctx).parse_args(list(args))
            names = [param.opts[0] for param in order]
            for name in ONCE:
                if names.count(name) > 1:
                    raise BadInput("option-twice", option=name)
        super().parse_args(ctx, args)
        with one_sentence():
            if ctx.args and not ctx.resilient_parsing:
                raise BadInput("words-left-over", words=tuple(ctx.args))
        return args


FIRST = (
    "start", "ui", "demo", "plan", "run", "resume", "pairs", "captions", "gallery", "batch",
    "report", "judge", "export", "overview", "compare", "rate", "bundle", "stamp", "verify", "reproduce",
    "score", "models", "encoder", "doctor", "forget",
)  # fmt: skip
"""Commands in the order in which a newcomer comes to need them; those that are not named follow."""


class InOrder(TyperGroup):
    """The program, whose help begins with what one begins with."""

    def list_commands(self, ctx: Any) -> list[str]:
        rest = [name for name in super().list_commands(ctx) if name not in FIRST]
        return [*(name for name in FIRST if name in self.commands), *rest]


class App(typer.Typer):
    """The application; all of its commands are careful."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        return super().command(name, cls=settings.pop("cls", Careful), **settings)


app = App(
    name="cloakcheck",
    cls=InOrder,
    help="Measure how well a protection keeps an artist's style from being learned. To begin: cloakcheck start.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        print(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """CloakCheck: how much of an artist's style does a fine-tuned model still learn?"""
    # The artist's unprotected works lie in what is written.
    be_private()
    if sys.platform == "darwin":
        # Before torch is loaded: operators that Apple's GPUs lack run on the CPU.
        os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
