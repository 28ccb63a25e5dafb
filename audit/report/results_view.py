"""Answers to "which number, which cell, which name" over a Results record."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from audit.base.errors import BadResults
from audit.base.messages import Said, say
from audit.base.text import printable
from audit.records import (
    BASE,
    WITHOUT_MARGINS,
    WITHOUT_NUMBER,
    Cell,
    Condition,
    ConditionReading,
    Estimate,
    IndexWords,
    Limited,
    MetricFacts,
    ModelScores,
    Readings,
    Results,
    VariationGroup,
    Verdict,
    VerdictLabel,
)
from audit.records.rounding import wide
from audit.report.custody import Custody
from audit.report.locale import ReportLocale, report_locale

DECIDED: frozenset[VerdictLabel] = frozenset(("held", "held-plain", "partly-held", "did-not-hold"))
"""Words beside which a figure may stand first; beside others its range does, for the figure would claim too much."""
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

    def limits(self, condition: str) -> tuple[Limited, ...]:
        """What made a claim's word more careful than its index alone."""
        found = self.verdict.per_condition.get(condition)
        return found.limited if found else ()

    def reading(self, condition: str) -> ConditionReading:
        """What the judge worked out about a condition of the plan."""
        return self._readings[condition]

    @property
    def primary(self) -> str:
        return self.results.plan.primary_metric

    @property
    def clean(self) -> str:
        """Name of the condition that was trained on the originals."""
        return self.results.plan.clean

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
        own = self.verdict.own_margins and label not in WITHOUT_MARGINS
        return self.locale.render(say(f"label.{label}-own" if own else f"label.{label}"))

    @cached_property
    def by(self) -> str:
        """Who or what the headline's word rests on: a score, or people who saw it too; '' where there is no verdict."""
        if self.verdict.label in ("not-valid", "exploratory") or self.headline is None:
            return ""
        people = self.readings.people
        seen = people is not None and (people.condition, people.answer) == (self.headline.name, "apart")
        id = "by.machine-and-people" if seen else "by.machine"
        return self.locale.render(say(id))

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

    def index(self, condition: str, *, metric: str | None = None) -> Estimate | None:
        """The protection index that the verdict on a condition rests on, by the plan's stopping rule.

        Args:
            metric: the same by another style score than the one that decides.
        """
        name = self.reading(condition).index
        return self.estimate(name, condition, metric=metric) or self.estimate(
            "protection_index", condition, metric=metric
        )

    def withheld(self, condition: str) -> bool:
        """Whether a failed check, of the run or of its own, takes a condition's word and number."""
        found = self.verdict.per_condition.get(condition)
        return "not-valid" in (self.verdict.label, found.label if found else None)

    def told_index(self, condition: str) -> Estimate | None:
        """`index`, where the condition's word stands with a number: the tables for experts keep the others."""
        found = self.verdict.per_condition.get(condition)
        without = self.withheld(condition) or (found is not None and found.label in WITHOUT_NUMBER)
        return None if without else self.index(condition)

    @property
    def variations(self) -> tuple[VariationGroup, ...]:
        """Other ways to work the result out: those by other scores first, which rest on the same index as the planned.

        What the judge lists behind the usual setting is by the usual setting too, and the words of that row say so.
        """
        groups = self.readings.variations
        same = [g for g in groups if g.as_planned or g.said.id == "variation.metric"]
        return (*same, *(g for g in groups if g not in same))

    def metric_estimate(self, name: str, *, metric: str) -> Estimate | None:
        """The estimate of a property of the metric itself (`auc`), whatever condition it is filed under."""
        found = (e for e in self.results.estimates if e.name == name and e.metric == metric)
        return next(found, None)

    @cached_property
    def _cells(self) -> dict[tuple[str, int], Cell]:
        return {(c.condition, c.replicate): c for c in self.results.cells}

    def cell(self, condition: str, replicate: int) -> Cell | None:
        return self._cells.get((condition, self._numbered(condition, replicate)))

    def _numbered(self, condition: str, replicate: int) -> int:
        """Base may have drawn once for all replicates."""
        return self.results.plan.base_of(replicate) if condition == BASE else replicate

    def metric(self, name: str) -> MetricFacts | None:
        return next((m for m in self.results.metrics if m.name == name), None)

    @cached_property
    def _models(self) -> dict[tuple[str, int, str], ModelScores]:
        return {(m.condition, m.replicate, m.metric): m for m in self.readings.models}

    def model(self, condition: str, replicate: int) -> ModelScores | None:
        """Scores of a model's pictures by the primary metric."""
        return self._models.get((condition, self._numbered(condition, replicate), self.primary))

    def mean_score(self, condition: str, replicate: int) -> float | None:
        """Mean style score of a model's pictures; None when one is missing, or the plan's rules leave the model out."""
        model = self.model(condition, replicate)
        return None if model is None else model.mean

    @property
    def base_runs(self) -> tuple[int, ...]:
        """The replicates whose prompts base drew; (0,) where it drew once for all."""
        plan = self.results.plan
        return tuple(dict.fromkeys(plan.base_of(r) for r in range(1, self.results.replicates + 1)))

    def base_mean(self) -> float | None:
        """Mean style score of base's pictures by the primary metric; None without any."""
        model = self._models.get((BASE, 0, self.primary))
        return None if model is None else model.mean

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

    def pictures_of(self, condition: Condition) -> str:
        """What pictures by models of a condition are called beside those of unprotected works.

        Plainly "protected" only where nothing came after the protection.
        """
        if condition.role == "protected":
            return self.locale.say("protected")
        treatment = condition.words.values.get("treatment")
        if condition.of in (None, self.clean) or not condition.treated_by:
            return self.short(condition.name)
        steps = self.locale.render(treatment) if isinstance(treatment, Said) else "+".join(condition.treated_by)
        return printable(self.locale.say("protected, then {treatment}", treatment=steps), limit=140)

    @cached_property
    def _index_words(self) -> dict[tuple[str, str, str], IndexWords]:
        return {(w.name, w.condition, w.metric): w for w in self.readings.index_words}

    def change(self, estimate: Estimate, *, of_style: bool = False) -> str:
        """A protection index in the words of the verdict's sentence, "35 % less"; empty without a value.

        Args:
            of_style: whether "of the style was learned" follows. Else "the same amount" may be read as that of a
                figure nearby, so the page says as much as what.
        """
        found = self._index_words.get((estimate.name, estimate.condition, estimate.metric))
        if found is None:
            return ""
        if found.change.id == "change.none" and not of_style:
            return self.locale.say("as much as unprotected")
        return self.locale.render(found.change)

    def known(self, estimate: Estimate, label: VerdictLabel | None) -> bool:
        """Whether its middle figure may stand first: with a word that decides, and a range that tells something.

        Args:
            label: the word of its condition; None for one that is there to compare.
        """
        looked = label or ("exploratory" if self.verdict.label == "exploratory" else None)
        return (looked is None or looked in DECIDED) and not wide(estimate)

    def likely(self, estimate: Estimate) -> str:
        """The range of a protection index in words; empty when there is none."""
        found = self._index_words.get((estimate.name, estimate.condition, estimate.metric))
        if found is None or found.range is None:
            return ""
        return self.locale.say("likely {range}", range=self.locale.render(found.range))

    def slot(self, condition: str) -> str:
        """Colour class of a condition, the same in every figure; controls are drawn in ink."""
        if condition == BASE:
            return "base"
        if condition == self.clean:
            return "clean"
        names = [c.name for c in self.tested if c.role != "control"]
        return f"c{names.index(condition) % SLOTS}" if condition in names else "ink"
