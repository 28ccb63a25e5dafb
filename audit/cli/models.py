"""Commands about base models."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from audit.base.errors import BadInput
from audit.base.messages import render, say
from audit.base.progress import duration
from audit.cli.app import app
from audit.cli.options import Json, PredictionType, confirmed
from audit.cli.told import one_sentence, tell

if TYPE_CHECKING:
    from audit.commands.models import LookedAt

LOOK = "look"


class PathOrCommand(TyperGroup):
    """`models PATH` is short for `models look PATH`; a file called `get` is named as ./get."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = next((word for word in args if not word.startswith("-")), None)
        if first is not None and first not in self.commands:
            args = [LOOK, *args]
        return super().parse_args(ctx, args)


models = typer.Typer(cls=PathOrCommand, invoke_without_command=True, rich_markup_mode=None)


@models.callback()
def listing(context: typer.Context) -> None:
    """List the base models that are known by name, which of them are here, and what they need; or look at one."""
    if context.invoked_subcommand is not None:
        return
    with one_sentence():
        from audit.models.cards import cards, models_folder, present

        for name, card in cards().items():
            tell(
                "told.model",
                name=name,
                title=card.title,
                side=card.resolution,
                prediction=card.prediction,
                licence=card.licence,
            )
            tell("told.layers", scale=card.latent_scale, layers=card.targets)
            if card.drawn_with:
                tell("told.sibling", name=card.drawn_with)
            tell(
                "told.here" if present(name) else "told.not-here",
                disk=say("told.gb", gb=card.download.bytes / 1e9) if card.download else None,
                memory=card.weights_bytes() / 1e9,
                digest=card.download.sha256 if card.download else None,
            )
        tell("told.get-model")
        print(models_folder())


@models.command(LOOK)
def look(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A checkpoint, a folder, or a known name.")],
    prediction_type: PredictionType = None,
    digest: Annotated[bool, typer.Option("--digest", help="Read the whole files for their SHA-256.")] = False,
    json_output: Json = False,
) -> None:
    """Say what a model file or folder is, from its headers and configs alone, or what it is instead (exit code 2)."""
    with one_sentence():
        from audit.commands.models import look as look_at
        from audit.models.prediction import PREDICTION_TYPES

        if prediction_type not in (None, *PREDICTION_TYPES):
            raise BadInput("prediction-unknown", given=prediction_type)
        found = look_at(path, asked=prediction_type, digest=digest)
        if json_output:
            print(found.model_dump_json())
        else:
            _show(found, path)


def _show(found: LookedAt, path: str) -> None:
    layout = say("layout.checkpoint" if found.layout == "checkpoint" else "layout.folder")
    if found.resolution:
        tell(
            "looked.says-model",
            name=found.name,
            title=found.title,
            family=found.family,
            side=found.resolution,
            layout=layout,
        )
    else:
        tell("looked.says-model.no-side", name=found.name, title=found.title, family=found.family, layout=layout)
    if found.prediction_type is None:
        tell("looked.says-no-prediction", source=found.source)
    elif found.zero_terminal_snr:
        tell("looked.says-prediction.zero", reading=found.prediction_type, source=found.source)
    else:
        tell("looked.says-prediction", reading=found.prediction_type, source=found.source)
    tell("looked.says-precision", precision=found.precision)
    for part, variant in found.variants.items():
        tell("looked.says-variant", part=part, variant=variant)
    tell("looked.says-weights", memory=found.weights_bytes / 1e9, disk=found.disk_bytes / 1e9)
    for note in found.notes:
        tell("looked.says-note", note=note)
    if found.file_sha256 is not None:
        tell("looked.says-file-digest", digest=found.file_sha256)
    if found.sha256 is not None:
        tell("looked.says-plan-digest", digest=found.sha256)
    if found.published is not None:
        tell("looked.says-published", title=found.published)
    if found.standard_seconds is None:
        tell("looked.says-standard", path=path)
    else:
        tell("looked.says-standard.foreseen", time=duration(found.standard_seconds), of=found.standard_of)


@models.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `cloakcheck models` lists it.")],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You have read the model's licence and accept it.")
    ] = False,
) -> None:
    """Download a known model; goes on where an earlier attempt stopped, and checks every byte."""
    with one_sentence():
        from audit.base.progress import Progress
        from audit.models.download import fetch, known_card

        card = known_card(name)
        assert card.download is not None
        print(
            render(say("told.download", title=card.title, gb=card.download.bytes / 1e9, repo=card.download.repo)),
            file=sys.stderr,
        )
        print(render(say("told.licence", licence=card.licence, address=card.licence_url)), file=sys.stderr)
        if not accept_licence:
            at_a_terminal = sys.stdin.isatty() and sys.stderr.isatty()
            if not (at_a_terminal and confirmed(say("ask.licence"))):
                raise BadInput("licence-not-accepted", address=card.licence_url)
        print(fetch(name, Progress()))


app.add_typer(models, name="models")
