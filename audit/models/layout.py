"""Where a base model's files lie and what they say, before any weight is loaded."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from audit.base.errors import BadModel
from audit.base.files import file_digest, gap_of
from audit.base.messages import say
from audit.base.text import printable
from audit.models.cards import LAB_MODEL, cards, present, recognise
from audit.models.checkpoint import Kind, kind_of
from audit.models.code import refuse_code
from audit.models.configs import read_config
from audit.models.families import FAMILIES, MAY_LACK, family_of
from audit.models.families.base import Family
from audit.models.headers import read_header
from audit.models.prediction import Prediction, Reading, Stated, settle, told_by_config, told_by_header
from audit.models.vocabulary import word_list
from audit.models.weights import UNSAFE, Weights, weights_of

# Class names that stand for the same thing in folders written by older or newer releases.
SAME_AS = {f"{name}TokenizerFast": f"{name}Tokenizer" for name in ("CLIP", "Qwen2", "T5")}
TOKENIZER_FILES = (
    *("added_tokens.json", "config.json", "merges.txt", "special_tokens_map.json", "tokenizer.json"),
    *("tokenizer_config.json", "vocab.json"),
)
"""What the libraries read of a tokenizer's folder."""
CONVERT = say("convert-model")
ADD_ON_FILES = ("adapter_config.json", "pytorch_lora_weights.safetensors", "adapter_model.safetensors")
PIPELINES = tuple(family.pipeline for family in FAMILIES.values())
"""Classes of folders that are trained here; one of another class that lacks a component is another kind of model."""


CLIP_LAYERS = 12
"""Of a text encoder whose config does not say."""
CHECKPOINT = "checkpoint.safetensors"
"""What a single-file checkpoint is called in lists of files: its own name says nothing."""


@dataclass(frozen=True)
class Source:
    """A model's files on this machine.

    Attributes:
        path: a folder in diffusers layout, or a single-file checkpoint.
        configs: of each component that has one, and of the scheduler; see `read_configs`.
        files: SHA-256 of every file that makes the model, by its path inside the folder.
        kind: what a checkpoint is; None for a folder.
        known: name of the card whose weights these are, whatever folder or file is called.
        prediction: what it predicts and where that was read; None for a family that has but one kind.
        weights: of a folder, the files opened for each component.
        restated: the prediction type where it is another than the folder's own config says.
        skip: which layer of the text encoder is read, counted from its end: 1 the last.
    """

    path: Path
    family: Family
    configs: dict[str, dict[str, Any]]
    files: dict[str, str]
    kind: Kind | None = None
    known: str | None = None
    prediction: Prediction | None = None
    weights: dict[str, Weights] = field(default_factory=dict)
    restated: Reading | None = None
    skip: int = 1

    @property
    def name(self) -> str:
        """How the plan names it."""
        return self.known or (
            "lab" if self.path == LAB_MODEL else printable(self.path.stem if self.kind else self.path.name)
        )

    def resolution(self) -> int:
        """Side in pixels of its pictures, after a check that its parts belong together.

        Raises:
            BadModel: `model-family`, `model-incomplete`.
        """
        self.family.check(self.configs)
        side = self.family.resolution(self.configs)
        if side is None:
            raise BadModel("model-incomplete.size")
        return side

    def digest(self) -> str:
        """SHA-256 over names and digests of the files that make the model; the folder's name is not in it."""
        lines = [f"{name} {digest}" for name, digest in self.files.items()]
        if self.kind is not None:
            # The rest of what makes the model is ours: configs, and the vocabulary.
            lines.append(f"configs {hashlib.sha256(json.dumps(self.configs, sort_keys=True).encode()).hexdigest()}")
            lines.append(f"vocabulary {file_digest(word_list())}")
        if (changed := self.family.schedule(self.configs)) != self.configs["scheduler"]:
            # What the folder says of the noise beside its scheduler.
            lines.append(f"schedule {hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()}")
        if self.restated is not None:
            lines.append(f"prediction {self.restated}")
        if self.skip != 1:
            lines.append(f"clip skip {self.skip}")
        return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


