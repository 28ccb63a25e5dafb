"""Commands that write treated copies of a folder, by the code that an audit runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from audit.base.progress import Progress
from audit.cli.app import app
from audit.cli.options import (
    Declare,
    Device,
    ModelName,
    PredictionType,
    Seed,
    StoreAt,
    Surrogate,
    one_sentence,
    with_rights,
)

if TYPE_CHECKING:
    from audit.plan.spec import Spec

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
        settings = {"steps": steps, "crop": crop}
        asked = _asked(folder, out, (model, prediction_type), surrogate, settings, seed, store, device, declare)
        _make("protect", protection, asked)


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
        asked = _asked(
            folder, out, (model, prediction_type), None, {"counter_steps": steps}, seed, store, device, declare
        )
        _make("treat", countermeasure, asked)


def _asked(
    folder: Path,
    out: Path,
    model: tuple[str | None, str | None],
    surrogate: str | None,
    settings: Mapping[str, object],
    seed: int | None,
    store: Path | None,
    device: str | None,
    declare: bool | None,
) -> Spec:
    from audit.plan.spec import load_spec

    options = {
        "originals": folder,
        "out": out,
        "model": model[0],
        "prediction_type": model[1],
        "surrogate": surrogate,
        "protection": {name: value for name, value in settings.items() if value is not None},
        "seed": seed,
        "store": store,
        "device": device,
        "declare": declare,
    }
    return with_rights(load_spec(options, None))


def _make(command: Literal["protect", "treat"], text: str, asked: Spec) -> None:
    from audit.commands.copies import make_copies

    print(make_copies(command, text, asked, Progress()))
