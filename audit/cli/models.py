"""Commands about base models."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from audit.base.errors import BadInput
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
            disk = f"{card.download.bytes / 1e9:.1f} GB" if card.download else "not known"
            print(f"{name}: {card.title}, {card.resolution} px, {card.prediction}, {card.licence}")
            print(f"  latent scale {card.latent_scale:g}, LoRA on {', '.join(card.targets)}")
            print(
                f"  {'here' if present(name) else 'not here'}; disk {disk}, weights in memory "
                f"{card.weights_bytes() / 1e9:.1f} GB, SHA-256 "
                f"{card.download.sha256 if card.download else 'not known'}"
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
