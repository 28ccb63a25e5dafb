"""The server: this machine's own address only, one at a time for a user, opened in the browser without telling others.

The address with its token is handed over in a file that only the user may read: what stands in a command line can be
read by every user of the machine.
"""

from __future__ import annotations

import os
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from html import escape
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from audit.base.ending import Ended
from audit.base.errors import BadInput
from audit.base.private import make_private, private_file
from audit.ui.door import Door, read_json, state_folder, write_json
from audit.ui.guard import ENTER, BrowserSession
from audit.ui.pages import OPENER, Pages

HERE = "127.0.0.1"
USUAL = 8747
"""The port that is taken where it is free and none was asked for, so that a bookmark holds."""
SERVER = "server.json"


def serve(*, port: int | None, browser: bool, reports: Path, told: Callable[[str], None]) -> None:
    """Serve until the user ends it; where a server of this user runs already, open that one.

    Args:
        port: None for the usual one, or any.
        browser: whether to open one; else the address is told, with its token.
        told: says an address.

    Raises:
        BadInput: `ui-port`, something else listens there. OSError: the private folder cannot be made or is not.
    """
    door = Door(state_folder())
    lock = FileLock(door.folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        running = read_json(door.folder / SERVER).get("port")
        if isinstance(running, int):
            _open(door, running, browser=browser, reports=reports, told=told)
            return
        raise BadInput("ui-port", port=port or USUAL) from None
    with lock, listening(port) as found:
        number = found.getsockname()[1]
        write_json(door.folder / SERVER, {"port": number})
        pages = Pages(reports=reports, door=door, session=BrowserSession(number))
        # What waited when the machine went down goes on.
        pages.jobs.tend()
        server = uvicorn.Server(
            uvicorn.Config(
                pages.application(),
                log_level="error",
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                proxy_headers=False,
                limit_concurrency=64,
                timeout_graceful_shutdown=3,
            )
        )
        # Who opens the address at once waits for the first answer, and is not turned away.
        found.listen(128)
        _open(door, number, browser=browser, reports=reports, told=told)
        try:
            with suppress(Ended, KeyboardInterrupt):
                server.run(sockets=[found])
        finally:
            (reports / OPENER).unlink(missing_ok=True)
            (door.folder / SERVER).unlink(missing_ok=True)


def listening(port: int | None) -> socket.socket:
    """A socket on this machine's own address.

    Raises:
        BadInput: `ui-port`, when the port that was asked for is taken.
    """
    for wanted in (USUAL, 0) if port is None else (port,):
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((HERE, wanted))
        except (OSError, OverflowError):
            found.close()
            continue
        return found
    raise BadInput("ui-port", port=port or USUAL)


def _open(door: Door, port: int, *, browser: bool, reports: Path, told: Callable[[str], None]) -> None:
    address = f"http://{HERE}:{port}"
    inside = f"{address}{ENTER}?token={door.token()}"
    if not browser:
        told(inside)
        return
    make_private(reports)
    page = reports.absolute() / OPENER
    page.unlink(missing_ok=True)
    leads = f'<meta http-equiv="refresh" content="0; url={escape(inside)}">'
    text = f'<!doctype html><html lang="en"><meta charset="utf-8">{leads}<title>CloakCheck</title></html>'
    with os.fdopen(private_file(page), "w", encoding="ascii") as file:
        file.write(text)
    webbrowser.open(page.as_uri())
    told(address)
