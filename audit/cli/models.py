"""Commands about base models."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from audit.base.errors import BadInput
from audit.base.messages import say
from audit.cli.app import app
from audit.cli.options import confirmed, one_sentence, tell

models = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@models.callback()
def listing(context: typer.Context) -> None:
    """List the base models that are known by name, which of them are here, and what they need."""
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
            tell(
                "told.here" if present(name) else "told.not-here",
                disk=say("told.gb", gb=card.download.bytes / 1e9) if card.download else None,
                memory=card.weights_bytes() / 1e9,
                digest=card.download.sha256 if card.download else None,
            )
        tell("told.get-model")
        print(models_folder())


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
        print(f"{card.title}: {card.download.bytes / 1e9:.1f} GB from {card.download.repo}", file=sys.stderr)
        print(f"licence {card.licence}, {card.licence_url}", file=sys.stderr)
        if not accept_licence:
            at_a_terminal = sys.stdin.isatty() and sys.stderr.isatty()
            if not (at_a_terminal and confirmed("Have you read it, and do you accept it?")):
                raise BadInput("licence-not-accepted", address=card.licence_url)
        print(fetch(name, Progress()))


app.add_typer(models, name="models")
