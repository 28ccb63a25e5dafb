"""Published architectures at their full size, with random weights, through the whole command line: killed, run again.

Every weight is written, digested, opened, trained on and merged into. CLOAKCHECK_FULL_SIZE is the side of pictures in
pixels, 64 at least, which takes minutes on a processor.
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

ASKED = os.environ.get("CLOAKCHECK_FULL_SIZE", "")
SIDE = max(64, int(ASKED or 0))
KINDS = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "text_encoder": "CLIPTextModel",
    "text_encoder_2": "CLIPTextModelWithProjection",
}
PIPELINES = {"sd15": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}


def write_full_size(folder, name):
    """A folder in diffusers layout: the published configs but for the side of pictures, and random float16 weights."""
    card, generator = cards()[name], torch.Generator().manual_seed(0)
    index = {"_class_name": PIPELINES[name]}
    for part, kind in KINDS.items():
        if part not in card.configs:
            continue
        config = dict(card.configs[part])
        if part == "unet":
            config["sample_size"] = SIDE // 8
        of_text = part.startswith("text")
        place = folder / part
        place.mkdir(parents=True)
        (place / "config.json").write_text(json.dumps(config))
        weights = {}
        for key, value in empty(CLASSES[kind], config).state_dict().items():
            if not value.is_floating_point():
                continue
            drawn = torch.empty(value.shape, dtype=torch.float16).uniform_(-0.02, 0.02, generator=generator)
            # Norms near 1, matrices small enough that activations stay finite.
            weights[key] = drawn + 1 if value.dim() == 1 and key.endswith("weight") else drawn
        save_file(weights, place / f"{'model' if of_text else 'diffusion_pytorch_model'}.safetensors")
        index[part] = ["transformers" if of_text else "diffusers", kind]
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(card.configs["scheduler"]))
    index["scheduler"] = ["diffusers", card.configs["scheduler"].get("_class_name", "PNDMScheduler")]
    for part, padding in card.padding.items():
        write_tokenizer(folder / part, padding=padding)
        index[part] = ["transformers", "CLIPTokenizer"]
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
@pytest.mark.skipif(not ASKED, reason="minutes and 8 to 16 GB; set CLOAKCHECK_FULL_SIZE")
@pytest.mark.parametrize("name", tuple(PIPELINES))
def test_full_size_weights_through_the_whole_command_line(folders, tmp_path, name):
    art, cloaked = folders
    model = write_full_size(tmp_path / name, name)
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
