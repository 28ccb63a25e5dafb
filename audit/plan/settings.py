"""How cells are trained, drawn from and treated: the usual settings of each family, and what a spec changes."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from audit.base.errors import BadInput
from audit.plan.spec import Spec
from audit.records import ProtectSettings, Record, SampleSettings, TrainSettings

Settings = TypeVar("Settings", bound=Record)

LAB_TRAINING = TrainSettings(rank=8, alpha=8, targets="all", steps=100, batch=8, learning_rate=2e-3, works=24)
LAB_SAMPLING = SampleSettings(steps=15, guidance=2.5)
# The usual settings of a Stable Diffusion style LoRA: diffusers' rate, robust-style-mimicry's sample count.
SD_TRAINING = TrainSettings(rank=8, alpha=8, steps=2000, batch=4, learning_rate=1e-4, warmup=100, works=24)
# Published for the whole U-Net of Stable Diffusion (Hönig et al., 2024); the lab's was measured (DECISIONS).
FULL_RATE, LAB_FULL_RATE = 5e-6, 1e-4
SD_SAMPLING = SampleSettings(steps=20, guidance=7.5)
# Guidance as the pipeline (SDXL) and the model's card (SD 3.5 Medium) have it; steps for DPM++ and Euler.
SAMPLING = {"sdxl": SampleSettings(steps=25, guidance=5.0), "sd3": SampleSettings(steps=28, guidance=4.5)}


def training_settings(spec: Spec, *, lab: bool) -> TrainSettings:
    """How cells are trained: the model's usual settings, and what was asked for.

    Raises:
        BadInput: `spec-invalid`, a setting that is unknown or out of range.
    """
    usual = LAB_TRAINING if lab else SD_TRAINING
    if spec.training.get("method") == "full":
        usual = usual.model_copy(update={"learning_rate": LAB_FULL_RATE if lab else FULL_RATE, "warmup": 0})
    return _settings(usual, spec.training, "training")


def sampling_settings(spec: Spec, *, lab: bool, family: str) -> SampleSettings:
    """How pictures are drawn: the model's usual settings, and what was asked for.

    Raises:
        BadInput: `spec-invalid`.
    """
    usual = LAB_SAMPLING if lab else SAMPLING.get(family, SD_SAMPLING)
    return _settings(usual, spec.sampling, "sampling")


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
