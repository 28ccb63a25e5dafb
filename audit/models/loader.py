"""Open a base model of any known family from local files, safetensors only.

The built-in lab model is opened by exactly this code; it is one more folder.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from audit.base.errors import BadModel
from audit.models.allowed import ALLOWED
from audit.models.cards import cards, is_lab
from audit.models.layout import Source, open_source
from audit.models.memory import is_out_of_memory, too_short
from audit.models.model import Model
from audit.models.opening import open_checkpoint, open_component, open_tokenizer
from audit.models.prediction import Reading
from audit.models.probe import probe
from audit.models.residency import Room, must_share
from audit.records import ModelFacts


class _Classes(dict[str, Any]):
    """The libraries' classes by name, imported when asked for; none but those whose words are listed."""

    def __missing__(self, name: str) -> Any:
        if name not in ALLOWED:
            raise KeyError(name)
        self[name] = getattr(transformers, name, None) or getattr(diffusers, name)
        return self[name]


CLASSES: dict[str, Any] = _Classes()
UNSURE = ("family", "option")
"""Sources of a prediction type that a test of the model checks: its family's usual one, and the user's word."""
BROKEN = (OSError, ValueError, RuntimeError, KeyError, TypeError, NotImplementedError, SafetensorError)
"""What the libraries raise for files that do not fit their classes."""


def describe(name: str, *, asked: str | None = None, skip: int = 1) -> ModelFacts:
    """The facts of a model; its weights are read only where nothing tells what it predicts.

    Args:
        asked: the prediction type that the user states; skip: see `open_source`.

    Raises:
        BadModel: unknown, incomplete, unsafe or of no known family, or its prediction type is not known.
    """
    return _facts(_told(name, asked=asked, skip=skip))


def _told(name: str, *, asked: str | None, skip: int) -> Source:
    """A model's files with a prediction type: where nothing tells it, a test decides, or the user is asked.

    Raises:
        BadModel: `checkpoint-ambiguous`.
    """
    source = open_source(name, asked=asked, skip=skip)
    if source.prediction is None or source.prediction.reading is not None:
        return source
    found = _probed(name, source.digest())
    if found is None:
        raise BadModel("checkpoint-ambiguous", model=source.path.name)
    return open_source(name, probed=found, skip=skip)


@lru_cache(maxsize=8)
def _probed(name: str, digest: str) -> Reading | None:
    """What a test says of a model that nothing tells of; once per process."""
    return probe(_loaded(open_source(name, asked="epsilon"), device=torch.device("cpu"), budget=None))


def stated(facts: ModelFacts) -> str | None:
    """What to state of a model that is opened again: its prediction type, where no file tells it."""
    return facts.prediction_type if facts.prediction_source in ("option", "probe") else None


def _facts(source: Source) -> ModelFacts:
    family, found, lab = source.family, source.prediction, is_lab(source.files.values())
    return ModelFacts.model_validate(
        {
            "name": source.name,
            "family": family.label(source.configs),
            "sha256": source.digest(),
            "resolution": source.resolution(),
            "prediction_type": "flow" if found is None else found.reading,
            "prediction_source": "" if found is None else found.source,
            "lab": lab,
            "multiple": 0 if lab else family.multiple(source.configs),
            "distilled": family.distilled(source.configs),
            "clip_skip": source.skip,
            "licence": cards()[source.known].licence if source.known else "",
        }
    )


def load(
    name: str, *, device: torch.device, budget: float | None = None, asked: str | None = None, skip: int = 1
) -> Model:
    """Load a model, frozen and in evaluation mode, float32.

    Args:
        budget: bytes that the process may take of the device; a model that is large beside it has its parts
            there by turns.
        asked: the prediction type that the user states; skip: see `open_source`.

    Raises:
        BadModel: see `describe`; also when the files do not fit the classes, a weight is not finite, or a test
            contradicts what a family usually predicts or the user states. MemoryShort: they do not fit into memory.
    """
    model = _loaded(_told(name, asked=asked, skip=skip), device=device, budget=budget)
    if model.facts.prediction_source in UNSURE:
        found = probe(model)
        if found is not None and found != model.facts.prediction_type:
            raise BadModel(
                "prediction-contradicted", model=model.facts.name, taken=model.facts.prediction_type, found=found
            )
    return model


def _loaded(source: Source, *, device: torch.device, budget: float | None) -> Model:
    facts, family = _facts(source), source.family
    # Their bars and remarks would break into the run's own progress; errors still come through.
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    # Torch's remark that a norm in float32 is slower under autocast; norms stay so on purpose.
    warnings.filterwarnings("ignore", message="Mismatch dtype between input and weight", category=UserWarning)
    try:
        made: Mapping[str, Any]
        if source.kind is not None:
            made = open_checkpoint(source.kind, CLASSES)
        else:
            made = {part: _open(source, part, kind) for part, kind in family.components.items()}
        scheduler = dict(family.schedule(source.configs))
        square = family.latent(source.configs, (facts.resolution, facts.resolution))
        noising = family.noising(scheduler, facts.prediction_type, square)
    except BROKEN as error:
        if is_out_of_memory(error):
            raise too_short("memory-for.model") from error
        # What the libraries say names the file by its whole path.
        said = (str(error) or type(error).__name__).splitlines()[0].replace(f"{source.path}{os.sep}", "")
        raise BadModel("model-incomplete.broken", model=source.path.name, why=said) from error
    parts = [made[part] for part in family.components if part not in family.tokenizers]
    room = Room(parts, device) if must_share(parts, device, budget) else None
    if room is None:
        for part in parts:
            part.to(device)
    return Model(
        facts=facts,
        family=family,
        denoiser=made[family.denoiser],
        vae=made["vae"],
        text_encoders={name: made[name] for name in family.text_encoders},
        tokenizers=tuple(made[name] for name in family.tokenizers),
        scheduler_config=scheduler,
        noising=noising,
        device=device,
        room=room,
    )


def _open(source: Source, part: str, kind: str) -> Any:
    """One component of a folder: local, safetensors, and those files alone that the digest covers."""
    if part in source.family.tokenizers:
        return open_tokenizer(source.path, part, source.files, kind=kind)
    cls = CLASSES[source.family.opened_as.get(part, kind)]
    return open_component(source.weights[part], cls, source.configs[part], part=part)
