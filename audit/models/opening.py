"""From files to modules: every tensor is put into its place by name, or the sentence says which was not.

The libraries' own loaders search for files, follow indexes and leave out what does not fit; here a tensor that is
missing, of another size or not finite ends the opening.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import init_empty_weights
from safetensors import safe_open
from torch import Tensor, nn
from transformers import CLIPTokenizer, PreTrainedModel

from audit.base.errors import BadModel
from audit.base.files import read_bounded
from audit.models.allowed import ATTENTION, allowed
from audit.models.cards import cards
from audit.models.checkpoint import BESIDE_WEIGHTS, Kind, check_type, plain, scale_name
from audit.models.configs import read_config
from audit.models.headers import FLOAT_BYTES, Header, read_header
from audit.models.memory import require
from audit.models.original import KeyPlace
from audit.models.vocabulary import write_tokenizer
from audit.models.weights import Weights

OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Names in VAEs that were saved by diffusers before 0.18."""
SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")
"""Files of a tokenizer that say more than words; the second may state whatever the first may."""
COUNTED = "num_batches_tracked"
"""End of the name of a whole number that batch norms count in training, and that no pass reads."""
MOST_WORD_BYTES = 64 << 20
"""Of one file of a tokenizer; CLIP's largest has 4 MB."""


def open_checkpoint(kind: Kind, classes: Mapping[str, Any]) -> dict[str, Any]:
    """The components of a single file by folder, float32.

    Raises:
        BadModel: `model-not-finite`.
    """
    made: dict[str, Any] = {}
    header = kind.header
    with safe_open(header.path, framework="pt") as handle:
        for part in kind.parts:
            tensors: dict[str, Tensor] = {}
            for place in part.places:
                value = _weight(handle, header, part.prefix + place.theirs)
                tensors |= dict(zip(place.ours, _shared_out(value, place), strict=True))
            module = empty(classes[kind.family.components[part.component]], kind.configs[part.component])
            made[part.component] = fill(module, tensors, part=part.component)
    for name in kind.family.tokenizers:
        with tempfile.TemporaryDirectory() as folder:
            write_tokenizer(Path(folder) / name, padding=cards()[kind.card].padding[name])
            made[name] = CLIPTokenizer.from_pretrained(Path(folder) / name, local_files_only=True)
    return made


def open_component(weights: Weights, cls: Any, config: Mapping[str, Any], *, part: str) -> nn.Module:
    """One component of a folder, float32.

    Raises:
        BadModel: `model-not-finite`, `model-quantised`, `model-incomplete`.
    """
    tensors: dict[str, Tensor] = {}
    for file in weights.files:
        header = read_header(file)
        with safe_open(file, framework="pt") as handle:
            for name in header.tensors:
                if name.endswith((*BESIDE_WEIGHTS, "position_ids", COUNTED)):
                    continue
                if name in tensors:
                    raise BadModel("model-incomplete.twice", part=part, first=file.name, second=name)
                check_type(header, name)
                tensors[name] = _weight(handle, header, name)
    return fill(empty(cls, config), tensors, part=part)


