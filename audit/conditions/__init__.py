"""Conditions: what happens to the training pictures. One file per treatment, one row in the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.base.errors import BadInput
from audit.base.messages import Said, words
from audit.conditions.base import Treatment
from audit.conditions.controls import IDENTITY, MIXED, NULL
from audit.conditions.counter.filters import BILATERAL_FILTER, BITS, BLUR, MEDIAN, TV
from audit.conditions.counter.impress import IMPRESS
from audit.conditions.counter.jpeg import JPEG
from audit.conditions.counter.model import DIFFUSION, NOISY_UPSCALE, VAE
from audit.conditions.counter.noise import NOISE
from audit.conditions.counter.resize import RESIZE
from audit.conditions.counter.tone import TONE
from audit.conditions.counter.upscaler import X4_UPSCALE
from audit.conditions.protect.denoiser import DENOISER_PGD
from audit.conditions.protect.encoder import ENCODER_PGD
from audit.conditions.protect.fused import FUSED_PGD
from audit.conditions.protect.placebo import PLACEBO, PLACEBO_LPIPS
from audit.conditions.protect.placebo_tone import PLACEBO_TONE
from audit.conditions.protect.sds import SDS_PGD
from audit.conditions.protect.style_cloak import STYLE_CLOAK
from audit.conditions.protect.surrogate import SURROGATE_PGD, SURROGATE_TARGET_PGD
from audit.conditions.publish import AS_PUBLISHED
from audit.records import Condition, ModelFacts, ProtectSettings, Recipe

TREATMENTS: dict[str, Treatment] = {
    t.name: t
    for t in (
        *(ENCODER_PGD, DENOISER_PGD, FUSED_PGD, SDS_PGD, SURROGATE_PGD, SURROGATE_TARGET_PGD, STYLE_CLOAK),
        *(PLACEBO, PLACEBO_LPIPS, PLACEBO_TONE),
        *(NULL, IDENTITY, MIXED),
        *(JPEG, RESIZE, NOISE, BLUR, MEDIAN, BILATERAL_FILTER, BITS, TV, TONE),
        *(VAE, DIFFUSION, NOISY_UPSCALE, X4_UPSCALE, IMPRESS),
        *AS_PUBLISHED,
    )
}


@dataclass(frozen=True)
class Step:
    """One parsed treatment of a condition."""

    treatment: Treatment
    argument: float
    typed: str = ""
    """The argument as it was typed; '' for none."""

    @property
    def words(self) -> Said:
        """What it is called in plain words, with the argument where one was typed."""
        return self.treatment.called.typed(self.typed)

    @property
    def asked(self) -> str:
        """As it was typed, name and argument."""
        return f"{self.treatment.name}:{self.typed}" if self.typed else self.treatment.name

    @property
    def text(self) -> str:
        return self.treatment.name if self.treatment.default is None else f"{self.treatment.name}:{self.argument:g}"

    def recipe(self, surrogate: ModelFacts, asked: ProtectSettings) -> Recipe:
        """What the plan says about it."""
        row = self.treatment
        settings = row.settings(self.argument, surrogate, asked)
        if row.kind == "protection":
            settings |= {"surrogate": words("{name}", name=surrogate.name)}
        return Recipe(
            step=self.text,
            kind=row.kind,
            follows=row.source,
            usual=row.published,
            fixed=settings,
            approximate=row.approximate,
            way=row.way(self.argument),
        )


def parse_step(text: str) -> Step:
    """Read `name` or `name:argument`.

    Raises:
        BadInput: unknown name, an argument that is no number or out of range.
    """
    if text in TREATMENTS and TREATMENTS[text].default is None:
        return Step(TREATMENTS[text], 0.0)
    name, colon, argument = text.partition(":")
    treatment = TREATMENTS.get(name)
    if treatment is None:
        raise BadInput("treatment-unknown", text=text, choices=sorted(TREATMENTS))
    if treatment.default is None:
        raise BadInput("treatment-argument.none", name=name)
    try:
        value = float(argument) if colon else treatment.default
    except ValueError:
        value = float("nan")
    if not (treatment.low <= value <= treatment.high and (value == int(value) or not treatment.whole)):
        raise BadInput(
            "treatment-argument.whole" if treatment.whole else "treatment-argument",
            text=text,
            name=name,
            unit=treatment.unit,
            low=treatment.low,
            high=treatment.high,
            usual=treatment.default,
        )
    return Step(treatment, value, argument)


def parse_chain(text: str) -> tuple[Step, ...]:
    """Read treatments joined by `+`, in the order in which pictures go through them.

    Raises:
        BadInput: as `parse_step`.
    """
    return tuple(parse_step(part) for part in text.split("+"))


def recipes(conditions: Sequence[Condition], *, surrogate: ModelFacts, asked: ProtectSettings) -> tuple[Recipe, ...]:
    """Every treatment of a plan once, in the order of its conditions."""
    texts = dict.fromkeys(text for condition in conditions for text in condition.steps)
    return tuple(parse_step(text).recipe(surrogate, asked) for text in texts)
