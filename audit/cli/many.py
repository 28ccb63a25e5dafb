"""Commands about more than one run; none of them starts torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from audit.base.messages import render
from audit.cli.app import app
from audit.cli.finished import judgeable
from audit.cli.options import Json
from audit.cli.told import one_sentence, tell

Folders = Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Run folders, or folders of run folders.")]


@app.command()
def overview(
    folders: Folders,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Page to write; a .csv and a .json of its name come beside it.")
    ] = Path("overview.html"),
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Call artists by numbers; no names of folders, no links.")
    ] = False,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Whether the page shows any.")] = True,
    lang: Annotated[str, typer.Option(help="Language of the page: en or de.")] = "en",
) -> None:
    """Write one offline page over many audits, from their results files alone."""
    with one_sentence():
        from audit.base.progress import Progress
        from audit.commands.overview import write_overview

        found = write_overview(
            folders, out=out, lang=lang, pseudonyms=pseudonyms, pictures=pictures, progress=Progress()
        )
        tell("told.overview", audits=len(found.audits), artists=found.artists, unread=len(found.unread))
        print(out)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    second: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of another one.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a page; a .csv and a .json of its name come beside it."),
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Whether the page shows any.")] = True,
    lang: Annotated[str, typer.Option(help="Language of the page: en or de.")] = "en",
    json_output: Json = False,
) -> None:
    """Show in what two runs differ: plan, inputs, environment, result."""
    with one_sentence():
        from audit.base.text import printable
        from audit.commands.compare import compare_runs, write_comparison
        from audit.commands.overview import refuse_page

        if out is not None:
            refuse_page(out)
        with judgeable(first, second):
            found = compare_runs(first, second)
            for said in dict.fromkeys(render(one) for one in found.said):
                print(f"cloakcheck: {said}", file=sys.stderr)
            if out is not None:
                write_comparison(found, out=out, lang=lang, pictures=pictures)
        rows = found.comparison.differences
        if json_output:
            print(json.dumps([row.model_dump(mode="json") for row in rows]))
            return
        for row in rows:
            sides = [printable("-" if side is None else json.dumps(side), limit=60) for side in (row.first, row.second)]
            tell("told.unlike", chapter=row.chapter, what=printable(row.what), first=sides[0], second=sides[1])
        tell("told.unlike-count", count=len(rows))
        if out is not None:
            print(out)
