"""Open a Stable Diffusion 1.x/2.x model from a local diffusers folder, safetensors only.

The built-in lab model is opened by exactly this code; it is one more folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors import SafetensorError
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from audit.errors import BadModel, printable
from audit.files import read_bounded
from audit.models.cards import LAB_MODEL, MODELS
from audit.records import ModelFacts
from audit.store import file_digest

COMPONENTS = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "text_encoder": "CLIPTextModel",
    "tokenizer": "CLIPTokenizer",
}
# Class names that stand for the same thing in folders written by older or newer releases.
SAME_AS = {"CLIPTokenizerFast": "CLIPTokenizer"}
CONFIGS = {"tokenizer": "tokenizer_config.json", "scheduler": "scheduler_config.json"}
"""Component -> its config file, where it is not config.json."""
UNSAFE = {".bin", ".ckpt", ".pt", ".pth"}
MOST_CONFIG_BYTES = 16 << 20
CONVERT = (
    "get its safetensors version, or convert it where you trust it: "
    "StableDiffusionPipeline.from_single_file(...).save_pretrained(folder, safe_serialization=True)"
)


@dataclass(frozen=True)
class Model:
    """A frozen base model on a device.

    Attributes:
        facts: what goes into the plan.
        alphas_cumprod: the noise schedule's cumulative product, float64 (timesteps,), on the CPU.
        vae_factor: pixels per latent cell along one side.
    """

    facts: ModelFacts
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler_config: dict[str, Any]
    alphas_cumprod: Tensor
    device: torch.device

    @property
    def vae_factor(self) -> int:
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one picture's latent."""
        side = self.facts.resolution // self.vae_factor
        return int(self.unet.config.in_channels), side, side

    @property
    def tokens(self) -> int:
        """Length of a padded prompt; some folders state no limit in the tokenizer's own file."""
        stated = int(self.tokenizer.model_max_length)
        return min(stated, int(self.text_encoder.config.max_position_embeddings))


