"""The command for the released pictures of a published comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.base.messages import Value
from audit.base.progress import Progress
from audit.cli.app import app
from audit.cli.options import Device, Metric, StoreAt
from audit.cli.told import one_sentence, tell

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The unpacked pictures; they are only read.")]
OVER_ARTISTS = "how.released-artists"
Target = Annotated[Path, typer.Option("--out", help="JSON file to write.")]


@app.command()
def released(
    folder: Folder, out: Target, primary_metric: Metric = None, store: StoreAt = None, device: Device = None
) -> None:
    """Score the released pictures of robust-style-mimicry (2024); trains nothing."""
    with one_sentence():
        from audit.commands.released import score_released
        from audit.plan.devices import pick_device
        from audit.plan.machine import make_bench
        from audit.store import Store, default_store, write_atomic
        from audit.style.choice import pick_metrics

        metrics = pick_metrics(primary_metric, lab=False, references=True)
        bench = make_bench(pick_device(device or "auto"), store=Store(store or default_store()), progress=Progress())
        found = score_released(folder, metrics=metrics, bench=bench)
        write_atomic(out, (found.model_dump_json(indent=1) + "\n").encode("utf-8"))
        for artist in found.artists:
            if not artist.separated:
                tell("told.left-out", artist=artist.name)
        for row in found.estimates:
            if row.metric == metrics[0] and row.how.id == OVER_ARTISTS and row.value is not None:
                told: dict[str, Value] = {"case": row.condition, "name": row.name, "value": row.value, "n": row.n}
                if row.low is None or row.high is None:
                    tell("told.released", **told)
                else:
                    tell("told.released-range", low=row.low, high=row.high, **told)
        print(out)
