"""The command that asks people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.base.errors import BadInput
from audit.cli.app import app
from audit.cli.finished import RunFolder, judgeable
from audit.cli.options import Json, announce
from audit.cli.told import one_sentence, tell

Files = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILES]...", help="With --collect: what the raters saved.")
]


@app.command()
def rate(
    folder: RunFolder,
    files: Files = None,
    collect: Annotated[
        bool, typer.Option("--collect", help="Join the raters' FILES, and judge the run with them.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Page to write (default: RUN/rate.html).")] = None,
    raters: Annotated[int, typer.Option(help="People that will be asked; 5 must count.")] = 7,
    items: Annotated[int, typer.Option(help="Pairs that each of them compares, catch pairs not counted.")] = 36,
    condition: Annotated[
        str | None, typer.Option(help="Whose pictures to compare with the unprotected model's (default: the deciding).")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the page: en or de.")] = "en",
    json_output: Json = False,
) -> None:
    """Ask people which pictures look more like the artist's hand: write a page for raters, or collect their files."""
    with one_sentence():
        from audit.commands import rate as rating
        from audit.judge.people.power import nearest

        if collect:
            if not files:
                raise BadInput("rate-files.none")
            with judgeable(folder):
                judged = rating.collect(folder, files)
            announce(judged, folder, as_json=json_output)
            return
        if files:
            raise BadInput("rate-files")
        target = out or folder / "rate.html"
        sheet = rating.write_page(folder, out=target, condition=condition, raters=raters, pairs=items, lang=lang)
        tell("told.rate", condition=sheet.condition, pairs=items, all=len(sheet.items), raters=raters)
        found = nearest(raters=raters, pairs=items)
        tell("told.rate-power", raters=found.raters, pairs=found.pairs, middle=found.middle, strong=found.strong)
        print(target)