def resolve(name: str) -> Path:
    """The folder of a model given by name or path.

    Raises:
        BadModel: neither a known name nor a folder with a model_index.json.
    """
    if name == "lab":
        return LAB_MODEL
    if name in MODELS:
        raise BadModel(
            "model-not-present",
            f"Model {name} is not on this machine; give the folder of a local copy in diffusers layout "
            "(--model PATH) or use --model lab.",
        )
    folder = Path(name).expanduser()
    if folder.suffix.lower() in UNSAFE and folder.is_file():
        raise BadModel(
            "model-unsafe",
            f"Model file {printable(folder.name)} is of a format that can run code when opened; {CONVERT}.",
        )
    if not (folder / "model_index.json").is_file():
        shown = printable(folder.name if folder.is_absolute() else name)
        raise BadModel(
            "model-unknown",
            f"Model '{shown}' is neither a known name ({', '.join(['lab', *MODELS])}) nor a folder "
            "with a model_index.json; give the path of a Stable Diffusion 1.x/2.x model in diffusers layout.",
        )
    return folder


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_bounded(path, limit=MOST_CONFIG_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise BadModel(
            "model-incomplete",
            f"Model file {path.parent.name}/{path.name} is missing or not JSON; copy the whole model folder again.",
        ) from error
    if not isinstance(value, dict):
        raise BadModel(
            "model-incomplete", f"Model file {path.parent.name}/{path.name} holds no JSON object; copy it again."
        )
    return value


def check_layout(folder: Path) -> None:
    """Refuse what is not Stable Diffusion 1.x/2.x, weights that could run code when opened, and code."""
    index = _read_json(folder / "model_index.json")
    _check_no_code(folder)
    for component, expected in COMPONENTS.items():
        entry = index.get(component)
        seen = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if SAME_AS.get(str(seen), seen) != expected:
            raise BadModel(
                "model-family",
                f"The model's {component} is {printable(str(seen))}, but Stable Diffusion 1.x/2.x has {expected}; "
                "this version trains only that family.",
            )
        if component == "tokenizer":
            continue
        files = sorted((folder / component).glob("*.safetensors"))
        if not files:
            unsafe = [p.name for p in (folder / component).glob("*") if p.suffix in UNSAFE]
            raise BadModel(
                "model-unsafe" if unsafe else "model-incomplete",
                f"The model's {component} has no safetensors file"
                + (f", only {printable(unsafe[0])}, a format that can run code when opened" if unsafe else "")
                + f"; {CONVERT}.",
            )


def _check_no_code(folder: Path) -> None:
    """Nothing of a model folder is ever run; one that brings code expects to be, and would not work without it."""
    places = [folder, *(folder / name for name in (*COMPONENTS, "scheduler"))]
    code = sorted(path for place in places for path in place.glob("*.py"))
    for place in places[1:]:
        config = place / CONFIGS.get(place.name, "config.json")
        if config.exists() and "auto_map" in _read_json(config):
            code.append(config)
    if code:
        raise BadModel(
            "model-code",
            f"The model folder brings code of its own ({printable(code[0].relative_to(folder).as_posix())}), which is "
            "never run here; use a model of plain configs and weights, or take the code out if it is not needed.",
        )


def model_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that makes the model, by its path inside the folder."""
    found = {}
    for component in (*COMPONENTS, "scheduler"):
        for path in sorted((folder / component).glob("*")):
            if path.suffix in {".safetensors", ".json", ".txt"} and path.is_file():
                status = path.stat()
                found[f"{component}/{path.name}"] = _digest_once(path, status.st_size, status.st_mtime_ns)
    return found


@lru_cache(maxsize=256)
def _digest_once(path: Path, size: int, changed: int) -> str:
    """Weights of several GB are read once per process, unless size or time of change differ."""
    return file_digest(path)


def weights_digest(folder: Path) -> str:
    """SHA-256 over names and digests of the files that make the model; the folder's name is not in it."""
    lines = [f"{name} {digest}" for name, digest in model_files(folder).items()]
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


def describe(name: str) -> ModelFacts:
    """The facts of a model, without loading its weights into memory.

    Raises:
        BadModel: unknown, incomplete, unsafe or of another family.
    """
    folder = resolve(name)
    check_layout(folder)
    unet, vae = _read_json(folder / "unet" / "config.json"), _read_json(folder / "vae" / "config.json")
    scheduler = _read_json(folder / "scheduler" / "scheduler_config.json")
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in ("epsilon", "v_prediction"):
        raise BadModel(
            "model-prediction",
            f"The model predicts '{printable(str(prediction))}', but only epsilon and v_prediction are trained here.",
        )
    if unet.get("in_channels", 4) != vae.get("latent_channels", 4):
        raise BadModel(
            "model-family",
            f"The model's U-Net takes {unet.get('in_channels')} channels but its VAE gives "
            f"{vae.get('latent_channels')} (an inpainting model?); use the plain text-to-image model.",
        )
    width = _read_json(folder / "text_encoder" / "config.json").get("hidden_size")
    if unet.get("addition_embed_type") or unet.get("cross_attention_dim") != width:
        raise BadModel(
            "model-family",
            "The model's U-Net wants more than one text encoder's output (an SDXL model?), but this version trains "
            "Stable Diffusion 1.x/2.x; use a model of that family.",
        )
    side, levels = unet.get("sample_size"), vae.get("block_out_channels")
    if not isinstance(side, int) or not isinstance(levels, list):
        raise BadModel(
            "model-incomplete",
            "The model's U-Net or VAE config states no square picture size (sample_size, block_out_channels); "
            "copy the whole model folder again.",
        )
    factor = 2 ** (len(levels) - 1)
    is_lab = folder == LAB_MODEL
    return ModelFacts(
        name="lab" if is_lab else printable(folder.name),
        family="sd2" if unet.get("cross_attention_dim") == 1024 else "sd1",
        sha256=weights_digest(folder),
        resolution=side * factor,
        prediction_type=prediction,
        lab=is_lab,
    )


def load(name: str, *, device: torch.device) -> Model:
    """Load a model, frozen and in evaluation mode, float32.

    Raises:
        BadModel: see `describe`; also when the files do not fit the classes.
    """
    facts, folder = describe(name), resolve(name)
    # Their bars and remarks would break into the run's own progress; errors still come through.
    diffusers.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        unet = UNet2DConditionModel.from_pretrained(folder / "unet", **_weights(folder / "unet"))
        vae = AutoencoderKL.from_pretrained(folder / "vae", **_weights(folder / "vae"))
        text = CLIPTextModel.from_pretrained(folder / "text_encoder", **_weights(folder / "text_encoder"))
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        schedule = DDPMScheduler.from_pretrained(folder / "scheduler", local_files_only=True)
        for module in (unet, vae, text):
            module.requires_grad_(False)
            module.eval()
            module.to(device=device, dtype=torch.float32)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, NotImplementedError, SafetensorError) as error:
        # What the libraries say names the file by its whole path.
        said = (str(error) or type(error).__name__).splitlines()[0].replace(f"{folder}{os.sep}", "")
        raise BadModel(
            "model-incomplete",
            f"The model folder {printable(folder.name)} could not be opened ({printable(said)}); copy it again whole.",
        ) from error
    return Model(
        facts=facts,
        unet=unet,
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        scheduler_config=dict(schedule.config),
        alphas_cumprod=schedule.alphas_cumprod.double(),
        device=device,
    )


def _weights(folder: Path) -> dict[str, Any]:
    """Loading options: local, safetensors, and the fp16 variant where it is the only one."""
    plain = [p for p in folder.glob("*.safetensors") if ".fp16." not in p.name]
    variant = None if plain else "fp16"
    return {"local_files_only": True, "use_safetensors": True, "variant": variant, "torch_dtype": torch.float32}
