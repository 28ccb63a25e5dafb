"""Where a base model's files lie and what they say, before any weight is loaded."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from audit.errors import BadModel, printable
from audit.models.cards import LAB_MODEL, MODELS
from audit.models.families import FAMILIES, family_of
from audit.models.families.base import Family
from audit.store import file_digest

# Class names that stand for the same thing in folders written by older or newer releases.
SAME_AS = {"CLIPTokenizerFast": "CLIPTokenizer"}
UNSAFE = {".bin", ".ckpt", ".pt", ".pth"}
MOST_CONFIG_BYTES = 16 << 20
CONVERT = (
    "get its safetensors version, or convert it where you trust it: "
    "StableDiffusionPipeline.from_single_file(...).save_pretrained(folder, safe_serialization=True)"
)


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
        raise BadModel(
            "model-unknown",
            f"Model '{printable(name)}' is neither a known name ({', '.join(['lab', *MODELS])}) nor a folder "
            "with a model_index.json; give the path of a Stable Diffusion model in diffusers layout.",
        )
    return folder


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object of a model folder.

    Raises:
        BadModel: missing, too large, or no JSON object.
    """
    try:
        if path.stat().st_size > MOST_CONFIG_BYTES:
            raise ValueError("too large")
        value = json.loads(path.read_text(encoding="utf-8"))
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


def check_layout(folder: Path) -> Family:
    """The family of a folder; refuses what is of none, and weights that could run code when opened."""
    index = read_config(folder / "model_index.json")
    family = family_of(index)
    for component, expected in family.components.items():
        entry = index.get(component)
        seen = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if SAME_AS.get(str(seen), seen) != expected:
            raise BadModel(
                "model-family",
                f"The model's {component} is {printable(str(seen))}, but {family.title} has {expected}; "
                f"this version trains {', '.join(f.title for f in FAMILIES.values())}.",
            )
        if component in family.tokenizers:
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
    return family


def read_configs(folder: Path, family: Family) -> dict[str, dict[str, Any]]:
    """Config of every component that has one, and of the scheduler, by folder."""
    weighty = [name for name in family.components if name not in family.tokenizers]
    configs = {name: read_config(folder / name / "config.json") for name in weighty}
    return configs | {"scheduler": read_config(folder / "scheduler" / "scheduler_config.json")}


def model_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that makes the model, by its path inside the folder."""
    found = {}
    for component in (*check_layout(folder).components, "scheduler"):
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
