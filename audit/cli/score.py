"""The command for pictures of services whose weights nobody has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from audit.base.progress import Progress
from audit.cli.app import app
from audit.cli.options import (
    Artist,
    Device,
    Json,
    Metric,
    Originals,
    Out,
    References,
    Seed,
    StoreAt,
    announce_score,
    one_sentence,
)

Generated = Annotated[Path, typer.Option(help="Folder of pictures that a service made with the artist's name.")]
Controls = Annotated[Path | None, typer.Option(help="Folder of its pictures for the same prompts without the name.")]
OtherName = Annotated[Path | None, typer.Option(help="Folder of its pictures for them with another artist's name.")]
Sheet = Annotated[Path | None, typer.Option(help="CSV with the columns file, prompt and, if wanted, session, group.")]
Unit = Annotated[str | None, typer.Option(help="What is counted: prompt or prompt-session; never the picture.")]
Service = Annotated[str | None, typer.Option(help="Name of the service, to show in the report.")]


@app.command()
def score(
    generated: Generated,
    originals: Originals = None,
    controls: Controls = None,
    other_name: OtherName = None,
    reference_artists: References = None,
    sheet: Sheet = None,
    unit: Unit = None,
    artist: Artist = None,
    service: Service = None,
    primary_metric: Metric = None,
    seed: Seed = None,
    device: Device = None,
    out: Out = None,
    store: StoreAt = None,
    json_output: Json = False,
) -> None:
    """Compare pictures that a closed service made with an artist's works; trains nothing."""
    options: dict[str, Any] = {k: v for k, v in locals().items() if k != "json_output" and v is not None}
    with one_sentence():
        from audit.commands.score import ScoreSpec
        from audit.commands.score import score as run_score
        from audit.plan.spec import validated

        judged, folder = run_score(validated(ScoreSpec, options), Progress())
        announce_score(judged, folder, as_json=json_output)
