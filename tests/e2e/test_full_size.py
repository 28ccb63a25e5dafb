"""Stable Diffusion 1.5 at its full size, with random weights, through the whole command line: killed, and run again.

Every weight of the published architecture is written, digested, opened, trained on and merged into; pictures are 64 px,
so that two steps take minutes on a processor and not hours.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import save_file

from audit.models.cards import cards
from audit.models.loader import CLASSES
from audit.models.opening import empty
from audit.models.vocabulary import write_tokenizer

CARD = cards()["sd15"]
PARTS = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"}
SIDE = 64


def write_full_size(folder):
    """A folder in diffusers layout: the published configs but for the side of pictures, and random float16 weights."""
    generator = torch.Generator().manual_seed(0)
    index = {"_class_name": "StableDiffusionPipeline", "tokenizer": ["transformers", "CLIPTokenizer"]}
    for part, kind in PARTS.items():
        config = dict(CARD.configs[part])
        if part == "unet":
            config["sample_size"] = SIDE // 8
        place = folder / part
        place.mkdir(parents=True)
        (place / "config.json").write_text(json.dumps(config))
        module = empty(CLASSES[kind], config)
        weights = {}
        for name, value in module.state_dict().items():
            if not value.is_floating_point():
                continue
            drawn = torch.empty(value.shape, dtype=torch.float16).uniform_(-0.02, 0.02, generator=generator)
            # Norms near 1, matrices small enough that activations stay finite.
            weights[name] = drawn + 1 if value.dim() == 1 and name.endswith("weight") else drawn
        of_text = part == "text_encoder"
        save_file(weights, place / f"{'model' if of_text else 'diffusion_pytorch_model'}.safetensors")
        index[part] = ["transformers" if of_text else "diffusers", kind]
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(CARD.configs["scheduler"]))
    write_tokenizer(folder / "tokenizer", padding=CARD.padding["tokenizer"])
    index["scheduler"] = ["diffusers", CARD.configs["scheduler"].get("_class_name", "PNDMScheduler")]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


SPEC = """
replicates = 1
preset = "quick"
battery = false

[training]
steps = 2
batch = 1
warmup = 0
works = 2

[sampling]
steps = 2
"""


@pytest.mark.slow
@pytest.mark.skipif("CLOAKCHECK_FULL_SIZE" not in os.environ, reason="minutes and 8 GB; set CLOAKCHECK_FULL_SIZE")
def test_full_size_weights_through_the_whole_command_line(folders, tmp_path):
    art, cloaked = folders
    model = write_full_size(tmp_path / "sd15")
    spec, prompts = tmp_path / "audit.toml", tmp_path / "prompts.txt"
    spec.write_text(SPEC)
    prompts.write_text("a house\na tree\n")
    command = [
        sys.executable, "-m", "audit.cli", "run", "--spec", str(spec), "--originals", str(art),
        "--protected", str(cloaked),
        "--model", str(model), "--primary-metric", "channel_stats", "--prompts", str(prompts), "--device", "cpu",
        "--out", str(tmp_path / "out"), "--store", str(tmp_path / "store"), "--declare", "--yes", "--json",
    ]  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as heard:
        first = subprocess.Popen(command, stdout=heard, stderr=heard)
        adapters = tmp_path / "store" / "steps" / "adapter"
        while first.poll() is None and not (adapters.exists() and any(adapters.rglob("adapter.safetensors"))):
            time.sleep(0.2)
        assert first.poll() is None, log.read_text()
        first.kill()
        first.wait()
    begun = time.monotonic()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode in (0, 3), again.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(results["provenance"]["sessions"]) == 2
    assert results["provenance"]["steps_reused"] > 0
    trained = [cell["adapter"] for cell in results["cells"] if cell["adapter"]]
    assert len(trained) == 2
    assert all(adapter["finite"] and adapter["norm"] > 0 for adapter in trained)
    assert (tmp_path / "out" / "report.html").exists()
    foreseen = next(line for line in (log.read_text() + again.stderr).splitlines() if line.startswith("This takes"))
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"resumed in {time.monotonic() - begun:.0f} s, at most {most:.1f} GB; {foreseen}")
