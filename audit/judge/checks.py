"""Gates: was the test fair? A row each: the question, and what red does; what is said stands in the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from audit.judge import comparison_checks as comparison
from audit.judge import training_checks as training
from audit.judge.gate import Gate, Override, ask, strongest
from audit.judge.verdict import Withheld
from audit.records import Check, Results

GATES: tuple[Gate[Results, Withheld], ...] = (
    Gate("losses-finite", training.losses_finite, "not-valid"),
    Gate("adapter-active", training.adapter_active, "not-valid"),
    Gate("pictures-not-blank", training.pictures_not_blank, "not-valid"),
    Gate("cells-complete", training.cells_complete, "not-valid"),
    Gate("metric-separates", comparison.metric_separates, "not-valid"),
    Gate("base-does-not-know", comparison.base_does_not_know, "not-valid"),
    Gate("trigger-neutral", comparison.trigger_neutral, None),
    Gate("model-learned-style", training.model_learned_style, "not-valid"),
    Gate("protection-differs", comparison.protection_differs, "not-valid"),
    Gate("attack-worked", comparison.attack_worked, "not-valid"),
    Gate("placebo-weaker", comparison.placebo_weaker, "not-valid"),
    Gate("noise-not-style", comparison.noise_not_style, "not-valid"),
    Gate("no-false-alarm", comparison.no_false_alarm, "not-valid"),
    Gate("planted-success-found", comparison.planted_success_found, "not-valid"),
    Gate("enough-replicates", training.enough_replicates, "exploratory"),
    Gate("calibrated", comparison.calibrated, None),
    Gate("metrics-agree", comparison.metrics_agree, None),
)


def check(results: Results) -> tuple[Check, ...]:
    """Ask every gate of a run whose `estimates` are filled; one `Check` for each row of `GATES` that applies to it."""
    return ask(GATES, results)


def override(checks: Iterable[Check]) -> Override[Withheld] | None:
    """What red gates put in the place of the verdict: the first that makes the run not valid, else one that makes it
    a first look, else None."""
    return strongest(GATES, checks, get_args(Withheld))
