"""As if every optional package that transformers and diffusers ask for were installed: a model folder opens none.

A kernel library, a quantiser or a loader of remote code that is there by chance must not be reached by a word of a
stranger's config. The packages are stubs that write down that they were imported.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

NO_STUBS = re.compile(r"torch.*|triton|mlx|pyximport|habana_frameworks|smdistributed|google|multipart|rich|gguf")
"""Other devices' whole backends, which the libraries import by themselves whatever they open; and parts of others."""
STUB = """
import os
with open(os.environ["STUBS_SEEN"], "a") as seen:
    seen.write(__name__.partition(".")[0] + "\\n")
__version__ = "99.0"
def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {"__init__": lambda self, *a, **k: None, "__call__": lambda self, *a, **k: self})
"""
OPENS = """
import json, os, shutil, sys
from importlib.abc import Loader, MetaPathFinder
from importlib.util import spec_from_loader
from pathlib import Path
class Below(MetaPathFinder, Loader):
    def find_spec(self, name, path=None, target=None):
        stub = "." in name and (Path(sys.argv[2]) / name.partition(".")[0]).is_dir()
        return spec_from_loader(name, self, is_package=True) if stub else None
    def exec_module(self, module):
        exec((Path(sys.argv[2]) / module.__name__.partition(".")[0] / "__init__.py").read_text(), module.__dict__)
sys.meta_path.append(Below())
import torch
from transformers.utils import import_utils
from audit.models.encode import hidden_states
from audit.models.families import FAMILIES
from audit.models.loader import load
from tests.models.guard import watched
from tests.models.test_guard import HARMLESS, spoil
from tests.tiny import write_tiny_model
work, seen_in = Path(sys.argv[1]), Path(os.environ["STUBS_SEEN"])
def seen():
    return set(seen_in.read_text().split()) if seen_in.exists() else set()
def use(folder):
    model = load(str(folder), device=torch.device("cpu"))
    hidden = hidden_states(model, ["a cat"]).parts["hidden"]
    return hidden if isinstance(hidden, torch.Tensor) else hidden.rows[0]
found = {}
for name in FAMILIES:
    plain = write_tiny_model(work / name, family=name)
    expected, before = use(plain), seen()
    copy = shutil.copytree(plain, work / f"{name}-hostile")
    (copy / "tokenizer" / "special_tokens_map.json").write_text("{}")
    spoil(copy, HARMLESS)
    with watched() as watch:
        same = torch.equal(use(copy), expected)
    found[name] = [same, watch.outside, sorted(seen() - before)]
print("kernels there:", import_utils.is_kernels_available(), file=sys.stderr)
print(json.dumps(found))
"""


def optional_packages() -> list[str]:
    """What either library asks for by name and what is not installed here."""
    names: set[str] = {"eetq", "deepspeed", "hadamard_transform"}
    for library in ("transformers", "diffusers"):
        spec = importlib.util.find_spec(library)
        assert spec is not None
        assert spec.origin is not None
        source = (Path(spec.origin).parent / "utils" / "import_utils.py").read_text()
        names |= {name.partition(".")[0] for name in re.findall(r'_is_package_available\("([A-Za-z0-9_.]+)"', source)}
    return sorted(n for n in names if not NO_STUBS.fullmatch(n) and importlib.util.find_spec(n) is None)


@pytest.fixture
def stubs(tmp_path):
    site = tmp_path / "site"
    for name in optional_packages():
        (site / name).mkdir(parents=True)
        (site / name / "__init__.py").write_text(STUB)
        (site / f"{name}-99.0.dist-info").mkdir()
        (site / f"{name}-99.0.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0\n"
        )
    return site


def test_a_hostile_folder_reaches_no_package_that_a_plain_one_does_not(stubs, tmp_path):
    assert {"kernels", "flash_attn", "bitsandbytes", "xformers"} <= {p.name for p in stubs.iterdir()}
    path = os.pathsep.join([str(Path(__file__).parent.parent.parent), str(stubs)])
    made = subprocess.run(
        [sys.executable, "-c", OPENS, tmp_path, stubs], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path, "STUBS_SEEN": str(tmp_path / "seen")},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    found = json.loads(made.stdout.splitlines()[-1])
    assert len(found) >= 3
    assert found == {name: [True, [], []] for name in found}
