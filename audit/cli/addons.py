"""Commands about trained add-ons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.cli.app import app
from audit.cli.finished import RunFolder
from audit.cli.options import Declare, StoreAt, declared_on_terminal
from audit.cli.told import one_sentence


@app.command(name="export-adapter")
def export_adapter(
    folder: RunFolder,
    condition: Annotated[str, typer.Argument(metavar="CONDITION", help="As in the report: clean, protected, ...")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    replicate: Annotated[int, typer.Option(help="Which training of it.")] = 1,
    layout: Annotated[str, typer.Option(help="kohya (A1111, ComfyUI), comfyui (transformers) or diffusers.")] = "kohya",
    store: StoreAt = None,
    declare: Declare = None,
) -> None:
    """Write one trained add-on as a file for A1111, ComfyUI or diffusers. It imitates the artist: keep it safe."""
    with one_sentence():
        from audit.commands.export_adapter import export_adapter as export
        from audit.runfolder import read_results
        from audit.store import default_store

        results = read_results(folder)
        made = export(
            results,
            store=store or default_store(),
            condition=condition,
            replicate=replicate,
            layout=layout,
            out=out,
            declared=bool(declare) or declared_on_terminal("ask.before-export"),
        )
        print(made)