def open_tokenizer(folder: Path, part: str, files: Mapping[str, str], *, kind: str = "CLIPTokenizer") -> Any:
    """The tokenizer of a folder, from a copy of those files alone that the digest covers.

    Args:
        files: SHA-256 of the model's files, by their path inside the folder.
        kind: its class.

    Raises:
        BadModel: `model-changed.meanwhile`, `model-incomplete`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for name in (n for n in files if n.startswith(f"{part}/")):
            file = folder / name
            data = read_bounded(file, limit=MOST_WORD_BYTES)
            if hashlib.sha256(data).hexdigest() != files[name]:
                raise BadModel("model-changed.meanwhile", file=name)
            if file.name in SETTINGS:
                data = json.dumps(allowed(kind, read_config(file))).encode("ascii")
            (Path(scratch) / file.name).write_bytes(data)
        # Its class is said here, and stands in no config that this reads.
        (Path(scratch) / "config.json").unlink(missing_ok=True)
        cls: Any = getattr(transformers, kind)
        return cls.from_pretrained(scratch, local_files_only=True, trust_remote_code=False)


def _weight(handle: Any, header: Header, name: str) -> Tensor:
    """One tensor as float32, multiplied with its scale where the file has one."""
    value: Tensor = handle.get_tensor(name).float()
    scale = scale_name(header, name)
    if scale is not None:
        factor = handle.get_tensor(scale).float()
        value = value * (factor if factor.numel() == 1 else factor.reshape(-1, *[1] * (value.dim() - 1)))
    if not torch.isfinite(value).all():
        raise BadModel("model-not-finite", file=header.path.name, tensor=name)
    return value


def _shared_out(value: Tensor, place: KeyPlace) -> list[Tensor]:
    if place.turned:
        value = value.T
    return [part.contiguous().clone() for part in value.chunk(len(place.ours))] if len(place.ours) > 1 else [value]


def empty(cls: Any, config: Mapping[str, Any]) -> nn.Module:
    """A module of a class without weights, from those words of a config that its class takes."""
    with init_empty_weights():
        if issubclass(cls, PreTrainedModel):
            stated = cls.config_class(**allowed(cls.__name__, config))
            stated._attn_implementation = ATTENTION
            made: nn.Module = cls(stated)
        else:
            made = cls.from_config(allowed(cls.__name__, config))
    return made


def fill(module: nn.Module, tensors: Mapping[str, Tensor], *, part: str) -> nn.Module:
    """Put every tensor into its place; text encoders may have more, for they are often cut out of a larger model.

    Raises:
        BadModel: `model-incomplete`. MemoryShort: they do not fit into main memory.
    """
    wanted = module.state_dict()
    require(part, sum(value.numel() * FLOAT_BYTES for value in wanted.values()))
    # A text model is saved by itself, or within a model that also writes; tied weights are saved once.
    within = f"{module.base_model_prefix}." if getattr(module, "base_model_prefix", "") == "model" else ""
    beside = "language_model." if within else ""
    tied: dict[str, str] = getattr(module, "all_tied_weights_keys", None) or {}
    by_name = {_bare(name.removeprefix(within)): name for name in wanted}
    given = {name: torch.zeros_like(value, device="cpu") for name, value in wanted.items() if name.endswith(COUNTED)}
    more = []
    for name, value in tensors.items():
        ours = by_name.get(_bare(name.removeprefix(within).removeprefix(beside)))
        if ours is None:
            more.append(name)
        elif plain(tuple(value.shape)) != plain(tuple(wanted[ours].shape)):
            raise BadModel(
                "model-incomplete.size-of", part=part, tensor=name, seen="x".join(map(str, value.shape)),
                expected="x".join(map(str, wanted[ours].shape)),
            )  # fmt: skip
        else:
            given[ours] = value.reshape(wanted[ours].shape).contiguous()
    given |= {name: given[source] for name, source in tied.items() if name not in given and source in given}
    lacking = sorted(set(wanted) - set(given))
    if lacking:
        raise BadModel("model-incomplete.lacking", part=part, tensor=lacking[0], n=len(lacking))
    if more and not isinstance(module, PreTrainedModel):
        raise BadModel("model-incomplete.more", part=part, tensor=more[0], n=len(more))
    module.load_state_dict(given, strict=True, assign=True)
    if tied and isinstance(module, PreTrainedModel):
        module.tie_weights()
    return module.requires_grad_(False).eval()


def _bare(name: str) -> str:
    """A tensor's name as all releases of the libraries agree on it."""
    name = name.removeprefix("text_model.")
    found = re.fullmatch(r"(.*attentions\.\d+)\.(query|key|value|proj_attn)\.(weight|bias)", name)
    return f"{found[1]}.{OLD_ATTENTION[found[2]]}.{found[3]}" if found else name
