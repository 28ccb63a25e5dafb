"""A server of the page on a free port, and a client that says exactly what a test wants said."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
import uvicorn

from audit.base.private import private_folder
from audit.ui.door import Door
from audit.ui.far import HERE, FarDoor
from audit.ui.guard import BrowserSession
from audit.ui.pages import Pages
from audit.ui.serve import bound, listening


@dataclass
class Served:
    port: int
    session: BrowserSession
    door: Door
    reports: Path
    cookie: str = field(default="")

    def ask(self, path: str, *, at: str = HERE, method: str = "GET", body: str | None = None, **headers: str):
        """Status, headers and text; `Host` and the cookie of the session unless told otherwise ("" leaves out)."""
        given = {"Host": f"{at}:{self.port}", "Cookie": self.cookie}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        link = http.client.HTTPConnection(at, self.port, timeout=90)
        link.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            if value:
                link.putheader(name, value)
        if body is not None:
            link.putheader("Content-Length", str(len(body)))
        link.endheaders(None if body is None else body.encode("ascii"))
        answer = link.getresponse()
        text = answer.read().decode("utf-8")
        link.close()
        return answer.status, answer.headers, text

    def picture(self, path: str) -> bytes:
        """The bytes of a PNG."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        link.request("GET", path, headers={"Cookie": self.cookie})
        answer = link.getresponse()
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        data = answer.read()
        link.close()
        return data

    def post(self, path: str, fields: dict[str, str], *, at: str = HERE, **headers: str):
        body = urlencode({"csrf": self.session.csrf, **fields})
        return self.ask(path, at=at, method="POST", body=body, **{"Origin": f"http://{at}:{self.port}", **headers})


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as made:
        yield made


@contextmanager
def serving(tmp_path: Path, far: FarDoor | None = None) -> Iterator[Served]:
    """A server; with `far` on a second address, too."""
    reports = tmp_path / "reports"
    reports.mkdir()
    state = tmp_path / "state"
    private_folder(state)
    socket = listening(0)
    port = socket.getsockname()[1]
    sockets = [socket] if far is None else [socket, bound(far.address, port)]
    session, door = BrowserSession(port, far), Door(state)
    pages = Pages(reports=reports, door=door, session=session)
    config = uvicorn.Config(pages.application(), log_level="error", lifespan="off", ws="none", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets}, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield Served(port, session, door, reports, cookie=f"{session.cookie}={session.key}")
    server.should_exit = True
    thread.join(20)
    for one in sockets:
        one.close()
