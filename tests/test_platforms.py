"""CloakCheck starts on Windows and macOS, as far as Linux can show it: no module needs what only POSIX has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What Windows lacks is taken away from this package alone: other packages know their platform.
WITHOUT_POSIX = """
import builtins, importlib, os, sys, types
from pathlib import Path

MODULES = {"resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "syslog", "crypt", "spwd", "nis", "posix"}
FUNCTIONS = {
    "getuid", "geteuid", "getgid", "getegid", "getgroups", "getpgid", "getsid", "setsid", "setuid",
    "sched_getaffinity", "sched_setaffinity", "fork", "forkpty", "wait", "killpg", "nice", "mkfifo", "mknod",
    "chown", "fchown", "lchown", "fchmod", "statvfs", "uname", "getloadavg", "sysconf", "confstr", "pread", "pwrite",
    "posix_spawn", "sendfile", "sync", "fdatasync", "openpty",
    "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "O_SYNC",
}

def without(module, names, **changed):
    made = types.ModuleType(module.__name__)
    made.__dict__.update({k: v for k, v in vars(module).items() if k not in names} | changed)
    return made

import signal
STANDIN = {
    "os": without(os, FUNCTIONS, name="nt"),
    "sys": without(sys, (), platform="win32"),
    "signal": without(signal, {n for n in dir(signal) if n.startswith("SIG")} - {"SIGINT", "SIGTERM", "SIGABRT"}),
}
real = builtins.__import__

def refuse(name, globals=None, locals=None, fromlist=(), level=0):
    if globals and (globals.get("__name__") or "").partition(".")[0] == "audit" and level == 0:
        if name.partition(".")[0] in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name in STANDIN:
            return STANDIN[name]
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = refuse
"""

EVERY_MODULE = """
import audit
package = Path(audit.__file__).parent
for path in sorted(package.rglob("*.py")):
    name = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
    if path.stem != "__main__":
        importlib.import_module(name)
"""

A_RUN_FOLDER = """
import numpy as np
from audit.images.decoder import open_isolated
from audit.runfolder import claim
from audit.runfolder.event_log import read_events
from audit.runfolder.provenance import processor
from audit.store import Store
from tests.builders import make_plan
from PIL import Image

out = Path(sys.argv[1])
claim(out / "run", make_plan())
assert [e["event"] for e in read_events((out / "run" / "events.jsonl").read_bytes())] == ["plan-fixed"]
Image.new("RGB", (8, 8)).save(out / "p.png")
assert open_isolated(out / "p.png")[0].shape == (8, 8, 3)
with Store(out / "store").writing("step", "0" * 64) as folder:
    (folder / "f.json").write_text("{}")
assert processor()[1] >= 1
"""


def without_posix(code: str, *words: str) -> None:
    command = [sys.executable, "-c", WITHOUT_POSIX + code, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_every_module_starts_without_what_windows_lacks():
    without_posix(EVERY_MODULE)


def test_a_run_folder_a_picture_and_the_store_work_without_it(tmp_path):
    without_posix(A_RUN_FOLDER, str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="the set-up's script is for Linux")
def test_the_set_up_takes_the_build_of_torch_that_this_machine_can_use(tmp_path):
    def taken(**env: str) -> tuple[int, str]:
        done = subprocess.run(
            ["scripts/setup", "--torch"], cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True
        )
        return done.returncode, done.stdout.strip() or done.stderr

    card = tmp_path / "nvidia-smi"
    card.write_text("#!/bin/sh\n")
    card.chmod(0o755)
    # Whoever has a card runs these tests, too.
    if not Path("/proc/driver/nvidia/version").exists() and shutil.which("nvidia-smi") is None:
        assert taken(CLOAKCHECK_TORCH="") == (0, "cpu")
    assert taken(CLOAKCHECK_TORCH="", PATH=f"{tmp_path}:{os.environ['PATH']}") == (0, "cuda")
    assert taken(CLOAKCHECK_TORCH="cpu", PATH=f"{tmp_path}:{os.environ['PATH']}") == (0, "cpu")
    code, said = taken(CLOAKCHECK_TORCH="rocm")
    assert (code, "'rocm'" in said) == (2, True)


def test_threads_wait_asleep_whatever_starts_the_program():
    env = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    code = "import os, audit; print(os.environ['OMP_WAIT_POLICY'])"
    for given, expected in ({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"):
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env | given, capture_output=True, text=True)
        assert done.stdout.strip() == expected
