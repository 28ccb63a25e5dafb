"""The command that proposes captions for a person to mend."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from audit.base.errors import BadInput
from audit.base.messages import say
from audit.cli.app import app
from audit.cli.options import Device
from audit.cli.told import one_sentence, tell

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of pictures; it is only read.")]
Table = Annotated[Path, typer.Option("--out", help="CSV file to write; an existing one is not overwritten.")]
Captioner = Annotated[Path | None, typer.Option(help="Local folder of a captioning model: BLIP, BLIP-2, Florence-2.")]


@app.command()
def captions(folder: Folder, out: Table, captioner: Captioner = None, device: Device = None) -> None:
    """Write a CSV with a caption for every picture, to read and mend before training."""
    with one_sentence():
        from audit.collect.captions import SOURCES, propose, write_captions
        from audit.store import write_atomic

        if out.exists():
            raise BadInput("captions-exist", file=out.name)
        describe = None
        if captioner is not None:
            from audit.images.decoder import open_isolated
            from audit.models.captioner import load_captioner
            from audit.plan.devices import pick_device

            model = load_captioner(captioner, device=pick_device(device or "auto"))

            def describe(path: Path) -> str:
                return model(open_isolated(path)[0])

        rows = propose(folder, describe=describe)
        write_atomic(out, write_captions(rows))
        for source, count in Counter(row.source for row in rows).most_common():
            tell("told.captions", count=count, source=say(SOURCES[source]))
        print(out)
