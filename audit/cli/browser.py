"""The command that opens the page in the browser."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from audit.base.errors import BadInput
from audit.base.messages import render, say
from audit.base.private import Exposed, read_private
from audit.cli.app import app
from audit.cli.told import one_sentence, tell

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on (default: 8747, or a free one).")]
Browser = Annotated[
    bool, typer.Option("--browser/--no-browser", help="Without, the address to open is printed; it works once.")
]
Reports = Annotated[Path, typer.Option(metavar="DIR", help="Folder of run folders that the page lists, and makes.")]
Host = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Listen on this address of the machine, too. Needs --i-know and a password."),
]
IKnow = Annotated[
    bool,
    typer.Option("--i-know", help="With --host: I know that others on that network reach the page and can read along."),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --host: file that holds the password. Else $CLOAKCHECK_UI_PASSWORD counts, or the terminal asks.",
    ),
]
PASSWORD = "CLOAKCHECK_UI_PASSWORD"
MOST_BYTES = 1 << 14


@app.command()
def ui(
    port: Port = None,
    browser: Browser = True,
    reports: Reports = Path("reports"),
    host: Host = None,
    i_know: IKnow = False,
    password_file: PasswordFile = None,
) -> None:
    """Open a page in the browser for the whole test: folders, plan, progress, report. Nothing leaves this machine."""
    with one_sentence():
        open_page(
            port=port, browser=browser, reports=reports, host=host, i_know=i_know, password_file=password_file
        )  # fmt: skip


def open_page(
    *,
    port: int | None,
    browser: bool,
    reports: Path,
    host: str | None = None,
    i_know: bool = False,
    password_file: Path | None = None,
) -> None:
    """Serve the page until it is stopped.

    Args:
        host: another address to listen on, None for none; i_know: whether its danger is known.
        password_file: where its password stands; None for the environment, or the terminal.

    Raises:
        BadInput: `ui-missing`, a package of the extra `ui` is not installed; `ui-host-unknown`, not said that its
            danger is known; what is wrong with a password; and all that `serve` raises.
    """
    try:
        from audit.ui.far import FarDoor, Password, far_address
        from audit.ui.serve import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise BadInput("ui-missing", package=error.name) from error
    far = None
    if host is not None and (address := far_address(host)):
        if not i_know:
            raise BadInput("ui-host-unknown", address=address)
        far = FarDoor(address, Password(_password(password_file)))
    serve(
        port=port,
        browser=browser,
        reports=reports,
        told=lambda address: tell("told.ui", address=address),
        far=far,
        told_far=lambda address: tell("told.ui-far", address=address),
    )


def _password(file: Path | None) -> str:
    """The password of the page; never from a command line, which other users of the machine can read."""
    # Neither does any command that the page starts get to see it.
    given = os.environ.pop(PASSWORD, None)
    if file is not None:
        try:
            return read_private(file, limit=MOST_BYTES).decode("utf-8").rstrip("\r\n")
        except Exposed as error:
            raise BadInput("ui-password-exposed", file=file.name) from error
        except (OSError, ValueError) as error:
            raise BadInput("ui-password-unread", file=file.name) from error
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise BadInput("ui-password-missing", name=PASSWORD)
    asked = [getpass.getpass(f"{render(say(id))} ") for id in ("ask.ui-password", "ask.ui-password-again")]
    if asked[0] != asked[1]:
        raise BadInput("ui-password-unlike")
    return asked[0]
