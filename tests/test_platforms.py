"""CloakCheck starts on Windows and macOS, as far as Linux can show it: no module needs what only POSIX has."""

from __future__ import annotations

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
