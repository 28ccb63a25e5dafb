"""How cells are trained, drawn from and treated: the usual settings of each family, and what a spec changes."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from audit.base.errors import BadInput
from audit.models.families import FAMILIES, LABELS
from audit.plan.spec import Spec
from audit.plan.trainers import MILD, TRAINERS, presets_of, usual_of
from audit.records import ProtectSettings, Record, SampleSettings, TrainSettings

Settings = TypeVar("Settings", bound=Record)

LAB_TRAINING = TrainSettings(rank=8, alpha=8, targets="all", steps=100, batch=8, learning_rate=2e-3, works=24)
LAB_SAMPLING = SampleSettings(steps=15, guidance=2.5)
SD_TRAINING = MILD
PRESET = "preset"
"""Key of `[training]` that names a trainer's settings."""
# Published for the whole U-Net of Stable Diffusion (Hönig et al., 2024); the lab's was measured (docs/decisions,
# "Training the whole denoiser").
FULL_RATE, LAB_FULL_RATE = 5e-6, 1e-4
SD_SAMPLING = SampleSettings(steps=20, guidance=7.5)
# Guidance as the pipeline (SDXL, FLUX.1, FLUX.2 klein base, Qwen-Image; Krea 2, whose 4.5 counts from 0) and the
# model's card (SD 3.5 Medium; Z-Image, whose 4 counts from 0) have it; steps for DPM++ and Euler.
SAMPLING = {
    "sdxl": SampleSettings(steps=25, guidance=5.0),
    "sd3": SampleSettings(steps=28, guidance=4.5),
    "zimage": SampleSettings(steps=28, guidance=5.0),
    "flux1": SampleSettings(steps=28, guidance=3.5),
    "flux2": SampleSettings(steps=28, guidance=4.0),
    "qwenimage": SampleSettings(steps=28, guidance=4.0),
    "krea2": SampleSettings(steps=28, guidance=5.5),
}
DISTILLED = {"krea2": SampleSettings(steps=8, guidance=1)}
"""Of a model that was made to draw in a few steps, by family, as its card or pipeline has it."""
DISTILLED_ELSE = SampleSettings(steps=4, guidance=1)
"""As FLUX.2 klein's card has it."""


def training_settings(spec: Spec, *, lab: bool, family: str = "") -> TrainSettings:
    """How cells are trained: the model's usual settings, or a trainer's, and what was asked for.

    Args:
        family: as the plan names it; '' before the model is known.

    Raises:
        BadInput: `spec-invalid`, a setting that is unknown or out of range; `training-preset`, one that is not of this
            family; `text-encoder-fixed`.
    """
    preset, asked = training_preset(spec, lab=lab, family=family), dict(spec.training)
    asked.pop(PRESET, None)
    usual = presets_of(family)[preset].settings if preset else LAB_TRAINING if lab else MILD
    if asked.get("method") == "full":
        rate = LAB_FULL_RATE if lab else FULL_RATE
        usual = usual.model_copy(update={"learning_rate": rate, "warmup": 0, "text_encoder": False})
    settings = _settings(usual, asked, "training")
    if settings.text_encoder and family and not FAMILIES[LABELS.get(family, family)].text_targets:
        raise BadInput("text-encoder-fixed", family=family)
    return settings


def training_preset(spec: Spec, *, lab: bool, family: str) -> str:
    """Whose settings the training begins from; '' for the lab model's own, and for `mild`, as in plans of before.

    Raises:
        BadInput: `training-preset`.
    """
    asked = str(spec.training.get(PRESET, ""))
    known = presets_of(family) if family and not lab else {row.name: row for row in TRAINERS}
    if asked and lab and family:
        raise BadInput("training-preset.lab", preset=asked)
    if asked and asked not in known:
        raise BadInput("training-preset", preset=asked, choices=tuple(known))
    found = "" if lab or not family else asked or usual_of(family)
    return "" if found == "mild" else found


def sampling_settings(spec: Spec, *, lab: bool, family: str, distilled: bool = False) -> SampleSettings:
    """How pictures are drawn: the usual settings of the model that draws, and what was asked for.

    Raises:
        BadInput: `spec-invalid`; `guidance-distilled`, a guidance for a model that takes none.
    """
    if distilled:
        usual = DISTILLED.get(family, DISTILLED_ELSE)
    else:
        usual = LAB_SAMPLING if lab else SAMPLING.get(family, SD_SAMPLING)
    found = _settings(usual, spec.sampling, "sampling")
    if distilled and found.guidance != 1:
        raise BadInput("guidance-distilled", guidance=found.guidance)
    return found


def protect_settings(spec: Spec) -> ProtectSettings:
    """How treatments run that take steps.

    Raises:
        BadInput: a setting that is unknown or out of range.
    """
    return _settings(ProtectSettings(), spec.protection, "protection")


def _settings(default: Settings, changes: dict[str, object], table: str) -> Settings:
    try:
        return type(default).model_validate({**default.model_dump(), **changes})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join([table, *(str(part) for part in problem["loc"])])
        raise BadInput("spec-invalid.setting", setting=place, why=problem["msg"]) from error
