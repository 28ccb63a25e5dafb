"""The command for pictures of services whose weights nobody has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from audit.base.errors import BadInput
from audit.base.progress import Progress
from audit.cli.app import app
from audit.cli.options import Artist, Device, Json, Metric, Originals, Out, References, Seed, StoreAt, announce_score
from audit.cli.told import one_sentence

Generated = Annotated[Path | None, typer.Option(help="Pictures or clips that a service made with the artist's name.")]
Controls = Annotated[Path | None, typer.Option(help="Folder of its pictures for the same prompts without the name.")]
OtherName = Annotated[Path | None, typer.Option(help="Folder of its pictures for them with another artist's name.")]
Sheet = Annotated[Path | None, typer.Option(help="CSV with the columns file, prompt and, if wanted, session, group.")]
ClipTimes = Annotated[
    str | None, typer.Option(metavar="SECONDS", help="When frames of clips are taken: 0.5,1,2; else eight, evenly.")
]
Unit = Annotated[str | None, typer.Option(help="What is counted: prompt or prompt-session; never the picture.")]
Service = Annotated[str | None, typer.Option(help="Name of the service, to show in the report.")]
SpecFile = Annotated[Path | None, typer.Option("--spec", metavar="FILE", help="TOML or JSON file with these options.")]
PATHS = ("originals", "generated", "controls", "other_name", "reference_artists", "sheet", "out", "store")


@app.command()
def score(
    generated: Generated = None,
    originals: Originals = None,
    controls: Controls = None,
    other_name: OtherName = None,
    reference_artists: References = None,
    sheet: Sheet = None,
    clip_times: ClipTimes = None,
    unit: Unit = None,
    artist: Artist = None,
    service: Service = None,
    primary_metric: Metric = None,
    seed: Seed = None,
    device: Device = None,
    out: Out = None,
    store: StoreAt = None,
    spec: SpecFile = None,
    json_output: Json = False,
) -> None:
    """Compare pictures that a closed service made with an artist's works; trains nothing."""
    options: dict[str, Any] = {k: v for k, v in locals().items() if k not in ("json_output", "spec") and v is not None}
    with one_sentence():
        from audit.collect.clips import times_of
        from audit.commands.score import ScoreSpec
        from audit.commands.score import score as run_score
        from audit.plan.spec import read_toml, validated

        if clip_times is not None:
            options["clip_times"] = times_of(clip_times)
        if spec is not None:
            options = {**_beside(read_toml(spec), spec), **options}
        if "generated" not in options:
            raise BadInput("generated-missing")
        judged, folder = run_score(validated(ScoreSpec, options, unfit="spec-invalid.score"), Progress())
        announce_score(judged, folder, as_json=json_output)


def _beside(values: dict[str, Any], spec: Path) -> dict[str, Any]:
    """Values of a spec file with its paths, which are relative to that file."""
    placed = {name: spec.parent / value for name, value in values.items() if name in PATHS and isinstance(value, str)}
    return values | placed
