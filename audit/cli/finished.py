"""Commands on a finished run; none of them starts torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.cli.app import app
from audit.cli.options import Json, announce, one_sentence

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]

Margin = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=NUMBER", help="Judge with another margin than planned; the report says so. Repeatable."),
]


@app.command()
def judge(folder: RunFolder, margin: Margin = None, json_output: Json = False) -> None:
    """Judge a finished run again from its results.json, and render its report."""
    with one_sentence():
        from audit.finish import finish
        from audit.judge import with_margins
        from audit.runfolder import read_results

        changes = {name: value for name, _, value in (text.partition("=") for text in margin or [])}
        results = with_margins(read_results(folder), changes)
        announce(finish(results, folder), folder, as_json=json_output)


@app.command()
def report(folder: RunFolder) -> None:
    """Render the report of a finished run again; results.json stays as it is."""
    with one_sentence():
        from audit.report import write_report
        from audit.runfolder import read_results

        print(write_report(read_results(folder), run_folder=folder))
