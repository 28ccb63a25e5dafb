"""What a run writes is its owner's alone, whatever the umask; what others may write to is not trusted."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from audit.base.errors import AuditError
from audit.base.private import be_private, private_folder
from audit.evidence.signing import open_key
from audit.runfolder.lock import LOCK, hold
from audit.store import Store, storage_errors

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the system has no modes")
NOBODY = 65534
PICTURE = np.zeros((8, 8, 3), np.uint8)
AS_NOBODY = """
import json, os, sys
from pathlib import Path
from audit.base.errors import AuditError
from audit.evidence.signing import open_key
from audit.base.messages import catalogue
from audit.store import Store
base = Path(sys.argv[1])
catalogue()  # while the files of Python can be read
os.setgroups([]), os.setgid(65534), os.setuid(65534)
said = {}
def tried(name, act):
    try:
        act()
        said[name] = "done"
    except AuditError as error:
        said[name] = error.said.id
    except PermissionError:
        said[name] = "refused"
tried("list", lambda: os.listdir(base / "store"))
tried("read", lambda: next(iter((base / "store").rglob("*.png"))).read_bytes() if os.listdir(base / "store") else 0)
tried("plant", lambda: (base / "store" / "steps" / "x").mkdir())
tried("run", lambda: os.listdir(base / "run"))
tried("key", lambda: (base / "key.pem").read_bytes())
tried("open", lambda: Store(base / "store"))
tried("shared", lambda: Store(base / "shared"))
tried("sign", lambda: open_key(base / "open.pem"))
print(json.dumps(said))
"""


@pytest.fixture(params=[0o000, 0o022, 0o077], ids="{:03o}".format)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(root: Path) -> dict[str, int]:
    """Of a folder and everything in it, where others may do anything at all."""
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    return {path.name: mode for path, mode in found.items() if mode & 0o077}


def slug_of(act) -> str:
    with pytest.raises(AuditError) as caught:
        act()
    return caught.value.said.id


def test_store_run_folder_and_key_are_private(umask, tmp_path):
    store = Store(tmp_path / "deep" / "store")
    store.put_pixels(PICTURE)
    with storage_errors(tmp_path):
        hold(tmp_path / "runs" / "one")
    open_key(tmp_path / "keys" / "key.pem")
    assert modes(tmp_path / "deep") == {}
    assert modes(tmp_path / "runs").keys() <= {LOCK}, "what the library of locks makes is empty, in a closed folder"
    assert modes(tmp_path / "keys") == {}


def test_the_command_line_makes_every_file_private(umask, tmp_path):
    be_private()
    (tmp_path / "any").write_text("x")
    (tmp_path / "folder").mkdir()
    subprocess.run([sys.executable, "-c", "open('child', 'w')"], cwd=tmp_path, check=True)
    assert modes(tmp_path) == {}


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_a_command_under_any_umask(mask, tmp_path):
    """From the outside: pictures protected for delivery, their record, and the store with the works."""
    works = tmp_path / "works"
    works.mkdir()
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(works / "a.png")
    made = subprocess.run(
        [sys.executable, "-m", "audit.cli", "treat", works, "jpeg:50", "--out", tmp_path / "out",
         "--store", tmp_path / "store"],
        capture_output=True, text=True, umask=mask,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert (modes(tmp_path / "out"), modes(tmp_path / "store")) == ({}, {})
    assert list((tmp_path / "store").rglob("*.png"))


def test_what_others_could_only_read_is_closed(tmp_path):
    Store(tmp_path / "store")
    (tmp_path / "store").chmod(0o755)
    Store(tmp_path / "store")
    assert modes(tmp_path / "store") == {}


@pytest.mark.parametrize("part", ["", "steps", "blobs", "tmp"])
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_store_that_others_may_write_is_refused(part, mode, tmp_path):
    Store(tmp_path / "store")
    place = tmp_path / "store" / part
    (place / "planted").mkdir()
    place.chmod(mode)
    assert slug_of(lambda: Store(tmp_path / "store")) == "folder-exposed"
    assert stat.S_IMODE(place.stat().st_mode) == mode, "and left as it is"


def test_an_empty_folder_of_ones_own_is_closed_and_used(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o775)
    private_folder(tmp_path / "out")
    assert modes(tmp_path / "out") == {}


def test_a_planted_lock_empties_nobodys_file(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    run = tmp_path / "run"
    run.mkdir()
    (run / LOCK).symlink_to(victim)

    def act():
        with storage_errors(run):
            hold(run)

    assert slug_of(act) == "folder-unwritable"
    assert victim.read_text() == "mine"


@pytest.mark.parametrize(
    ("mode", "id"),
    [(0o644, "key-exposed"), (0o640, "key-exposed"), (0o620, "key-exposed.writable"), (0o666, "key-exposed.writable")],
)
def test_a_looser_key_is_refused(mode, id, tmp_path):
    open_key(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(mode)
    assert slug_of(lambda: open_key(tmp_path / "key.pem")) == id


def test_a_linked_key_is_refused(tmp_path):
    open_key(tmp_path / "key.pem")
    for target in ("key.pem", "nowhere"):
        link = tmp_path / f"to-{target}"
        link.symlink_to(tmp_path / target)
        assert slug_of(lambda link=link: open_key(link)) == "key-exposed.link"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_gets_nothing():
    base = Path(tempfile.mkdtemp())
    try:
        base.chmod(0o755)
        Store(base / "store").put_pixels(PICTURE)
        hold(base / "run")
        for key in ("key.pem", "open.pem"):
            open_key(base / key)
        (base / "open.pem").chmod(0o644)
        (base / "shared").mkdir()
        (base / "shared").chmod(0o777)
        made = subprocess.run([sys.executable, "-c", AS_NOBODY, base], capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        said = json.loads(made.stdout)
        # The other way round: what somebody else owns is not trusted by us.
        os.chown(base / "store", NOBODY, NOBODY)
        os.chown(base / "key.pem", NOBODY, NOBODY)
        assert slug_of(lambda: Store(base / "store")) == "folder-exposed.foreign"
        assert slug_of(lambda: open_key(base / "key.pem")) == "key-exposed.foreign"
    finally:
        shutil.rmtree(base)
    assert said == {
        "list": "refused", "read": "refused", "plant": "refused", "run": "refused", "key": "refused",
        "open": "folder-exposed.foreign", "shared": "folder-exposed.foreign", "sign": "key-exposed.foreign",
    }  # fmt: skip
