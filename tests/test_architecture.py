"""The order of the house: a file imports only from layers below its own."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from audit.cli.told import TRAINING

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
    ["executor"],
    ["collect", "runfolder", "style", "training"],
    ["conditions", "sampling"],
    ["plan"],
    ["report"],
    ["evidence"],
    ["stages"],
    ["commands"],
    ["ui"],
    ["cli"],
    ["__main__"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# The light base: what reads records only, so that a verdict and a report can be made again anywhere.
LIGHT = ["base", "records", "images", "store", "collect", "runfolder", "judge", "report", "evidence", "cli", "ui"]
LIGHT_FILES = ["stages/finish.py", "commands/models.py"]
LIGHT_FILES += [f"models/{name}.py" for name in ("cards", "checkpoint", "configs", "download", "headers", "kinds")]
LIGHT_FILES += ["plan/draws.py"]
LIGHT_FILES += [f"models/{name}.py" for name in ("layout", "original", "prediction", "weights")]
HEAVY_FILES = ["images/tensors.py"]
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


def test_a_report_shows_what_was_judged_and_judges_nothing():
    """It may be drawn again where only the results are, so what it shows must stand in them."""
    allowed = {"base", "records", "report", "store"}
    found = {p.relative_to(PACKAGE).as_posix(): imported_rooms(p) - allowed for p in (PACKAGE / "report").rglob("*.py")}
    assert {name: rooms for name, rooms in found.items() if rooms} == {}


STATISTICS = {"average", "fmean", "fsum", "mean", "median", "nanmean", "percentile", "quantile", "std", "stdev", "var"}


def test_a_report_works_out_no_statistic():
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted((PACKAGE / "report").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in STATISTICS
    ]
    assert found == []


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_files_have_one_job(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


REFUSING = """
import importlib, sys
from importlib.abc import MetaPathFinder

class Refusing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refusing())
"""


def light(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter that finds no package of the extra `train`."""
    command = [sys.executable, "-c", REFUSING + code, ",".join(sorted(TRAINING)), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_reads_and_judges_starts_without_the_training_extra():
    files = {p for p in modules() if room(p) in LIGHT and p.stem != "__main__"} | {PACKAGE / f for f in LIGHT_FILES}
    files -= {PACKAGE / f for f in HEAVY_FILES}
    names = [".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for f in sorted(files)]
    code = "[importlib.import_module(n) for n in sys.argv[2].split(',')]"
    done = light(code, ",".join(names))
    assert done.returncode == 0, done.stderr


SLOW = ("matplotlib", "scipy.stats", "scipy.spatial", "cyclonedx", "torch")
"""Modules that take long to load; nothing that a command says first needs one."""


@pytest.mark.parametrize("name", ["audit.cli", "audit.evidence.verify", "audit.evidence.stated", "audit.report"])
def test_what_is_read_and_shown_starts_without_slow_modules(name):
    code = f"import sys, {name}; print(*(m for m in {SLOW} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_verify_answers_for_the_bytes_before_judge_and_report_are_loaded():
    code = "import sys, audit.evidence.verify; print(*(m for m in sys.modules if m in ('audit.judge', 'audit.report')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("words", [["doctor"], ["demo"], ["encoder", "list"]], ids=" ".join)
def test_a_command_that_needs_the_extra_says_so_in_one_sentence(words):
    done = light("from audit.cli import app; app(sys.argv[2:])", *words)
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(r"cloakcheck: .*cloakcheck\[train\].* \[training-missing\]\n", done.stderr)


def test_the_modules_of_the_training_extra_are_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {canonicalize_name(Requirement(row).name) for row in project["optional-dependencies"]["train"]}
    brought = {m: {canonicalize_name(d) for d in by} & extra for m, by in packages_distributions().items()}
    assert all(brought[module] for module in TRAINING)
    assert set().union(*(brought[module] for module in TRAINING)) == extra


def test_no_two_public_classes_have_one_name():
    found: dict[str, list[str]] = {}
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(path.relative_to(PACKAGE).as_posix())
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_no_four_files_have_one_name():
    names = [path.name for path in modules() if path.name != "__init__.py"]
    assert {name for name in names if names.count(name) > 3} == set()


PARAMETERS = 8
"""Most that a function takes; what belongs together is a record."""


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function's parameters are options that a person types."""
    called = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any(getattr(c, "attr", "") in ("command", "callback") for c in called) or node.name == "gather"


def test_no_function_takes_many_parameters():
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_command(node):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                if len([n for n in names if n not in ("self", "cls")]) > PARAMETERS:
                    found.append(f"{path.name}:{node.name}")
    assert found == []
