"""`encoder get` against a server that answers as the hub does: digests from its headers, redirects, refusals."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.models import download

FILES = {"config.json": b'{"model_type": "dinov2"}\n', "model.safetensors": bytes(range(256)) * 40}


class Hub(BaseHTTPRequestHandler):
    """Small files come at once with Git's digest; large ones through a redirect that states their SHA-256."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        self.server.asked.append((self.command, self.path))
        name = self.path.rsplit("/", 1)[1]
        data = self.server.files[name]
        if name.endswith(".safetensors") and not self.path.startswith("/far/"):
            self.send_response(302)
            self.send_header("Location", f"/far/{name}")
            if self.server.digests:
                self.send_header("X-Linked-Etag", f'"{hashlib.sha256(FILES[name]).hexdigest()}"')
                self.send_header("X-Linked-Size", str(len(FILES[name])))
            self.send_header("X-Repo-Commit", "c0ffee")
            self.end_headers()
            return
        self.send_response(200)
        blob = b"blob %d\0" % len(FILES[name]) + FILES[name]
        self.send_header("ETag", f'"{hashlib.sha1(blob, usedforsecurity=False).hexdigest()}"')
        self.send_header("X-Repo-Commit", "c0ffee")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    server = HTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.files, server.digests = [], dict(FILES), True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(tmp_path / "encoders"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(download, "ROOM", 0)
    yield server
    server.shutdown()
    server.server_close()


def get(*words):
    return CliRunner().invoke(app, ["encoder", "get", *words])


def test_it_is_fetched_at_the_commit_that_was_asked_about_and_checked(hub, tmp_path):
    done = get("dinov2", "--yes")
    assert done.exit_code == 0, done.stderr
    assert {p.name: p.read_bytes() for p in (tmp_path / "encoders/dinov2").iterdir() if p.name[0] != "."} == FILES
    fetched = [path for kind, path in hub.asked if kind == "GET" and "/resolve/" in path]
    assert all("/resolve/c0ffee/" in path for path in fetched)
    assert "0.35 GB" in done.stderr
    assert "Apache-2.0" in done.stderr


@pytest.mark.parametrize("spoiled", sorted(FILES))
def test_other_bytes_than_the_hub_states_are_deleted(hub, tmp_path, spoiled):
    hub.files[spoiled] = FILES[spoiled][:-1] + b"?"
    done = get("dinov2", "--yes")
    assert "[download-wrong]" in done.stderr
    assert not [p for p in (tmp_path / "encoders/dinov2").iterdir() if p.name.startswith(spoiled)]


def test_nothing_is_fetched_unasked_offline_or_unchecked(hub, tmp_path, monkeypatch):
    assert "[encoder-not-fetched]" in get("dinov2").stderr
    assert "[encoder-unknown]" in get("vibes", "--yes").stderr
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "[offline]" in get("dinov2", "--yes").stderr
    assert hub.asked == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    hub.digests = False
    assert "[encoder-no-digest]" in get("dinov2", "--yes").stderr
    assert "GET" not in {kind for kind, path in hub.asked if path.endswith(".safetensors")}


def test_the_list_ends_its_sentences_and_says_how_to_get_what_is_missing(hub):
    done = CliRunner().invoke(app, ["encoder", "list"])
    rows = done.stdout.splitlines()
    assert "cloakcheck encoder get dinov2" in next(row for row in rows if row.startswith("dinov2:"))
    assert not [row for row in rows if row.rstrip(")").endswith(("and put them", "puts them", "get"))]