def open_source(name: str, *, asked: str | None = None, probed: Reading | None = None, skip: int = 1) -> Source:
    """Everything about a model but its weights, from its name or path.

    Args:
        asked: the prediction type that the user states; probed: the one that a test found where nothing tells.
        skip: which layer of the text encoder is read, counted from its end.

    Raises:
        BadModel: unknown, incomplete, unsafe, of no known family, not what its card says, or told two prediction types;
            `clip-skip`.
    """
    source = _whole(name, asked=asked, probed=probed)
    return source if skip == 1 else _skipping(source, skip)


def _skipping(source: Source, skip: int) -> Source:
    """The same model with a text encoder that ends so many layers earlier, as trainers and viewers count it.

    Raises:
        BadModel: `clip-skip`, of a family that has one way, or more layers than there are.
    """
    if source.family.label(source.configs) != "sd1":
        raise BadModel("clip-skip", skip=skip, family=source.family.title)
    text = source.configs["text_encoder"]
    layers = int(text.get("num_hidden_layers", CLIP_LAYERS))
    if skip > layers:
        raise BadModel("clip-skip.layers", skip=skip, layers=layers)
    # The last norm follows whatever layer is the last, as in the stock pipeline.
    configs = {**source.configs, "text_encoder": {**text, "num_hidden_layers": layers - skip + 1}}
    kind = None if source.kind is None else replace(source.kind, configs=configs)
    return replace(source, configs=configs, kind=kind, skip=skip)


def _whole(name: str, *, asked: str | None, probed: Reading | None) -> Source:
    path = resolve(name)
    if path.is_file():
        if name not in cards():
            # What a file is costs a glance at its header; its digest, minutes.
            kind_of(path, asked=asked, probed=probed)
        files = {CHECKPOINT: _digest_of(path)}
        known = recognise(set(files.values()))
        _check_card(name, files, known)
        kind = kind_of(path, known=known, asked=asked, probed=probed)
        return Source(path, kind.family, kind.configs, files, kind, known, kind.prediction)
    folder = look_into(path, asked=asked, probed=probed)
    files = _digests(path, opened(path, family=folder.family, weights=folder.weights))
    known = recognise(set(files.values()))
    _check_card(name, files, known)
    return replace(folder, files=files, known=known)


def look_into(path: Path, *, asked: str | None = None, probed: Reading | None = None) -> Source:
    """A folder without its digests: layout, configs, headers of its weights, prediction type."""
    family = check_layout(path)
    weights = {part: weights_of(path / part) for part in family.components if part not in family.tokenizers}
    configs = read_configs(path, family)
    found, restated = _prediction(path, family, configs, weights, asked=asked, probed=probed)
    return Source(path, family, configs, {}, prediction=found, weights=weights, restated=restated)


def _prediction(
    path: Path,
    family: Family,
    configs: dict[str, dict[str, Any]],
    weights: Mapping[str, Weights],
    *,
    asked: str | None,
    probed: Reading | None,
) -> tuple[Prediction | None, Reading | None]:
    """What a folder's model predicts; where the user or a test says it, its scheduler's config is changed to say so."""
    stated = family.prediction(configs)
    if stated == "flow":
        if asked is not None:
            raise BadModel("prediction-flow", model=path.name, asked=asked)
        return None, None
    scheduler = configs["scheduler"]
    told: list[Stated] = [*told_by_config(scheduler)]
    for file in weights[family.denoiser].files:
        told += told_by_header(read_header(file))
    usual: Reading | None = "epsilon" if family.label(configs) == "sd1" else None
    found = settle(told, asked=asked, usual=usual, file=path.name)
    if found.reading is None and probed is not None:
        found = Prediction(probed, "probe", say("prediction-source.probe"), found.zero_snr)
    if found.reading is None or found.reading == stated:
        return found, None
    configs["scheduler"] = {**scheduler, "prediction_type": found.reading}
    return found, found.reading


def model_files(name: str) -> dict[str, str]:
    """SHA-256 of every file that makes a model, by its path inside the folder; see `Source.files`."""
    path = resolve(name)
    if path.is_file():
        return {CHECKPOINT: _digest_of(path)}
    family = check_layout(path)
    weights = {part: weights_of(path / part) for part in family.components if part not in family.tokenizers}
    return _digests(path, opened(path, family=family, weights=weights))


