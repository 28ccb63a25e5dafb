"""Gates: was the test fair? Each is a row of `GATES`: the check, its sentences, what red does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from audit.judge import comparison_checks as comparison
from audit.judge import training_checks as training
from audit.judge.finding import Finding
from audit.judge.verdict import Override
from audit.records import Check, Results

Consequence = Literal["not-valid", "exploratory", "shown"]
"""What a red gate does: withhold the verdict, call the run a first look, or only be shown."""


@dataclass(frozen=True)
class Gate:
    """One question asked before any verdict. The sentences are for the artist."""

    slug: str
    ask: Callable[[Results], Finding | None]
    consequence: Consequence
    yes: str
    no: str
    unknown: str
    some: str = ""
    """Instead of `yes`, where a few cells were left out."""


GATES: tuple[Gate, ...] = (
    Gate(
        "losses-finite",
        training.losses_finite,
        "not-valid",
        yes="Every training ran to its end without a numerical fault.",
        some="Most trainings ran to their end without a numerical fault, and the others were left out.",
        no="Too many trainings broke down with a numerical fault.",
        unknown="There was no training to check.",
    ),
    Gate(
        "adapter-active",
        training.adapter_active,
        "not-valid",
        yes="Every training changed the pictures that the model draws.",
        some="Most trainings changed the pictures that the model draws, and the others were left out.",
        no="Too many trainings left the model's pictures as they were.",
        unknown="There was no trained model to check.",
    ),
    Gate(
        "pictures-not-blank",
        training.pictures_not_blank,
        "not-valid",
        yes="No model drew many blank pictures, or one picture again and again.",
        some="Few models drew many blank or repeated pictures, and those were left out.",
        no="The base model or too many others drew many blank or repeated pictures.",
        unknown="There were no pictures to check.",
    ),
    Gate(
        "cells-complete",
        training.cells_complete,
        "not-valid",
        yes="All of the planned models were trained and scored.",
        some="Enough of the planned models were trained and scored, and the rest was left out of the count.",
        no="Too few of the planned models were trained and scored.",
        unknown="It is not known how many of the planned models were trained.",
    ),
    Gate(
        "metric-separates",
        comparison.metric_separates,
        "not-valid",
        yes="The style score tells your real works from those of other artists.",
        no="The style score does not tell your real works from those of other artists well enough.",
        unknown="There were no works by other artists to test the style score with.",
    ),
    Gate(
        "base-does-not-know",
        comparison.base_does_not_know,
        "not-valid",
        yes="Before it was trained, the model stood clearly nearer to other artists than to you.",
        no="The model may have drawn close to your style before it was trained.",
        unknown="It could not be checked if the model drew in your style before it was trained.",
    ),
    Gate(
        "trigger-neutral",
        comparison.trigger_neutral,
        "shown",
        yes="The made-up style word by itself moves the base model's pictures by less than would count as learning.",
        no="The made-up style word by itself moves the base model's pictures, so it is not empty to this model.",
        unknown="It is not sure if the made-up style word by itself moves the base model's pictures.",
    ),
    Gate(
        "model-learned-style",
        training.model_learned_style,
        "not-valid",
        yes="The model trained on your originals learned from your style, so there was something to protect.",
        no="The model trained on your originals did not clearly learn your style, so no effect could show.",
        unknown="It is not sure that the model trained on your originals learned your style.",
    ),
    Gate(
        "protection-differs",
        comparison.protection_differs,
        "not-valid",
        yes="The protected files differ from your originals.",
        some="Most of the protected files differ from your originals; the others are the same and not protected.",
        no="Most of the protected files are the same as your originals.",
        unknown="It could not be checked if the protected files differ from your originals.",
    ),
    Gate(
        "attack-worked",
        comparison.attack_worked,
        "not-valid",
        yes="The protection made for this test did to most works what its method asks for.",
        no="The protection made for this test missed its own goal on most works, so its method was not tested.",
        unknown="It is not known if the protection made for this test did what its method asks for.",
    ),
    Gate(
        "placebo-weaker",
        comparison.placebo_weaker,
        "not-valid",
        yes="No effect is claimed that plain random noise, at least as strong, would have, too.",
        no="Plain random noise kept the model from learning about as well, so the effect may be due to that.",
        unknown="The test cannot tell the effect from that of plain random noise, at least as strong.",
    ),
    Gate(
        "noise-not-style",
        comparison.noise_not_style,
        "not-valid",
        yes="Noise in the models' pictures does not account for the result.",
        some="Noise in the models' pictures may account for a part of the result, and the answer allows for that.",
        no="The models' pictures are so noisy that their scores say little about style.",
        unknown="It is not known how noisy the models' pictures are.",
    ),
    Gate(
        "no-false-alarm",
        comparison.no_false_alarm,
        "not-valid",
        yes="Where nothing was protected, the test found no clear effect.",
        some="Where nothing was protected, the test found no clear effect; equal trainings differed by rounding only.",
        no="The test found an effect where nothing was protected.",
        unknown="The test was not tried on pictures without any protection.",
    ),
    Gate(
        "planted-success-found",
        comparison.planted_success_found,
        "not-valid",
        yes="Where a full success was planted, the test found it.",
        some="Where a full success was planted, the test found it in part: it may call a full success partly held.",
        no="The test missed a full success that was planted.",
        unknown="The test was not tried on a success that was planted.",
    ),
    Gate(
        "enough-replicates",
        training.enough_replicates,
        "exploratory",
        yes="There were enough training runs for a verdict.",
        no="There were too few training runs for a verdict.",
        unknown="It is not known how many training runs there were.",
    ),
    Gate(
        "calibrated",
        comparison.calibrated,
        "shown",
        yes="This setup was tried on planted truths before, and not surely wrong more often than its ranges allow.",
        no="This setup was tried on planted truths before, and its ranges missed one more often than they allow.",
        unknown="This setup was not tried on planted truths in number, so its error rates are those of theory.",
    ),
    Gate(
        "metrics-agree",
        comparison.metrics_agree,
        "shown",
        yes="Two unlike ways to score style lead to the same verdict; their figures may differ.",
        no="Two unlike ways to score style lead to different verdicts.",
        unknown="There was one way to score style only.",
    ),
)


def check(results: Results) -> tuple[Check, ...]:
    """Ask every gate of a run whose `estimates` are filled; one `Check` for each row of `GATES` that applies to it."""
    asked = ((gate, gate.ask(results)) for gate in GATES)
    return tuple(_answer(gate, found) for gate, found in asked if found is not None)


def override(checks: Iterable[Check]) -> Override | None:
    """What red gates put in the place of the verdict: the first that makes the run not valid, else
    one that makes it a first look, else None."""
    red = {c.slug: c for c in checks if c.passed is False}
    not_valid = [red[g.slug] for g in GATES if g.slug in red and g.consequence == "not-valid"]
    exploratory = [red[g.slug] for g in GATES if g.slug in red and g.consequence == "exploratory"]
    if not_valid:
        return Override("not-valid", not_valid[0])
    return Override("exploratory", exploratory[0]) if exploratory else None


def _answer(gate: Gate, found: Finding) -> Check:
    passed = gate.some if found.exceptions and gate.some else gate.yes
    sentence = gate.unknown if found.passed is None else passed if found.passed else gate.no
    return Check(slug=gate.slug, passed=found.passed, sentence=sentence, detail=found.detail)
