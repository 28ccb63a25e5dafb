"""The command that measures the instrument itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.base.progress import Progress
from audit.cli.app import app
from audit.cli.options import (
    Device,
    ExecutorName,
    KeepNodeCache,
    ModelName,
    PredictionType,
    Preset,
    Prompts,
    Replicates,
    Seed,
    SpecFile,
    StoreAt,
)
from audit.cli.told import one_sentence, tell

Audits = Annotated[int, typer.Option(min=1, max=10_000, help="How many audits of planted truths to run.")]
Truths = Annotated[
    list[str] | None,
    typer.Option(help="Planted truth: identity, null, clean-again, diluted:SHARE, other-artist (all)."),
]
Doses = Annotated[
    list[str] | None,
    typer.Option("--protect", help="Known attack at one strength to run beside them, name:argument; may be repeated."),
]
Added = Annotated[
    list[Path] | None,
    typer.Option(help="Card of other audits of the same setup, from another machine, to count in; may be repeated."),
]
Originals = Annotated[Path | None, typer.Option(help="Folder of works to calibrate on (default: the built-in artist).")]

CardOut = Annotated[
    Path | None, typer.Option("--out", help="Folder for the audits and the card (default: reports/calibration).")
]


@app.command()
def calibrate(
    model: ModelName = None,
    prediction_type: PredictionType = None,
    preset: Preset = None,
    audits: Audits = 20,
    control: Truths = None,
    protect: Doses = None,
    add: Added = None,
    originals: Originals = None,
    replicates: Replicates = None,
    prompts: Prompts = None,
    out: CardOut = None,
    store: StoreAt = None,
    device: Device = None,
    executor: ExecutorName = None,
    keep_node_cache: KeepNodeCache = None,
    seed: Seed = None,
    spec: SpecFile = None,
) -> None:
    """Measure the error rates of a base model and preset on planted truths; takes as long as that many audits."""
    with one_sentence():
        from audit.commands.calibrate import calibrate as run_calibration
        from audit.commands.demo import ARTIST
        from audit.models.cards import LAB_ARTISTS
        from audit.plan.spec import load_spec

        options = {
            "model": model, "prediction_type": prediction_type,
            "preset": preset, "originals": originals, "replicates": replicates, "prompts": prompts,
            "store": store, "device": device, "seed": seed, "out": out, "protect": tuple(protect) if protect else None,
            "executor": executor, "keep_node_cache": keep_node_cache,
        }  # fmt: skip
        asked = load_spec(options, spec, otherwise={"originals": LAB_ARTISTS / ARTIST, "artist": ARTIST})
        card, path = run_calibration(
            asked.model_copy(update={"out": asked.out or Path("reports") / "calibration"}),
            audits=audits,
            truths=tuple(control or ()),
            added=tuple(add or ()),
            progress=Progress(),
        )
        for t in card.truths:
            if t.words or (t.metric, t.index) == (card.primary_metric, "protection_index"):
                tell("told.truth", truth=t.condition, wrong=t.wrong, audits=t.audits, most=100 * t.rate_at_most)
        tell("told.card", digest=card.digest())
        print(path)
