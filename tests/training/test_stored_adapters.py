"""Add-ons that somebody put into the store, digests and all, in place of those that were trained."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from audit.base.errors import StorageError
from audit.base.files import file_digest
from audit.models.loader import load
from audit.store import Store
from tests.test_memory import make_cells, run


@pytest.fixture(scope="module")
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


@pytest.fixture(scope="module")
def trained(model, tmp_path_factory):
    """A store with one finished cell."""
    root = tmp_path_factory.mktemp("trained") / "store"
    run(model, Store(root), make_cells(Store(root), 1))
    return root


def not_a_number(path: Path) -> None:
    tensors = load_file(path)
    tensors[next(k for k in tensors if ".lora_B." in k)].view(-1)[0] = torch.nan
    save_file(tensors, path)


def infinite(path: Path) -> None:
    tensors = load_file(path)
    tensors[next(k for k in tensors if ".lora_A." in k)].view(-1)[-1] = torch.inf
    save_file(tensors, path)


def half_of_a_pair(path: Path) -> None:
    tensors = load_file(path)
    del tensors[next(k for k in tensors if ".lora_B." in k)]
    save_file(tensors, path)


def lying_header(path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))


def no_facts(path: Path) -> None:
    (path.parent / "facts.json").write_text('{"losses": "many"}')


@pytest.mark.parametrize("spoil", [not_a_number, infinite, half_of_a_pair, lying_header, no_facts])
def test_what_no_training_leaves_is_removed_with_a_sentence_and_trained_anew(spoil, model, trained, tmp_path):
    store = Store(shutil.copytree(trained, tmp_path / "store"))
    (path,) = (store.root / "steps" / "adapter").glob("*/adapter.safetensors")
    good = path.read_bytes()
    spoil(path)
    manifest = {p.name: file_digest(p) for p in path.parent.iterdir() if p.name != "manifest.json"}
    (path.parent / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StorageError) as caught:
        run(model, store, make_cells(store, 1))
    assert caught.value.slug == "adapter-damaged"
    assert str(tmp_path) not in caught.value.sentence
    assert not path.exists()
    ((_, again),) = run(model, store, make_cells(store, 1))
    assert again.read_bytes() == good
