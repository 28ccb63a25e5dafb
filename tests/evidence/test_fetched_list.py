"""`stamp --fetch-crl`: the list of revoked certificates from where a signer's certificate says, whatever answers."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.evidence import bag, layout, revocation, timestamps
from tests.evidence.hierarchy import STAMPS, Hierarchy
from tests.evidence.stranger import failing_commands
from tests.evidence.test_verify import ours, published

NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


class Handler(BaseHTTPRequestHandler):
    """Answers by path: what `lists` holds, or in one of the ways of a hostile server."""

    lists: ClassVar[dict[str, bytes]] = {}
    over = threading.Event()

    def do_GET(self) -> None:
        name = self.path.strip("/").partition("?")[0]
        if name == "silent":
            self.over.wait(60)
            return
        if name == "gone":
            self.send_error(404, "\x1b[2Jnothing here")
            return
        if name in ("to-a-file", "to-ftp", "round"):
            self.send_response(302)
            target = {"to-a-file": "file:///etc/passwd", "to-ftp": "ftp://127.0.0.1/x", "round": "/round"}[name]
            self.send_header("Location", target)
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            if name == "huge":
                for _ in range(9):
                    self.wfile.write(b"\0" * (1 << 20))
            elif name == "drop":
                while not self.over.is_set():
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)
            else:
                self.wfile.write(self.lists[name])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server():
    Handler.over.clear()
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    Handler.over.set()
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="module")
def made(tmp_path_factory, server):
    """Signers whose certificates name addresses of that server, and what it answers there."""
    h = Hierarchy(tmp_path_factory.mktemp("lists") / "h")
    h.certificate("root")
    h.certificate("other")
    days = {"good": -1, "expired": -90, "later": 9}
    names = ["revoked", "wrong", *days, "der", "huge", "silent", "drop", "gone", "page", "to-a-file", "to-ftp", "round"]
    for name in names:
        h.certificate(name, by="root", says=f"{STAMPS}crlDistributionPoints=URI:{server}/{name}\n")
    two = f"URI:http://127.0.0.1:1/x,URI:ldap://127.0.0.1/x,URI:{server}/good"
    h.certificate("two", by="root", says=f"{STAMPS}crlDistributionPoints={two}\n")
    h.certificate("nowhere", by="root")
    h.certificate("only-ldap", by="root", says=f"{STAMPS}crlDistributionPoints=URI:ldap://127.0.0.1/x\n")
    Handler.lists = {name: h.revoked(by="root", since=NOW + timedelta(days=since)) for name, since in days.items()}
    Handler.lists["wrong"] = h.revoked(by="other", since=NOW - timedelta(days=1))
    Handler.lists["page"] = b"<html>Please accept our cookies</html>"
    (h.folder / "good-list.pem").write_bytes(Handler.lists["good"])
    Handler.lists["der"] = h.run("crl", "-in", "good-list.pem", "-outform", "DER")
    h.revoke("revoked", by="root")
    Handler.lists["revoked"] = h.revoked(by="root", since=NOW - timedelta(days=1))
    return h


@pytest.fixture
def folder(sealed, tmp_path):
    copy = shutil.copytree(sealed, tmp_path / "bundle")
    for name in (layout.REPLY, layout.CHAIN):
        (copy / name).unlink()
    layout.write_sums(copy)
    return copy


def stamped(h, folder, signer, *more):
    data = (folder / "bag" / bag.TAGS).read_bytes()
    reply = folder.parent / "reply.tsr"
    reply.write_bytes(h.stamped(data, signer=signer, time=NOW))
    words = ["stamp", folder, "--tsr", reply, "--chain", h.folder / "root.pem", "--fetch-crl", *more]
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("signer", ["good", "der", "two"])
def test_a_list_is_fetched_and_kept(made, folder, sealed, signer):
    done = stamped(made, folder, signer)
    assert (done.exit_code, done.exception) == (0, None), done.output
    assert (folder / layout.REVOKED).read_bytes() == Handler.lists["good"]
    assert ours(folder) == []
    assert failing_commands(folder, published(sealed)) == []


@pytest.mark.parametrize(
    ("signer", "said"),
    [
        ("revoked", "[crl-revoked]"),
        ("wrong", "not the whole list of the authority"),
        ("expired", "give the list that was current then"),
        ("later", "give the list that was current then"),
        ("huge", "is over 8 MiB, which no list"),
        ("silent", "did not answer (no whole answer within 1.5 seconds)"),
        ("drop", "did not answer (no whole answer within 1.5 seconds)"),
        ("gone", "did not answer (HTTP Error 404"),
        ("page", "cannot be read"),
        ("to-a-file", "did not answer ("),
        ("to-ftp", "did not answer ("),
        ("round", "did not answer ("),
        ("nowhere", "does not say where its list"),
        ("only-ldap", "does not say where its list"),
    ],
)
def test_what_is_no_good_list_is_refused_and_nothing_is_written(made, folder, monkeypatch, signer, said):
    monkeypatch.setattr(timestamps, "WAIT_SECONDS", 1.5)
    before, started = bag.list_files(folder), time.monotonic()
    done = stamped(made, folder, signer)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "\x1b" not in done.output
    assert done.stderr.count("\n") == 1
    assert time.monotonic() - started < 30
    assert bag.list_files(folder) == before
    assert ours(folder) == []


def test_words_beside_a_kept_list_are_found_by_both(made, folder, sealed):
    assert stamped(made, folder, "good").exit_code == 0
    path = folder / layout.REVOKED
    own = path.read_bytes()
    for other in (b"Checked by a court.\n" + own, own + b"\n", own + own, own + made.pem("other")):
        path.write_bytes(other)
        layout.write_sums(folder)
        assert ours(folder) == ["revocation"]
        assert failing_commands(folder, published(sealed))


def test_a_list_that_is_given_is_not_fetched(made, folder, tmp_path):
    (tmp_path / "list.pem").write_bytes(Handler.lists["good"])
    assert stamped(made, folder, "silent", "--crl", tmp_path / "list.pem").exit_code == 0
    assert revocation.MOST_ADDRESSES >= 2
