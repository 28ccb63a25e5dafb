"""The page on a network: what an attacker there may try, and what the command refuses to begin with.

The far address is 127.0.0.2: of this machine on Linux, and another than the page's own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from typer.testing import CliRunner

from audit.base.errors import BadInput
from audit.cli import browser
from audit.cli.app import app
from audit.ui import far
from audit.ui.far import MOST_EACH, MOST_IN_ALL, WITHIN, FarDoor, Password, far_address
from tests.ui.conftest import Served, serving

FAR = "127.0.0.2"
RIGHT = "four words of no sense"
linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no second address of their own")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(far, "WORK", 1 << 4)


@pytest.fixture
def open_page(tmp_path) -> Iterator[Served]:
    with serving(tmp_path, FarDoor(FAR, Password(RIGHT))) as served:
        yield served


def login(served: Served, password: str, **headers: str):
    origin = {"Origin": f"http://{FAR}:{served.port}", "Cookie": "", **headers}
    return served.ask("/enter", at=FAR, method="POST", body=urlencode({"password": password}), **origin)


@linux
def test_the_password_opens_it_and_nothing_else_does(open_page):
    status, headers, text = open_page.ask("/", at=FAR, Cookie="")
    assert (status, 'type="password"' in text) == (403, True)
    assert "form-action 'self'" in headers["content-security-policy"]
    # What opens it on the machine itself would be read by others here.
    assert open_page.ask(f"/enter?token={open_page.door.token()}", at=FAR, Cookie="")[0] == 403
    assert login(open_page, "")[0] == login(open_page, RIGHT + " ")[0] == 403
    status, headers, _ = login(open_page, RIGHT)
    assert status == 200
    assert "SameSite=strict" in headers["set-cookie"]
    status, _, text = open_page.ask("/", at=FAR, Cookie=headers["set-cookie"].partition(";")[0])
    assert (status, "without encryption" in text) == (200, True)
    assert open_page.ask("/", Cookie="")[0] == 403
    # The password opens the page on the network alone.
    here = {"Origin": f"http://127.0.0.1:{open_page.port}", "Cookie": ""}
    body = urlencode({"password": RIGHT})
    assert open_page.ask("/enter", method="POST", body=body, **here)[0] == 403


@linux
@pytest.mark.parametrize(
    "host", ["evil.example:{port}", "127.0.0.1:{port}", "localhost:{port}", "127.0.0.2", "127.0.0.2:1", "[::1]:{port}"]
)
def test_another_name_or_the_other_sockets_name_is_not_answered(open_page, host):
    """Rebinding, and a neighbour who says that he asks the machine's own address."""
    asked = host.format(port=open_page.port)
    for cookie in ("", open_page.cookie):
        assert open_page.ask("/", at=FAR, Host=asked, Cookie=cookie)[2] == "403\n"
    assert login(open_page, RIGHT, Host=asked)[0] == 403
    assert open_page.ask("/", Host=f"{FAR}:{open_page.port}")[2] == "403\n"


@linux
@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "https://127.0.0.2:{port}", "http://127.0.0.2"])
def test_another_site_can_neither_log_in_nor_post(open_page, origin):
    given = origin.format(port=open_page.port)
    status, headers, _ = login(open_page, RIGHT, Origin=given)
    assert (status, headers["set-cookie"]) == (403, None)
    assert open_page.post("/language", {"code": "de"}, at=FAR, Origin=given)[0] == 403


@linux
def test_guesses_end_and_the_machine_itself_is_not_locked_out(open_page):
    told = [login(open_page, f"guess number {n}")[2] for n in range(MOST_EACH)]
    assert all("not the password" in text for text in told)
    status, _, text = login(open_page, RIGHT)
    assert (status, "quarter of an hour" in text) == (403, True)
    assert open_page.ask(f"/enter?token={open_page.door.token()}", Cookie="")[0] == 200


def test_guesses_from_many_addresses_end_too():
    password = Password(RIGHT)
    for n in range(MOST_IN_ALL):
        assert password.opens("wrong", asker=f"10.0.0.{n}", now=float(n)) is False
    assert password.opens(RIGHT, asker="10.1.1.1", now=100.0) is None
    assert password.opens(RIGHT, asker="10.1.1.1", now=WITHIN + MOST_IN_ALL) is True


def test_a_household_with_many_addresses_is_one_asker():
    password = Password(RIGHT)
    for n in range(MOST_EACH):
        assert password.opens("wrong", asker=f"fd00:0:0:1::{n:x}", now=0.0) is False
    assert password.opens(RIGHT, asker="fd00:0:0:1::ffff", now=1.0) is None
    assert password.opens(RIGHT, asker="fd00:0:0:2::1", now=1.0) is True


def test_who_knows_it_is_not_counted():
    password = Password("Grüße an vier Wörter")
    for _ in range(3 * MOST_IN_ALL):
        assert password.opens("Gru\u0308ße an vier Wo\u0308rter", asker="10.0.0.1", now=0.0)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1", "fe80::1%eth0", "::ffff:10.0.0.1", "my-machine", ""])
def test_only_one_address_is_listened_on(address):
    with pytest.raises(BadInput, match="single address"):
        far_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_the_machines_own_is_no_other_address(address):
    assert far_address(address) == ""


RUNNER = CliRunner()


@pytest.mark.parametrize(
    ("options", "id"),
    [
        (["--host", FAR], "ui-host-unknown"),
        (["--host", FAR, "--i-know"], "ui-password-missing"),
        (["--host", "0.0.0.0", "--i-know"], "ui-host"),
        (["--host", FAR, "--i-know", "--password-file", "absent"], "ui-password-unread"),
    ],
)
def test_what_does_not_begin(options, id, monkeypatch):
    monkeypatch.delenv(browser.PASSWORD, raising=False)
    found = RUNNER.invoke(app, ["ui", "--no-browser", *options])
    assert (found.exit_code, f"[{id}]" in found.output) == (2, True), found.output


def test_a_short_password_and_an_open_file_are_refused(tmp_path: Path, monkeypatch):
    words = ["ui", "--no-browser", "--host", FAR, "--i-know"]
    monkeypatch.setenv(browser.PASSWORD, "short")
    assert "[ui-password-length]" in RUNNER.invoke(app, words).output
    # What the page starts does not get to see it.
    assert browser.PASSWORD not in os.environ
    file = tmp_path / "password"
    file.write_text(f"{RIGHT}\n")
    file.chmod(0o644)
    if os.name == "posix":
        assert "[ui-password-exposed]" in RUNNER.invoke(app, [*words, "--password-file", str(file)]).output


def test_the_password_is_kept_as_a_hash(tmp_path):
    password = Password(RIGHT)
    assert RIGHT not in repr(vars(password))
