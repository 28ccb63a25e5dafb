"""Answers to "which number, which cell, which name" over a Results record."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from audit.errors import BadResults, printable
from audit.judge.words import change_words, condition_words, range_words
from audit.records import Cell, Condition, Estimate, MetricFacts, Results, Verdict

SHORT = {
    "base": "never saw your art",
    "clean": "unprotected",
    "protected": "protected",
    "placebo": "random noise",
    "null": "tiny change",
    "clean-again": "originals again",
    "identity": "unchanged copies",
    "other-artist": "another artist",
    "as-published": "as published",
}
"""Column headings for conditions whose names are not words already."""
SLOTS = 6
"""Colours for conditions other than base and clean; more conditions than that share them."""


@dataclass(frozen=True)
class Facts:
    """A judged Results record with lookups; every answer may be None, because cells may be missing."""

    results: Results

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

    @cached_property
    def placebo(self) -> Condition | None:
        return next((c for c in self.tested if c.role == "placebo"), None)

    @cached_property
    def _index(self) -> dict[tuple[str, str, str], Estimate]:
        return {(e.name, e.condition, e.metric): e for e in self.results.estimates}

    def estimate(self, name: str, condition: str, *, metric: str | None = None) -> Estimate | None:
        """The estimate of a condition by the primary metric, or the one named."""
        return self._index.get((name, condition, metric or self.primary))

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

        None when one of them is missing: a mean over fewer pictures is not comparable to the others.
        """
        wanted = self._scores("base", 0, metric or self.primary)
        found = self._scores(condition, replicate, metric or self.primary)
        if not wanted or not wanted.keys() <= found.keys():
            return None
        return math.fsum(found[at] for at in wanted) / len(wanted)

    def _scores(self, condition: str, replicate: int, metric: str) -> dict[tuple[int, int], float]:
        cell = self.cell(condition, replicate)
        scores = cell.scores if cell else ()
        return {(s.prompt, s.noise): s.value for s in scores if s.metric == metric and s.value is not None}

    def label(self, condition: str) -> str:
        """A condition as a phrase to stand after "trained on", safe to show."""
        return printable(condition_words(condition), limit=140)

    def short(self, condition: str) -> str:
        """A condition in a word or two, for headings and figures."""
        first, *rest = printable(condition, limit=60).split("+")
        name, _, argument = first.partition(":")
        # Arguments are kept where two conditions would otherwise look the same.
        word = SHORT.get(name, first)
        alike = sum(c.name.split("+")[0].split(":")[0] == name for c in self.tested if "+" not in c.name)
        if name in SHORT and argument and alike > 1:
            word = f"{word} {argument}"
        return " + ".join([word, *rest])

    def slot(self, condition: str) -> str:
        """Colour class of a condition, the same in every figure."""
        if condition in ("base", "clean"):
            return condition
        names = [c.name for c in self.tested]
        return f"c{names.index(condition) % SLOTS}" if condition in names else "ink"


def change(estimate: Estimate) -> str:
    """A protection index in the words of the verdict's sentence, "35 % less"; empty without a value."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        return ""
    # The verdict's sentence rounds to 5 % when the range is wide; two figures for one thing would confuse.
    wide = low is not None and high is not None and high - low >= 0.2
    return change_words(round(value * 20) / 20 if wide else value)


def likely(estimate: Estimate) -> str:
    """The range of a protection index in words; empty when there is none."""
    low, high = estimate.low, estimate.high
    return "" if low is None or high is None else f"likely {range_words(low, high)}"
