"""A judged score with lookups, and the names of its groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from audit.base.errors import BadResults
from audit.base.messages import say
from audit.records import Estimate, MetricFacts, Recognition, ScoreGroup, ScoreReadings, ScoreResults, ScoreVerdict
from audit.report.locale import ReportLocale

SLOTS: dict[ScoreGroup, str] = {"named": "c0", "control": "base", "other-name": "c1"}
"""Colour of each group's marks."""


@dataclass(frozen=True)
class ScoreView:
    """A judged score; every answer may be None, because pictures may be missing."""

    results: ScoreResults
    locale: ReportLocale

    @cached_property
    def verdict(self) -> ScoreVerdict:
        """The verdict. Raises BadResults when nobody has judged the results."""
        if self.results.verdict is None:
            raise BadResults("results-not-judged")
        return self.results.verdict

    @cached_property
    def readings(self) -> ScoreReadings:
        """What the judge worked out beside the estimates. Raises BadResults when nobody has judged the results."""
        if self.results.readings is None:
            raise BadResults("results-not-judged")
        return self.results.readings

    @property
    def word(self) -> str:
        """The verdict in a word or two."""
        return self.locale.render(say(f"score-label.{self.verdict.label}"))

    @cached_property
    def groups(self) -> tuple[ScoreGroup, ...]:
        """Those that have pictures, the named one first."""
        return tuple(g for g in SLOTS if any(p.group == g for p in self.results.plan.pictures))

    @cached_property
    def metric(self) -> MetricFacts | None:
        """What is known of the primary metric."""
        return next((m for m in self.results.metrics if m.name == self.results.plan.primary_metric), None)

    @cached_property
    def recognition(self) -> Recognition | None:
        """By the primary metric."""
        return next((r for r in self.results.recognition if r.metric == self.results.plan.primary_metric), None)

    def estimate(self, name: str, group: str) -> Estimate | None:
        """By the primary metric."""
        wanted = (name, group, self.results.plan.primary_metric)
        return next((e for e in self.results.estimates if (e.name, e.condition, e.metric) == wanted), None)

    def unit_means(self, group: ScoreGroup) -> tuple[float, ...]:
        """Mean score of each unit (prompt, or prompt and session) of a group, by the primary metric."""
        return next((g.means for g in self.readings.groups if g.group == group), ())


def group_name(loc: ReportLocale, group: ScoreGroup) -> str:
    """A group in a word or two."""
    names: dict[ScoreGroup, str] = {
        "named": loc.say("with the name"),
        "control": loc.say("without the name"),
        "other-name": loc.say("with another name"),
    }
    return names[group]


def group_words(loc: ReportLocale, group: ScoreGroup) -> str:
    """A group as the beginning of a sentence."""
    words: dict[ScoreGroup, str] = {
        "named": loc.say("Pictures asked for with the name"),
        "control": loc.say("Pictures asked for without it"),
        "other-name": loc.say("Pictures asked for with another artist's name"),
    }
    return words[group]
