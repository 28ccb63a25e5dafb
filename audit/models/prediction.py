"""What a diffusion model predicts, noise or v, and where that was read: it is never guessed.

Whoever trained a model may have told it in several places; each is a `Stated`. Where they differ, or nothing tells,
the user is asked, or a test of the model decides (`audit.models.probe`).

Facts: CompVis/latent-diffusion and Stability-AI/generative-models (the .yaml), Stability-AI/ModelSpec and
kohya-ss/sd-scripts (the header), ComfyUI (marker tensors).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audit.base.errors import BadModel
from audit.base.files import read_bounded
from audit.base.messages import Said, say
from audit.models.headers import Header, last_number

Reading = Literal["epsilon", "v_prediction"]
SourceOf = Literal["config", "yaml", "header", "marker", "schedule", "card", "option", "probe", "family"]
PREDICTION_TYPES: tuple[Reading, ...] = ("epsilon", "v_prediction")
READINGS: dict[str, Reading] = {
    **dict.fromkeys(("epsilon", "eps", "noise", "eps_pred", "epsilon_prediction"), "epsilon"),
    **dict.fromkeys(("v", "v_prediction", "v_pred", "vpred", "vprediction", "v_parameterization"), "v_prediction"),
}
"""How the places that tell it call each."""
V_MARK, ZERO_SNR_MARK = "v_pred", "ztsnr"
"""Tensors by which trainers mark a checkpoint that predicts v, and one with zero terminal SNR."""
EDM_MARKS = {"edm_mean": "Playground 2.5", "edm_std": "Playground 2.5", "edm_vpred.": "CosXL", "sigma_": "EDM"}
"""Beginnings of the names of marker tensors of models that are trained over noise levels without end (EDM)."""
HEADER_KEYS = ("modelspec.prediction_type", "modelspec.predict_key")
ARCHITECTURES: dict[str, Reading] = {"stable-diffusion-v2-768-v": "v_prediction", "stable-diffusion-v2-512": "epsilon"}
"""Values of `modelspec.architecture` that name the prediction too."""
ZERO_SNR_BELOW = 1e-5
"""Share of the picture that is left at the last level: 0.0047 as published, 0 where rescaled."""
MOST_YAML_BYTES = 1 << 20
EDM_YAML = ("EDMScaling", "VScalingWithEDMcNoise", "EDMDiscretization")


@dataclass(frozen=True)
class Stated:
    """One place that tells it: `where` says which, to stand within a sentence; `zero_snr` where it tells that too."""

    source: SourceOf
    reading: Reading
    where: Said
    zero_snr: bool | None = None


@dataclass(frozen=True)
class Prediction:
    """What was found. `reading` is None where nothing tells; then a test must decide."""

    reading: Reading | None
    source: SourceOf | None = None
    where: Said | None = None
    zero_snr: bool = False


def settle(
    told: Sequence[Stated], *, asked: str | None, usual: Reading | None, file: str, zero_snr: bool = False
) -> Prediction:
    """One reading from all places.

    Args:
        asked: what the user says, which wins; usual: what models of the family predict where nothing tells, None where
            both are common.
        zero_snr: whether the schedule is known to end in pure noise.

    Raises:
        BadModel: `prediction-conflict`, two places differ and the user says nothing.
    """
    zero_snr = zero_snr or any(one.zero_snr for one in told)
    if asked is not None:
        return Prediction(READINGS[asked], "option", say("prediction-source.option"), zero_snr)
    for other in told[1:]:
        if other.reading != told[0].reading:
            raise BadModel(
                "prediction-conflict", file=file, first=told[0].where, reading=told[0].reading,
                second=other.where, other=other.reading,
            )  # fmt: skip
    if told:
        return Prediction(told[0].reading, told[0].source, told[0].where, zero_snr)
    if usual is not None:
        return Prediction(usual, "family", say("prediction-source.family"), zero_snr)
    return Prediction(None)


def told_by_header(header: Header) -> Iterator[Stated]:
    """What a file's metadata, marker tensors and noise schedule tell.

    Raises:
        BadModel: `model-edm`, `model-prediction`, a kind of training that is not done here.
    """
    file, data = header.path.name, header.metadata
    for beginning, title in EDM_MARKS.items():
        mark = next((name for name in header.tensors if name.startswith(beginning)), None)
        if mark is not None:
            raise BadModel("model-edm", file=file, mark=mark, title=title)
    for key in HEADER_KEYS:
        if value := data.get(key, "").strip():
            yield Stated("header", _reading(value, file=file), say("prediction-source.header", key=key, value=value))
    architecture = data.get("modelspec.architecture", "").strip().lower().partition("/")[0]
    if architecture in ARCHITECTURES:
        where = say("prediction-source.header", key="modelspec.architecture", value=architecture)
        yield Stated("header", ARCHITECTURES[architecture], where)
    if data.get("ss_v_parameterization", "").lower() == "true":
        where = say("prediction-source.header", key="ss_v_parameterization", value="True")
        yield Stated("header", "v_prediction", where)
    zero = data.get("ss_zero_terminal_snr", "").lower() == "true" or ZERO_SNR_MARK in header.tensors
    if data.get("ss_zero_terminal_snr", "").lower() == "true":
        # As below: noise cannot be told from nothing at the last level.
        where = say("prediction-source.header", key="ss_zero_terminal_snr", value="True")
        yield Stated("header", "v_prediction", where, zero_snr=True)
    for mark in (V_MARK, ZERO_SNR_MARK):
        if mark in header.tensors:
            yield Stated("marker", "v_prediction", say("prediction-source.marker", mark=mark), zero_snr=zero)
            break
    if "alphas_cumprod" in header.tensors:
        last = last_number(header, "alphas_cumprod")
        if last is not None and last < ZERO_SNR_BELOW:
            # Noise cannot be told from nothing at the last level, so such a model predicts v.
            yield Stated("schedule", "v_prediction", say("prediction-source.schedule", file=file), zero_snr=True)


def told_by_yaml(path: Path) -> Iterator[Stated]:
    """What the .yaml that A1111 reads beside a checkpoint tells; one without `parameterization` means noise.

    Raises:
        BadModel: `model-edm`, `model-prediction`.
    """
    beside = next((found for found in map(path.with_suffix, (".yaml", ".yml")) if found.is_file()), None)
    if beside is None:
        return
    try:
        text = read_bounded(beside, limit=MOST_YAML_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise BadModel("prediction-yaml", file=beside.name) from error
    text = re.sub(r"(^|\s)#.*", "", text, flags=re.MULTILINE)
    if re.search(r"^\s*[\"']?model[\"']?\s*:", text, flags=re.MULTILINE) is None:
        return
    edm = next((word for word in EDM_YAML if word in text), None)
    if edm is not None:
        raise BadModel("model-edm", file=beside.name, mark=edm, title="EDM")
    found = re.search(r"[\"']?\bparameterization[\"']?\s*:\s*[\"']?([\w-]+)", text)
    scaling = re.search(r"denoiser_scaling\.(Eps|V)Scaling\b", text)
    if found is not None:
        value, where = found[1], say("prediction-source.yaml", file=beside.name, value=found[1])
    elif scaling is not None:
        value, where = scaling[1], say("prediction-source.yaml-scaling", file=beside.name, value=scaling[0])
    else:
        value, where = "eps", say("prediction-source.yaml-usual", file=beside.name)
    zero = re.search(r"(zero_snr|zsnr|rescale_betas_zero_snr|zero_terminal_snr)[\"']?\s*:\s*[\"']?true", text, re.I)
    yield Stated("yaml", _reading(value, file=beside.name), where, zero_snr=True if zero else None)


def told_by_config(scheduler: Mapping[str, Any]) -> Iterator[Stated]:
    """What the scheduler's config of a folder in diffusers layout tells.

    Raises:
        BadModel: `model-prediction`.
    """
    file = "scheduler/scheduler_config.json"
    betas = scheduler.get("trained_betas")
    ends = isinstance(betas, list) and bool(betas) and betas[-1] > 1 - ZERO_SNR_BELOW
    zero = bool(scheduler.get("rescale_betas_zero_snr")) or ends
    if "prediction_type" in scheduler:
        value = str(scheduler["prediction_type"])
        yield Stated("config", _reading(value, file=file), say("prediction-source.config", file=file), zero_snr=zero)
    if zero:
        yield Stated("schedule", "v_prediction", say("prediction-source.schedule", file=file), zero_snr=True)


def _reading(value: str, *, file: str) -> Reading:
    reading = READINGS.get(value.strip().lower().replace("-", "_").replace(" ", "_"))
    if reading is None:
        raise BadModel("model-prediction", file=file, seen=value)
    return reading
