"""Commands about the large style encoders, whose weights a user puts there once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.base.errors import BadInput
from audit.cli.app import app
from audit.cli.options import one_sentence

Action = Annotated[str, typer.Argument(metavar="list|convert", help="What to do.")]
Name = Annotated[str | None, typer.Argument(metavar="[csd]", help="Encoder to convert.")]
Checkpoint = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Its checkpoint as published.")]


@app.command()
def encoder(action: Action, name: Name = None, file: Checkpoint = None) -> None:
    """List the style encoders and where their weights belong, or convert a checkpoint once."""
    with one_sentence():
        from audit.store import write_atomic
        from audit.style import ENCODERS, csd
        from audit.style.weights_paths import encoders_folder

        if action == "list" and name is None:
            where, home = encoders_folder(), Path.home()
            print(f"encoders' folder: {Path('~') / where.relative_to(home) if where.is_relative_to(home) else where}")
            for row in ENCODERS.values():
                print(f"{row.name}: present, SHA-256 {row.digest()}" if row.present() else f"{row.name}: {row.source}")
        elif action == "convert" and name == csd.NAME and file is not None:
            target = encoders_folder() / csd.NAME / csd.FILE
            write_atomic(target, csd.convert(file))
            print(f"{csd.NAME}: present, SHA-256 {ENCODERS[csd.NAME].digest()}")
        else:
            shown = " ".join([action, *filter(None, (name,))])
            raise BadInput("encoder-action", action=shown)
