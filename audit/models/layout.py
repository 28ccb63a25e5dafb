"""Where a base model's files lie and what they say, before any weight is loaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from audit.base.errors import BadModel
from audit.base.files import read_bounded
from audit.base.messages import say
from audit.base.text import printable
from audit.models.cards import LAB_MODEL, cards, present, recognise
from audit.models.checkpoint import Kind, kind_of
from audit.models.families import FAMILIES, family_of
from audit.models.families.base import Family
from audit.models.vocabulary import word_list
from audit.store import file_digest

# Class names that stand for the same thing in folders written by older or newer releases.
SAME_AS = {"CLIPTokenizerFast": "CLIPTokenizer"}
CONFIGS = {"tokenizer": "tokenizer_config.json", "scheduler": "scheduler_config.json"}
"""Component -> its config file, where it is not config.json."""
UNSAFE = {".bin", ".ckpt", ".pt", ".pth"}
MOST_CONFIG_BYTES = 16 << 20
CONVERT = say("convert-model")


CHECKPOINT = "checkpoint.safetensors"
"""What a single-file checkpoint is called in lists of files: its own name says nothing."""


@dataclass(frozen=True)
class Source:
    """A model's files on this machine.

    Attributes:
        path: a folder in diffusers layout, or a single-file checkpoint.
        configs: of each component that has one, and of the scheduler.
        files: SHA-256 of every file that makes the model, by its path inside the folder.
        kind: what a checkpoint is; None for a folder.
        known: name of the card whose weights these are, whatever folder or file is called.
    """

    path: Path
    family: Family
    configs: dict[str, dict[str, Any]]
    files: dict[str, str]
    kind: Kind | None = None
    known: str | None = None

    @property
    def name(self) -> str:
        """How the plan names it."""
        return self.known or (
            "lab" if self.path == LAB_MODEL else printable(self.path.stem if self.kind else self.path.name)
        )

    def digest(self) -> str:
        """SHA-256 over names and digests of the files that make the model; the folder's name is not in it."""
        lines = [f"{name} {digest}" for name, digest in self.files.items()]
        if self.kind is not None:
            # The rest of what makes the model is ours: configs, and the vocabulary.
            lines.append(f"configs {hashlib.sha256(json.dumps(self.configs, sort_keys=True).encode()).hexdigest()}")
            lines.append(f"vocabulary {file_digest(word_list())}")
        return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


def open_source(name: str) -> Source:
    """Everything about a model but its weights, from its name or path.

    Raises:
        BadModel: unknown, incomplete, unsafe, of no known family, or not what its card says.
    """
    path = resolve(name)
    if path.is_file():
        files = {CHECKPOINT: _digest_of(path)}
        known = recognise(set(files.values()))
        _check_card(name, files, known)
        kind = kind_of(path, known=known)
        return Source(path, kind.family, kind.configs, files, kind, known)
    family = check_layout(path)
    files = _folder_files(path, family)
    known = recognise(set(files.values()))
    _check_card(name, files, known)
    return Source(path, family, read_configs(path, family), files, known=known)


def _check_card(name: str, files: dict[str, str], known: str | None) -> None:
    """A model asked for by name must be that model, as far as its digests are known."""
    if name not in cards() or known == name:
        return
    card = cards()[name]
    usual = {path: digest for digest, path in card.parts.items()}
    usual |= {CHECKPOINT: card.download.sha256} if card.download else {}
    changed = [path for path, digest in files.items() if usual.get(path, digest) != digest]
    if changed:
        raise BadModel("model-changed", file=changed[0], model=name)


