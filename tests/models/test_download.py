"""`models get` against a server on this machine: progress, interruption, resume, wrong bytes, licence."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import torch
from typer.testing import CliRunner

from audit.base.errors import AuditError
from audit.base.progress import Progress
from audit.cli import app
from audit.models import cards as card_file
from audit.models import download
from audit.models.cards import Download, cards, present, recognise
from audit.models.layout import open_source
from audit.models.loader import describe, load
from tests.models.test_checkpoint import parts_of, write

BODY = bytes(range(256)) * 12_000


class Hub(BaseHTTPRequestHandler):
    """A file server that can stop in the middle, ignore ranges, or send something else."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        if server.status != 200:
            self.send_error(server.status)
            return
        begin = 0
        if (found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")) and server.ranges:
            begin = int(found[1])
            if begin >= len(server.body):
                self.send_error(416)
                return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(server.body) - begin))
        self.end_headers()
        part = server.body[begin:]
        stop = server.stops.pop(0) if server.stops else len(part)
        self.wfile.write(part[:stop])

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    server = HTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.stops, server.body, server.status, server.ranges = [], [], BODY, 200, True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("CLOAKCHECK_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(download, "ROOM", 0)
    file = Download(
        repo="a/b", revision="abc", file="m.safetensors", bytes=len(BODY), sha256=hashlib.sha256(BODY).hexdigest()
    )
    known = {**cards(), "sd15": cards()["sd15"].model_copy(update={"download": file})}
    for module in (card_file, download):
        monkeypatch.setattr(module, "cards", lambda: known)
    monkeypatch.setattr("audit.models.layout.cards", lambda: known)
    yield server
    server.shutdown()
    server.server_close()


def fetch():
    return download.fetch("sd15", Progress(io.StringIO()))


@contextlib.contextmanager
def refused(slug):
    with pytest.raises(AuditError) as caught:
        yield
    assert caught.value.slug == slug


def test_a_model_comes_whole_and_only_once(hub, tmp_path):
    path = fetch()
    assert path.read_bytes() == BODY
    assert path == tmp_path / "models" / "sd15" / "m.safetensors"
    assert hub.asked == [("/a/b/resolve/abc/m.safetensors", None)]
    assert fetch() == path
    assert len(hub.asked) == 1, "a model that is here was fetched again"
    assert present("sd15") == path


def test_a_broken_connection_goes_on_where_it_stopped(hub):
    hub.stops = [1_000_000, 5000]
    assert fetch().read_bytes() == BODY
    assert [asked for _, asked in hub.asked] == [None, "bytes=1000000-", "bytes=1005000-"]


def test_a_server_that_fails_is_given_up_and_what_came_is_kept(hub, tmp_path):
    hub.stops = [2_000_000, *[0] * download.TRIES]
    with refused("download-failed"):
        fetch()
    partial = tmp_path / "models" / "sd15" / "m.safetensors.partial"
    assert partial.stat().st_size == 2_000_000
    assert present("sd15") is None
    hub.asked.clear()
    assert fetch().read_bytes() == BODY
    assert hub.asked[0][1] == "bytes=2000000-"
    assert not partial.exists()


def test_a_server_without_ranges_begins_again(hub):
    hub.stops, hub.ranges = [1_000_000], False
    assert fetch().read_bytes() == BODY


def test_a_download_that_stopped_before_its_check_is_checked(hub, tmp_path):
    folder = tmp_path / "models" / "sd15"
    folder.mkdir(parents=True)
    (folder / "m.safetensors.partial").write_bytes(BODY)
    assert fetch().read_bytes() == BODY


def test_wrong_bytes_are_deleted(hub, tmp_path):
    hub.body = BODY[:-1] + b"x"
    with refused("download-wrong"):
        fetch()
    assert [p.name for p in (tmp_path / "models" / "sd15").iterdir() if p.name != ".lock"] == []
    hub.body = BODY
    assert fetch().read_bytes() == BODY


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_refusal_by_the_server_is_one_sentence(hub, status):
    hub.status = status
    with refused("download-failed"):
        fetch()
    assert len(hub.asked) == (download.TRIES if status == 500 else 1)


def test_too_little_room_is_said_before(hub, monkeypatch):
    monkeypatch.setattr(download, "ROOM", 1 << 60)
    with refused("download-no-room"):
        fetch()
    assert hub.asked == []


@pytest.mark.parametrize(("name", "slug"), [("sd99", "model-no-card"), ("sd35-medium", "model-no-download")])
def test_what_cannot_be_fetched(name, slug):
    with refused(slug):
        download.fetch(name, Progress(io.StringIO()))


def test_the_licence_is_shown_and_must_be_accepted(hub):
    told = CliRunner().invoke(app, ["models", "get", "sd15"])
    assert told.exit_code == 2
    assert "OpenRAIL-M" in told.output
    assert "licence-not-accepted" in told.output
    assert hub.asked == []
    told = CliRunner().invoke(app, ["models", "get", "sd15", "--accept-licence"])
    assert told.exit_code == 0
    assert told.stdout.strip().endswith("m.safetensors")


def test_the_list_says_what_is_here(hub):
    before = CliRunner().invoke(app, ["models"]).stdout
    for name, card in cards().items():
        assert f"{name}: {card.title}" in before
    assert "not known" in before
    assert "  here" not in before
    fetch()
    assert "  here" in CliRunner().invoke(app, ["models"]).stdout


def test_a_model_is_recognised_by_its_weights_whatever_it_is_called():
    card = cards()["sd15"]
    assert recognise({card.download.sha256, "0" * 64}) == "sd15"
    assert recognise(set(card.parts)) == "sd15"
    assert recognise(set(list(card.parts)[:1])) is None
    assert recognise(set()) is None


def test_a_named_model_whose_file_was_changed_is_refused(hub):
    path = fetch()
    path.write_bytes(BODY[:-1] + b"x")
    with refused("model-changed"):
        open_source("sd15")


def test_a_folder_under_a_known_name_must_hold_the_published_weights(hub, tiny_model, tmp_path):
    import shutil

    shutil.copytree(tiny_model, tmp_path / "models" / "sd15")
    with refused("model-changed"):
        open_source("sd15")


def test_no_other_part_of_a_run_can_reach_a_network():
    """Of all modules, only these import what opens connections."""
    root = card_file.HERE.parent
    found = set()
    for path in root.rglob("*.py"):
        if re.search(r"^\s*(import|from) (urllib\.request|http\.client|requests|httpx)", path.read_text(), re.M):
            found.add(path.relative_to(root).as_posix())
    assert found <= {"models/download.py", "evidence/timestamps.py", "evidence/stamp.py"}


def test_opening_models_asks_no_network(tiny_model, tmp_path):
    code = (
        "import socket, sys, torch\n"
        "def no(*a, **k): sys.exit('asked the network')\n"
        "socket.getaddrinfo = no; socket.socket.connect = no\n"
        "from audit.models.loader import load\n"
        f"load({str(tiny_model)!r}, device=torch.device('cpu'))\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_list_and_the_download_start_without_torch():
    code = "import sys, audit.cli.models, audit.models.cards, audit.models.download; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_fetched_model_opens_by_its_name_and_so_does_a_renamed_mirror(hub, tiny_cards, tmp_path, monkeypatch):
    path = write(tmp_path / "published.safetensors", parts_of(tiny_cards["sd15"]), "sd15")
    hub.body = path.read_bytes()
    file = Download(
        repo="a/b",
        revision="abc",
        file="m.safetensors",
        bytes=len(hub.body),
        sha256=hashlib.sha256(hub.body).hexdigest(),
    )
    known = {**tiny_cards, "sd15": tiny_cards["sd15"].model_copy(update={"download": file})}
    for place in ("cards", "download", "layout", "loader", "checkpoint"):
        monkeypatch.setattr(f"audit.models.{place}.cards", lambda: known)
    with refused("model-not-present"):
        load("sd15", device=torch.device("cpu"))
    fetch()
    model = load("sd15", device=torch.device("cpu"))
    assert (model.facts.name, model.facts.licence) == ("sd15", known["sd15"].licence)
    mirror = describe(str(path))
    assert (mirror.name, mirror.sha256) == ("sd15", model.facts.sha256)
