"""Commands that write treated copies of a folder, by the code that an audit runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from audit.base.progress import Progress
from audit.cli.app import app
from audit.cli.options import Declare, Device, ModelName, PredictionType, Seed, StoreAt, Surrogate, with_rights
from audit.cli.told import one_sentence

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of pictures; it is only read.")]
Protection = Annotated[str, typer.Argument(metavar="NAME[:ARG]", help="A reference protection or a placebo.")]
Countermeasure = Annotated[str, typer.Argument(metavar="NAME[:ARG][+NAME...]", help="A countermeasure or a chain.")]
NewFolder = Annotated[Path, typer.Option("--out", help="New or empty folder for the copies.")]
Steps = Annotated[int | None, typer.Option(help="Steps of an attack or purifier; by default its own number.")]
Crop = Annotated[str | None, typer.Option(help="squares or tiles: the parts in which an attack sees a picture.")]


@app.command()
def protect(
    folder: Folder,
    protection: Protection,
    out: NewFolder,
    model: ModelName = None,
    prediction_type: PredictionType = None,
    surrogate: Surrogate = None,
    steps: Steps = None,
    crop: Crop = None,
    seed: Seed = None,
    store: StoreAt = None,
    device: Device = None,
    declare: Declare = None,
) -> None:
    """Write copies of a folder under a reference protection: a measuring instrument, not a product."""
    with one_sentence():
        of_attack = {name: value for name, value in (("steps", steps), ("crop", crop)) if value is not None}
        options = {
            "originals": folder, "out": out, "model": model, "prediction_type": prediction_type,
            "surrogate": surrogate, "protection": of_attack, "seed": seed, "store": store, "device": device,
            "declare": declare,
        }  # fmt: skip
        _make("protect", protection, options)


@app.command()
def treat(
    folder: Folder,
    countermeasure: Countermeasure,
    out: NewFolder,
    model: ModelName = None,
    prediction_type: PredictionType = None,
    steps: Steps = None,
    seed: Seed = None,
    store: StoreAt = None,
    device: Device = None,
    declare: Declare = None,
) -> None:
    """Write copies of a folder after a countermeasure, as an audit's --against would treat them."""
    with one_sentence():
        options = {
            "originals": folder, "out": out, "model": model, "prediction_type": prediction_type,
            "protection": {} if steps is None else {"counter_steps": steps}, "seed": seed, "store": store,
            "device": device, "declare": declare,
        }  # fmt: skip
        _make("treat", countermeasure, options)


def _make(command: Literal["protect", "treat"], text: str, options: Mapping[str, object]) -> None:
    from audit.commands.copies import make_copies
    from audit.plan.spec import load_spec

    print(make_copies(command, text, with_rights(load_spec(dict(options), None)), Progress()))
