"""Commands about the large style encoders, whose weights a user puts there once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from audit.base.errors import BadInput
from audit.base.messages import render, say
from audit.cli.app import app
from audit.cli.options import at_a_terminal, confirmed
from audit.cli.told import one_sentence, tell

Action = Annotated[str, typer.Argument(metavar="list|get|convert", help="What to do.")]
Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Encoder to fetch, or csd to convert.")]
Checkpoint = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Its checkpoint as published.")]
Yes = Annotated[bool, typer.Option("--yes", help="With get: you have read the licence and accept it.")]


@app.command()
def encoder(action: Action, name: Name = None, file: Checkpoint = None, yes: Yes = False) -> None:
    """List the style encoders and where their weights belong, fetch one, or convert a checkpoint once."""
    with one_sentence():
        from audit.store import write_atomic
        from audit.style import ENCODERS, csd
        from audit.style.known_weights import state_of
        from audit.style.weights_paths import encoders_folder

        if action == "list" and name is None:
            where, home = encoders_folder(), Path(os.path.expanduser("~"))
            shown = Path("~") / where.relative_to(home) if where.is_relative_to(home) else where
            tell("encoder.folder", folder=str(shown))
            for row in ENCODERS.values():
                print(render(state_of(row)))
            tell("encoder.by-hand")
        elif action == "get" and name is not None and file is None:
            _get(name, yes=yes)
        elif action == "convert" and name == csd.NAME and file is not None:
            target = encoders_folder() / csd.NAME / csd.FILE
            write_atomic(target, csd.convert(file))
            print(render(state_of(ENCODERS[csd.NAME])))
        else:
            raise BadInput("encoder-action", action=" ".join([action, *filter(None, (name,))]))


def _get(name: str, *, yes: bool) -> None:
    from audit.base.progress import Progress
    from audit.style import ENCODERS
    from audit.style.fetch import fetch_encoder
    from audit.style.known_weights import state_of
    from audit.style.weights_paths import encoders_folder

    if name not in ENCODERS:
        raise BadInput("encoder-unknown", name=name, choices=tuple(ENCODERS))
    row = ENCODERS[name]
    assert row.published is not None
    address = row.published.address
    if row.present():
        print(render(state_of(row)))
        print(encoders_folder() / name)
        return
    told = say("encoder.asked", name=name, published=row.published.told(), address=address)
    print(render(told), file=sys.stderr)
    if not yes and not (at_a_terminal() and confirmed(say("ask.licence"))):
        raise BadInput("encoder-not-fetched", address=address)
    folder = fetch_encoder(name, Progress())
    tell("encoder.fetched")
    print(render(state_of(row)))
    print(folder)
