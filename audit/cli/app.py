"""The typer application that every command registers with."""

from __future__ import annotations

from typing import Annotated

import typer

from audit import __version__
from audit.base.private import be_private

app = typer.Typer(
    help="Measure how well a protection keeps an artist's style from being learned.",
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
