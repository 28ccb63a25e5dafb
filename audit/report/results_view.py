"""Answers to "which number, which cell, which name" over a Results record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

from audit.base.errors import BadResults
from audit.base.messages import say
from audit.base.text import printable
from audit.judge import words
from audit.judge.estimates import hardest_placebo
from audit.judge.exclusion import broken
from audit.judge.verdict import deciding_index
from audit.records import Cell, Condition, Estimate, MetricFacts, Results, Verdict, VerdictLabel
from audit.report.custody import Custody
from audit.report.locale import ReportLocale, report_locale


def short_names(loc: ReportLocale) -> dict[str, str]:
    """Column headings for conditions whose names are not words already."""
    return {
        "base": loc.say("never saw your art"),
        "clean": loc.say("unprotected"),
        "protected": loc.say("protected"),
        "placebo": loc.say("random noise"),
        "null": loc.say("tiny change"),
        "clean-again": loc.say("originals again"),
        "identity": loc.say("unchanged copies"),
        "other-artist": loc.say("another artist"),
        "as-published": loc.say("as published"),
        "mixed": loc.say("mixed"),
    }


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
            raise BadResults(
                "results-not-judged",
                "The results hold no verdict, and a report needs one: run `cloakcheck judge` on the run folder first.",
            )
        return self.results.verdict

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
        """The condition that the first screen is about: the one that decided, else the first primary."""
        decided = [c for c in self.tested if c.name == self.verdict.condition]
        protected = [c for c in self.tested if c.role == "protected"]
        return next(iter([*decided, *(c for c in self.tested if c.primary), *protected]), None)

    def word(self, label: VerdictLabel) -> str:
        """A verdict label in a word or two."""
        return self.locale.render(say(f"label.{label}"))

    @cached_property
    def placebo(self) -> Condition | None:
        """The placebo that the checks hold a protection against."""
        name = hardest_placebo(self.results)
        return next((c for c in self.tested if c.name == name), None)

    @cached_property
    def _index(self) -> dict[tuple[str, str, str], Estimate]:
        return {(e.name, e.condition, e.metric): e for e in self.results.estimates}

    def estimate(self, name: str, condition: str, *, metric: str | None = None) -> Estimate | None:
        """The estimate of a condition by the primary metric, or the one named."""
        return self._index.get((name, condition, metric or self.primary))

    def index(self, condition: str) -> Estimate | None:
        """The protection index that the verdict on a condition rests on, by the plan's stopping rule."""
        found = deciding_index(self.results, condition)
        return self.estimate(found.name, condition) or self.estimate("protection_index", condition)

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

    def mean_score(self, condition: str, replicate: int, *, metric: str | None = None) -> float | None:
        """Mean style score of a cell over the pictures that base has scores for.

        None when one of them is missing (a mean over fewer pictures is not comparable to the others), or when
        the plan's rules leave the cell out.
        """
        cell = self.cell(condition, replicate)
        if cell is None or broken(cell, self.results.plan.exclusion):
            return None
        wanted = self._scores("base", 0, metric or self.primary)
        found = self._scores(condition, replicate, metric or self.primary)
        if not wanted or not wanted.keys() <= found.keys():
            return None
        return math.fsum(found[at] for at in wanted) / len(wanted)

    def _scores(self, condition: str, replicate: int, metric: str) -> dict[tuple[int, int], float]:
        key = (condition, replicate, metric)
        if key not in self._kept_scores:
            cell = self.cell(condition, replicate)
            scores = cell.scores if cell else ()
            self._kept_scores[key] = {
                (s.prompt, s.noise): s.value for s in scores if s.metric == metric and s.value is not None
            }
        return self._kept_scores[key]

    @cached_property
    def _kept_scores(self) -> dict[tuple[str, int, str], dict[tuple[int, int], float]]:
        return {}

    def scores(self, condition: str, replicate: int) -> dict[tuple[int, int], float]:
        """Scores of a cell by the primary metric: (prompt, noise) -> score; missing ones are left out."""
        return self._scores(condition, replicate, self.primary)

    def lost_shares(self, condition: str) -> list[float]:
        """What a condition took away in each run with a pair, as shares of the mean gain of unprotected.

        Their mean is the protection index. Empty when the unprotected models gained nothing.
        """
        base = self.mean_score("base", 0)
        runs = range(1, self.results.replicates + 1)
        scored = [(self.mean_score("clean", r), self.mean_score(condition, r)) for r in runs]
        pairs = [(one, other) for one, other in scored if one is not None and other is not None]
        if base is None or not pairs:
            return []
        gain = math.fsum(clean - base for clean, _ in pairs) / len(pairs)
        return [(clean - treated) / gain for clean, treated in pairs] if gain > 0 else []

    @cached_property
    def _short_names(self) -> dict[str, str]:
        return short_names(self.locale)

    def label(self, condition: str) -> str:
        """A condition as a phrase to stand after "trained on", safe to show."""
        if condition == "base":
            return self.locale.say("the model before any training")
        own = next((c for c in self.results.plan.conditions if c.name == condition), None)
        return printable(condition if own is None else self.locale.render(own.words), limit=140)

    def short(self, condition: str) -> str:
        """A condition in a word or two, for headings and figures."""
        first, *rest = printable(condition, limit=60).split("+")
        name, _, argument = first.partition(":")
        # Arguments are kept where two conditions would otherwise look the same.
        names = self._short_names
        word = names.get(name, first)
        alike = sum(c.name.split("+")[0].split(":")[0] == name for c in self.tested if "+" not in c.name)
        if name in names and argument and alike > 1:
            word = f"{word} {argument}"
        return " + ".join([word, *rest])

    def slot(self, condition: str) -> str:
        """Colour class of a condition, the same in every figure; controls are drawn in ink."""
        if condition in ("base", "clean"):
            return condition
        names = [c.name for c in self.tested if c.role != "control"]
        return f"c{names.index(condition) % SLOTS}" if condition in names else "ink"


def change(view: ResultsView, estimate: Estimate) -> str:
    """A protection index in the words of the verdict's sentence, "35 % less"; empty without a value."""
    value = words.shown(estimate)
    return "" if value is None else view.locale.render(words.change(value))


def likely(view: ResultsView, estimate: Estimate) -> str:
    """The range of a protection index in words; empty when there is none."""
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return ""
    return view.locale.say("likely {range}", range=view.locale.render(words.spread(low, high)))
