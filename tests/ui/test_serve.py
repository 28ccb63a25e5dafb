"""The command itself: opened in a browser by a file, one server for a user, and nothing left when it ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.commands import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no polite kill")
ROOT = Path(__file__).parents[2]


class Command:
    """`cloakcheck ui`; its browser writes down which address it was given."""

    def __init__(self, room: Path) -> None:
        self.reports, self.opened = room / "reports", room / "opened"
        self.state = room / "state" / "cloakcheck" / "ui"
        browser = room / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > "{self.opened}"\n')
        browser.chmod(0o700)
        own = {"XDG_STATE_HOME": str(room / "state"), "HOME": str(room), "BROWSER": str(browser)}
        self._env = {**os.environ, **own, "PYTHONPATH": str(ROOT)}
        self._room = room
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *options: str, **more: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-P", "-m", "audit", "ui", "--reports", str(self.reports), *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.running.append(subprocess.Popen(words, cwd=self._room, env={**self._env, **more}, text=True, **pipes))
        return self.running[-1]


@pytest.fixture
def command(tmp_path: Path):
    made = Command(tmp_path)
    yield made
    for process in made.running:
        process.kill()
        process.communicate()


def asked(address: str) -> int:
    host, _, path = address.removeprefix("http://").partition("/")
    link = http.client.HTTPConnection(host, timeout=90)
    link.request("GET", f"/{path}")
    status = link.getresponse().status
    link.close()
    return status


def test_one_server_is_opened_by_a_file_and_found_by_the_next(command: Command):
    server = command.start()
    until(command.opened.exists)
    until(lambda: command.opened.read_text().strip())
    page = Path(command.opened.read_text().strip().removeprefix("file://"))
    assert page.parent == command.reports
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    inside = re.search(r"http://127\.0\.0\.1:\d+/enter\?token=[\w-]+", page.read_text())[0]
    assert asked(inside) == 200
    assert not page.exists()  # its token is used up
    told, _ = command.start("--no-browser").communicate(timeout=120)
    other = next(word for word in told.split() if word.startswith("http"))
    assert other.partition("?")[0] == inside.partition("?")[0]
    assert asked(other) == 200
    # Whoever asks to let the network in is not told that it is open.
    late = command.start("--no-browser", "--host", "127.0.0.2", "--i-know", CLOAKCHECK_UI_PASSWORD="four words of none")
    assert "[ui-host-late]" in late.communicate(timeout=120)[1]
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=120)
    assert not (command.state / "server.json").exists()


def test_a_port_that_is_taken_is_a_sentence(command: Command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = command.start("--no-browser", "--port", str(taken.getsockname()[1]))
        _, told = running.communicate(timeout=120)
    assert running.returncode == 2
    assert "[ui-port]" in told


def test_a_server_that_cannot_be_found_is_a_sentence(command: Command):
    server = command.start("--no-browser")
    assert server.stdout is not None
    server.stdout.readline()
    (command.state / "server.json").write_text(json.dumps({"port": "x"}))
    running = command.start("--no-browser")
    _, told = running.communicate(timeout=120)
    assert (running.returncode, "[ui-port]" in told) == (2, True)
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=120)