def resolve(name: str) -> Path:
    """The folder or checkpoint of a model given by name or path.

    Raises:
        BadModel: neither a known name that is here, nor a model.
    """
    if name == "lab":
        return LAB_MODEL
    if name in cards():
        found = present(name)
        if found is None:
            raise BadModel("model-not-present" if cards()[name].download else "model-not-present.unfetched", model=name)
        return found
    path = Path(name).expanduser()
    if path.suffix.lower() in UNSAFE and path.is_file():
        raise BadModel("model-unsafe", file=path.name, how=CONVERT)
    if path.suffix.lower() == ".safetensors" and path.is_file():
        return path
    if not (path / "model_index.json").is_file():
        shown = path.name if path.is_absolute() else name
        raise BadModel("model-unknown", model=shown, choices=["lab", *cards()])
    return path


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object of a model folder.

    Raises:
        BadModel: missing, too large, or no JSON object.
    """
    try:
        value = json.loads(read_bounded(path, limit=MOST_CONFIG_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise BadModel("model-incomplete", folder=path.parent.name, file=path.name) from error
    if not isinstance(value, dict):
        raise BadModel("model-incomplete.object", folder=path.parent.name, file=path.name)
    return value


def check_layout(folder: Path) -> Family:
    """The family of a folder; refuses what is of none, weights that could run code when opened, and code."""
    index = read_config(folder / "model_index.json")
    family = family_of(index)
    _check_no_code(folder, family)
    for component, expected in family.components.items():
        entry = index.get(component)
        seen = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if SAME_AS.get(str(seen), seen) != expected:
            raise BadModel(
                "model-family",
                component=component,
                seen=str(seen),
                family=family.title,
                expected=expected,
                choices=[f.title for f in FAMILIES.values()],
            )
        if component in family.tokenizers:
            continue
        files = sorted((folder / component).glob("*.safetensors"))
        if not files:
            unsafe = [p.name for p in (folder / component).glob("*") if p.suffix in UNSAFE]
            if unsafe:
                raise BadModel("model-unsafe.alone", part=component, file=unsafe[0], how=CONVERT)
            raise BadModel("model-incomplete.weights", part=component, how=CONVERT)
        _check_parts(folder / component)
    return family


def _check_parts(place: Path) -> None:
    """Weights are what the digests of the safetensors files beside each other say, wherever an index points.

    The libraries follow an index before they look for the plain file, and open any format that it names.
    """
    config = place / "config.json"
    if config.exists() and "transformers_weights" in read_config(config):
        raise BadModel("model-unsafe.redirected", part=place.name, how=CONVERT)
    for index in sorted(place.glob("*.index.json")):
        named = read_config(index).get("weight_map")
        parts = set(named.values()) if isinstance(named, dict) else {None}
        whole = index.name.removesuffix(".index.json")
        present = {path.name for path in place.glob("*.safetensors")}
        # An index of .bin parts beside safetensors is never followed.
        if whole.endswith(".safetensors") and (whole in present or not parts <= present):
            odd = sorted(str(part) for part in parts if part not in present) or [whole]
            raise BadModel("model-unsafe.index", part=place.name, file=index.name, odd=odd[0], how=CONVERT)


def _check_no_code(folder: Path, family: Family) -> None:
    """Nothing of a model folder is ever run; one that brings code expects to be, and would not work without it."""
    places = [folder, *(folder / name for name in (*family.components, "scheduler"))]
    code = sorted(path for place in places for path in place.glob("*.py"))
    for place in places[1:]:
        kind = "tokenizer" if place.name in family.tokenizers else place.name
        config = place / CONFIGS.get(kind, "config.json")
        if config.exists() and "auto_map" in read_config(config):
            code.append(config)
    if code:
        raise BadModel("model-code", file=code[0].relative_to(folder).as_posix())


def read_configs(folder: Path, family: Family) -> dict[str, dict[str, Any]]:
    """Config of every component that has one, and of the scheduler, by folder."""
    weighty = [name for name in family.components if name not in family.tokenizers]
    configs = {name: read_config(folder / name / "config.json") for name in weighty}
    return configs | {"scheduler": read_config(folder / "scheduler" / "scheduler_config.json")}


def _folder_files(folder: Path, family: Family) -> dict[str, str]:
    found = {}
    for component in (*family.components, "scheduler"):
        for path in sorted((folder / component).glob("*")):
            if path.suffix in {".safetensors", ".json", ".txt"} and path.is_file():
                found[f"{component}/{path.name}"] = _digest_of(path)
    return found


def _digest_of(path: Path) -> str:
    status = path.stat()
    return _digest_once(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _digest_once(path: Path, size: int, changed: int) -> str:
    """Weights of several GB are read once per process, unless size or time of change differ."""
    return file_digest(path)