def _digests(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    return {file.relative_to(folder).as_posix(): _digest_of(file) for file in files}


def opened(folder: Path, *, family: Family, weights: Mapping[str, Weights]) -> Iterator[Path]:
    """Every file of a folder that makes the model: its configs, and of its weights those that are opened."""
    for part in (*family.components, "scheduler"):
        place = folder / part
        if part in family.tokenizers:
            files = [place / name for name in TOKENIZER_FILES]
        elif part == "scheduler":
            files = [place / "scheduler_config.json"]
        else:
            files = [place / "config.json", *weights[part].opened]
        yield from sorted(file for file in files if file.is_file())


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
    path = Path(os.path.expanduser(name))
    if path.suffix.lower() in UNSAFE and path.is_file():
        raise BadModel("model-unsafe", file=path.name, how=CONVERT)
    if path.suffix.lower() in (".safetensors", ".sft") and path.is_file():
        return path
    if path.suffix.lower() == ".gguf" and path.is_file():
        raise BadModel("model-other-kind.gguf", file=path.name)
    if not (path / "model_index.json").is_file():
        _refuse_other_folder(path)
        raise _no_model(name, path)
    return path


def _no_model(name: str, path: Path) -> BadModel:
    """What a name or path that opens nothing is."""
    choices = ["lab", *cards()]
    if path.is_dir():
        return BadModel("model-unknown.folder", folder=path.absolute().name)
    if path.exists():
        return BadModel("model-unknown.file", file=path.name)
    if len(path.parts) > 1 or path.suffix.lower() in (".safetensors", ".sft", ".gguf", *UNSAFE):
        gap = gap_of(path)
        slug = "model-unknown.similar" if gap.similar else "model-unknown.absent"
        more = {"similar": gap.similar} if gap.similar else {}
        return BadModel(slug, model=path.name, missing=gap.missing, within=gap.within, **more)
    return BadModel("model-unknown", model=name, choices=choices)


def _refuse_other_folder(path: Path) -> None:
    """Folders without a model_index.json that people take for a model."""
    if not path.is_dir():
        return
    files = sorted(file.name for file in path.glob("*.safetensors"))
    add_on = next((name for name in ADD_ON_FILES if (path / name).is_file()), None)
    if add_on is not None:
        raise BadModel("model-other-kind.add-on-folder", file=add_on)
    if (path / "config.json").is_file() and files:
        config = read_config(path / "config.json")
        title = config.get("_class_name") or (config.get("architectures") or ["unnamed"])[0]
        raise BadModel("model-other-kind.component", title=str(title))
    if files:
        raise BadModel("model-other-kind.many", n=len(files), file=files[0])


def check_layout(folder: Path) -> Family:
    """The family of a folder; refuses what is of none, weights that could run code when opened, and code."""
    index = read_config(folder / "model_index.json")
    family = family_of({part: entry for part, entry in index.items() if not _left_out(folder, part, entry)})
    refuse_code(folder)
    for component, expected in family.components.items():
        entry = index.get(component)
        seen = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if SAME_AS.get(str(seen), seen) != expected:
            title = str(index.get("_class_name", ""))
            if title not in PIPELINES:
                titles = [f.title for f in FAMILIES.values()]
                raise BadModel("model-other-kind.pipeline", title=title or say("model-unnamed"), choices=titles)
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
        weights_of(folder / component)
    return family


def _left_out(folder: Path, part: str, entry: object) -> bool:
    """Whether a pipeline was saved without this component, or one that may lack was not copied."""
    return entry == [None, None] or (part in MAY_LACK and not (folder / part).is_dir())


def read_configs(folder: Path, family: Family) -> dict[str, dict[str, Any]]:
    """Config of every component that has one and of the scheduler, by folder; and what the folder says of itself."""
    weighty = [name for name in family.components if name not in family.tokenizers]
    configs = {name: read_config(folder / name / "config.json") for name in weighty}
    for name in family.opened_as:
        # Newer releases keep the words of the language part by themselves.
        configs[name] |= configs[name].get("text_config") or {}
    index = read_config(folder / "model_index.json")
    return configs | {"scheduler": read_config(folder / "scheduler" / "scheduler_config.json"), "index": index}


def _digest_of(path: Path) -> str:
    status = path.stat()
    return _digest_once(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@lru_cache(maxsize=256)
def _digest_once(path: Path, size: int, changed: int, touched: int, node: int) -> str:
    """Weights of several GB are read once per process, unless size, times of change or the file behind differ."""
    return file_digest(path)
