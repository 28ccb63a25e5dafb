"""Checks: was the test fair? A row each: the question, and what red does; what is said stands in the catalogue."""

from __future__ import annotations

from typing import get_args

from audit.judge import comparison_checks as comparison
from audit.judge import training_checks as training
from audit.judge.arms import of_the_run, withheld_arms
from audit.judge.questions import Override, Question, ask, strongest
from audit.judge.shared_models import no_shared_models
from audit.judge.verdict import Withheld
from audit.records import Check, Results

CHECKS: tuple[Question[Results, Withheld], ...] = (
    Question("losses-finite", training.losses_finite, "not-valid"),
    Question("adapter-active", training.adapter_active, "not-valid"),
    Question("pictures-not-blank", training.pictures_not_blank, "not-valid"),
    Question("models-apart", no_shared_models, "not-valid"),
    Question("cells-complete", training.cells_complete, "not-valid"),
    Question("metric-separates", comparison.metric_separates, "not-valid"),
    Question("base-does-not-know", comparison.base_does_not_know, "not-valid"),
    Question("trigger-neutral", comparison.trigger_neutral, None),
    Question("model-learned-style", training.model_learned_style, "not-valid"),
    Question("protection-differs", comparison.protection_differs, "not-valid"),
    Question("attack-worked", comparison.attack_worked, "not-valid"),
    Question("placebo-weaker", comparison.placebo_weaker, "not-valid"),
    Question("noise-not-style", comparison.noise_not_style, "not-valid"),
    Question("no-false-alarm", comparison.no_false_alarm, "not-valid"),
    Question("planted-success-found", comparison.planted_success_found, "not-valid"),
    Question("run-finished", training.run_finished, "exploratory"),
    Question("enough-replicates", training.enough_replicates, "exploratory"),
    Question("seed-not-chosen", comparison.seed_not_chosen, "exploratory"),
    Question("calibrated", comparison.calibrated, None),
    Question("court-calibrated", comparison.court_calibrated, "exploratory"),
    Question("metrics-agree", comparison.metrics_agree, None),
)


def check(results: Results) -> tuple[Check, ...]:
    """Ask every question of a run whose `estimates` are filled; one `Check` for each row that applies."""
    return ask(CHECKS, results)


def override(results: Results) -> Override[Withheld] | None:
    """What red checks put in the place of the verdict: the first that makes the run not valid, else one that makes it
    a first look, else None. One that some protections alone failed withholds their words (`audit.judge.arms`)."""
    return strongest(CHECKS, of_the_run(results), get_args(Withheld))


def withheld(results: Results) -> dict[str, Override[Withheld]]:
    """The same of single claims: what takes the place of their words alone."""
    found = {n: strongest(CHECKS, red, get_args(Withheld)) for n, red in withheld_arms(results).items()}
    return {name: override for name, override in found.items() if override is not None}
