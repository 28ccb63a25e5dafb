"""The server: one at a time for a user, on this machine's own address, opened in the browser without telling others.

Where the user asks for it, it listens on one more address, which a password opens (`audit.ui.far`).

The address with its token is handed over in a file that only the user may read: what stands in a command line can be
read by every user of the machine.
"""

from __future__ import annotations

import os
import socket
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack, suppress
from html import escape
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from audit.base.ending import Ended
from audit.base.errors import BadInput
from audit.base.private import make_private, private_file
from audit.ui.door import Door, read_json, state_folder, write_json
from audit.ui.far import HERE, FarDoor, not_bound
from audit.ui.guard import ENTER, BrowserSession
from audit.ui.pages import OPENER, Pages

USUAL = 8747
"""The port that is taken where it is free and none was asked for, so that a bookmark holds."""
SERVER = "server.json"


def serve(
    *,
    port: int | None,
    browser: bool,
    reports: Path,
    told: Callable[[str], None],
    far: FarDoor | None = None,
    told_far: Callable[[str], None] | None = None,
) -> None:
    """Serve until the user ends it; where a server of this user runs already, open that one.

    Args:
        port: None for the usual one, or any.
        browser: whether to open one; else the address is told, with its token.
        told: says an address; told_far: says the one that others reach.
        far: another address to listen on, with its password.

    Raises:
        BadInput: `ui-port`, something else listens there; `ui-host`, this machine has no such address; `ui-host-late`,
            a server runs already that the network was not let into.
        OSError: the private folder cannot be made or is not.
    """
    door = Door(state_folder())
    lock = FileLock(door.folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        running = read_json(door.folder / SERVER).get("port")
        if far is not None:
            raise BadInput("ui-host-late") from None
        if isinstance(running, int):
            _open(door, running, browser=browser, reports=reports, told=told)
            return
        raise BadInput("ui-port", port=port or USUAL) from None
    with lock, listening(port) as found, ExitStack() as stack:
        number = found.getsockname()[1]
        write_json(door.folder / SERVER, {"port": number})
        sockets = [found]
        if far is not None:
            sockets.append(stack.enter_context(bound(far.address, number)))
        pages = Pages(reports=reports, door=door, session=BrowserSession(number, far))
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
        for one in sockets:
            one.listen(128)
        if far is not None and told_far is not None:
            told_far(f"http://{far.name}:{number}")
        _open(door, number, browser=browser, reports=reports, told=told)
        try:
            with suppress(Ended, KeyboardInterrupt):
                server.run(sockets=sockets)
        finally:
            (reports / OPENER).unlink(missing_ok=True)
            (door.folder / SERVER).unlink(missing_ok=True)


def listening(port: int | None) -> socket.socket:
    """A socket on this machine's own address.

    Raises:
        BadInput: `ui-port`, when the port that was asked for is taken.
    """
    for wanted in (USUAL, 0) if port is None else (port,):
        with suppress(BadInput):
            return bound(HERE, wanted)
    raise BadInput("ui-port", port=port or USUAL)


def bound(address: str, port: int) -> socket.socket:
    """A socket on an address of this machine.

    Raises:
        BadInput: `ui-port`, when the port is taken; `ui-host`, when this machine has no such address.
    """
    found = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address, port))
    except (OSError, OverflowError) as error:
        found.close()
        raise not_bound(error, address=address, port=port) from error
    return found


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
