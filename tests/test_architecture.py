"""The order of the house: a file imports only from layers below its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "audit"

# Lowest first; a module may import from its own layer and from those above it in this list.
LAYERS = [
    ["base"],
    ["records"],
    ["images"],
    ["store"],
    ["judge"],
    ["models"],
    ["collect", "runfolder", "style", "training"],
    ["conditions", "sampling"],
    ["plan"],
    ["report"],
    ["evidence"],
    ["stages"],
    ["commands"],
    ["cli"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# These read records only, so that a verdict and a report can be made again anywhere.
TORCH_FREE = [
    "base.errors",
    "records",
    "images",
    "store",
    "collect",
    "runfolder.event_log",
    "judge",
    "report",
    "stages.finish",
    "evidence",
    "cli",
]
MAX_LINES = 400


def modules():
    return sorted(p for p in PACKAGE.rglob("*.py") if "_templates" not in p.parts)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "audit":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {a.name for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("audit.")}
    return found - {"__version__"}


def test_every_room_has_a_layer():
    assert {room(p) for p in modules()} - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path):
    if room(path) == "__init__":
        assert imported_rooms(path) == set()
        return
    for other in imported_rooms(path):
        assert LEVEL[other] <= LEVEL[room(path)], f"{room(path)} imports {other}, which lies above it"
        assert other == room(path) or LEVEL[other] < LEVEL[room(path)], f"{room(path)} imports its sibling {other}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_files_have_one_job(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_judge_and_report_start_without_torch():
    names = ", ".join(f"audit.{name}" for name in TORCH_FREE)
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
