"""The command that opens the page in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.base.errors import BadInput
from audit.cli.app import app
from audit.cli.told import one_sentence, tell

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on (default: 8747, or a free one).")]
Browser = Annotated[
    bool, typer.Option("--browser/--no-browser", help="Without, the address to open is printed; it works once.")
]
Reports = Annotated[Path, typer.Option(metavar="DIR", help="Folder of run folders that the page lists, and makes.")]


@app.command()
def ui(port: Port = None, browser: Browser = True, reports: Reports = Path("reports")) -> None:
    """Open a page in the browser for the whole test: folders, plan, progress, report. Nothing leaves this machine."""
    with one_sentence():
        open_page(port=port, browser=browser, reports=reports)


def open_page(*, port: int | None, browser: bool, reports: Path) -> None:
    """Serve the page until it is stopped.

    Raises:
        BadInput: `ui-missing`, a package of the extra `ui` is not installed; and all that `serve` raises.
    """
    try:
        from audit.ui.serve import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise BadInput("ui-missing", package=error.name) from error
    serve(port=port, browser=browser, reports=reports, told=lambda address: tell("told.ui", address=address))
