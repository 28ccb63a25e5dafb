"""The command for the released pictures of a published comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.base.progress import Progress
from audit.base.text import printable
from audit.cli.app import app
from audit.cli.options import Device, Metric, StoreAt, one_sentence, tell

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The unpacked pictures; they are only read.")]
Target = Annotated[Path, typer.Option("--out", help="JSON file to write.")]


@app.command()
def released(
    folder: Folder, out: Target, primary_metric: Metric = None, store: StoreAt = None, device: Device = None
) -> None:
    """Score the released pictures of robust-style-mimicry (2024); trains nothing."""
    with one_sentence():
        from audit.commands.released import score_released
        from audit.plan.machine import pick_device
        from audit.store import Store, default_store, write_atomic
        from audit.style.choice import pick_metrics

        metrics = pick_metrics(primary_metric, lab=False, references=True)
        steps = Store(store or default_store())
        found = score_released(
            folder, metrics=metrics, store=steps, device=pick_device(device or "auto"), progress=Progress()
        )
        write_atomic(out, (found.model_dump_json(indent=1) + "\n").encode("utf-8"))
        for artist in found.artists:
            if not artist.separated:
                tell("told.left-out", artist=artist.name)
        for row in found.estimates:
            if row.metric == metrics[0] and "|" not in row.condition and row.value is not None:
                ends = "" if row.low is None or row.high is None else f" ({row.low:.3f} to {row.high:.3f})"
                print(f"{printable(row.condition)}: {row.name} {row.value:.3f}{ends}, {row.n} artists")
        print(out)
