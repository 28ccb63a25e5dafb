"""Answers to "which number, which cell, which name" over a Results record."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from audit.base.errors import BadResults
from audit.base.messages import say
from audit.base.text import printable
from audit.records import (
    Cell,
    Condition,
    ConditionReading,
    Estimate,
    IndexWords,
    MetricFacts,
    ModelScores,
    Readings,
    Results,
    Verdict,
    VerdictLabel,
)
from audit.report.custody import Custody
from audit.report.locale import ReportLocale, report_locale

SLOTS = 6
"""Colours for conditions other than base and clean; more conditions than that share them."""


@dataclass(frozen=True)
class ResultsView:
    """A judged Results record with lookups; every answer may be None, because cells may be missing."""

    results: Results
    locale: ReportLocale = field(default_factory=report_locale)
    custody: Custody | None = None
    """What a bundle knows; None for the report of a run."""

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict. Raises BadResults when nobody has judged the results."""
        if self.results.verdict is None:
            raise BadResults("results-not-judged")
        return self.results.verdict

    @cached_property
    def readings(self) -> Readings:
        """What the judge worked out beside the estimates. Raises BadResults when nobody has judged the results."""
        if self.results.readings is None:
            raise BadResults("results-not-judged")
        return self.results.readings

    @cached_property
    def _readings(self) -> dict[str, ConditionReading]:
        return {reading.condition: reading for reading in self.readings.conditions}

    def reading(self, condition: str) -> ConditionReading:
        """What the judge worked out about a condition of the plan."""
        return self._readings[condition]

    @property
    def primary(self) -> str:
        return self.results.plan.primary_metric

    @cached_property
    def tested(self) -> tuple[Condition, ...]:
        """All conditions but clean: primary ones first, each group in the plan's order."""
        rest = [c for c in self.results.plan.conditions if c.role != "clean"]
        return tuple(sorted(rest, key=lambda c: not c.primary))

    @cached_property
    def headline(self) -> Condition | None:
        """The condition that the first screen is about."""
        return self._condition(self.readings.headline)

    def _condition(self, name: str | None) -> Condition | None:
        return next((c for c in self.results.plan.conditions if c.name == name), None)

    def word(self, label: VerdictLabel) -> str:
        """A verdict label in a word or two."""
        own = self.verdict.own_margins and label not in ("not-valid", "exploratory")
        return self.locale.render(say(f"label.{label}-own" if own else f"label.{label}"))

    @cached_property
    def placebo(self) -> Condition | None:
        """The placebo that the checks hold a protection against."""
        return self._condition(self.readings.placebo)

    @cached_property
    def _index(self) -> dict[tuple[str, str, str], Estimate]:
        return {(e.name, e.condition, e.metric): e for e in self.results.estimates}

    def estimate(self, name: str, condition: str, *, metric: str | None = None) -> Estimate | None:
        """The estimate of a condition by the primary metric, or the one named."""
        return self._index.get((name, condition, metric or self.primary))

    def index(self, condition: str) -> Estimate | None:
        """The protection index that the verdict on a condition rests on, by the plan's stopping rule."""
        return self.estimate(self.reading(condition).index, condition) or self.estimate("protection_index", condition)

    def metric_estimate(self, name: str, *, metric: str) -> Estimate | None:
        """The estimate of a property of the metric itself (`auc`), whatever condition it is filed under."""
        found = (e for e in self.results.estimates if e.name == name and e.metric == metric)
        return next(found, None)

    @cached_property
    def _cells(self) -> dict[tuple[str, int], Cell]:
        return {(c.condition, c.replicate): c for c in self.results.cells}

    def cell(self, condition: str, replicate: int) -> Cell | None:
        return self._cells.get((condition, 0 if condition == "base" else replicate))

    def metric(self, name: str) -> MetricFacts | None:
        return next((m for m in self.results.metrics if m.name == name), None)

    @cached_property
    def _models(self) -> dict[tuple[str, int, str], ModelScores]:
        return {(m.condition, m.replicate, m.metric): m for m in self.readings.models}

    def model(self, condition: str, replicate: int) -> ModelScores | None:
        """Scores of a model's pictures by the primary metric; base has one for all replicates."""
        return self._models.get((condition, 0 if condition == "base" else replicate, self.primary))

    def mean_score(self, condition: str, replicate: int) -> float | None:
        """Mean style score of a model's pictures; None when one is missing, or the plan's rules leave the model out."""
        model = self.model(condition, replicate)
        return None if model is None else model.mean

    def scores(self, condition: str, replicate: int) -> dict[tuple[int, int], float]:
        """Scores of a cell by the primary metric: (prompt, noise) -> score; missing ones are left out."""
        cell = self.cell(condition, replicate)
        scores = cell.scores if cell else ()
        return {(s.prompt, s.noise): s.value for s in scores if s.metric == self.primary and s.value is not None}

    def lost_shares(self, condition: str) -> dict[int, float]:
        """Replicate -> what a condition took away, as a share of the mean gain of unprotected.

        Their mean is the protection index. Empty when the unprotected models gained nothing.
        """
        return self.reading(condition).lost_shares

    def label(self, condition: str) -> str:
        """A condition as a phrase to stand after "trained on", safe to show."""
        found = self._condition(condition)
        # Base is no condition of the plan.
        said = self.locale.say("the model before any training") if found is None else self.locale.render(found.words)
        return printable(said, limit=140)

    def short(self, condition: str) -> str:
        """A condition in a word or two, for headings and figures."""
        found = self._condition(condition)
        said = self.locale.say("never saw your art") if found is None else self.locale.render(found.label)
        return printable(said, limit=60)

    @cached_property
    def _index_words(self) -> dict[tuple[str, str, str], IndexWords]:
        return {(w.name, w.condition, w.metric): w for w in self.readings.index_words}

    def change(self, estimate: Estimate) -> str:
        """A protection index in the words of the verdict's sentence, "35 % less"; empty without a value."""
        found = self._index_words.get((estimate.name, estimate.condition, estimate.metric))
        return self.locale.render(found.change) if found is not None else ""

    def likely(self, estimate: Estimate) -> str:
        """The range of a protection index in words; empty when there is none."""
        found = self._index_words.get((estimate.name, estimate.condition, estimate.metric))
        if found is None or found.range is None:
            return ""
        return self.locale.say("likely {range}", range=self.locale.render(found.range))

    def slot(self, condition: str) -> str:
        """Colour class of a condition, the same in every figure; controls are drawn in ink."""
        if condition in ("base", "clean"):
            return condition
        names = [c.name for c in self.tested if c.role != "control"]
        return f"c{names.index(condition) % SLOTS}" if condition in names else "ink"
