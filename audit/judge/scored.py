"""`score` judged: checks, then one word by a margin that was fixed before, in plain sentences."""

from __future__ import annotations

import statistics
from typing import Literal, get_args

from audit.base.messages import Said, say
from audit.judge.questions import Finding, Question, ask, clauses, labels_by_metric, strongest
from audit.judge.said_again import score_said_again
from audit.judge.score_estimates import brought_together, delivery, estimate_scores, find_score, groups, unit_means
from audit.records import (
    SCHEMA_VERSION,
    Estimate,
    GroupMeans,
    ScoreGroup,
    ScoreLabel,
    ScoreMargins,
    ScoreReadings,
    ScoreResults,
    ScoreVerdict,
)
from audit.records.rounding import shown

CHANCE = 0.5

Withheld = Literal["not-valid", "described", "exploratory"]
"""Labels that a red check puts in the place of the word, from what withholds most: no answer, nothing to compare with,
a first look."""


def judge_score(results: ScoreResults) -> ScoreResults:
    """A copy with `estimates`, `checks` and `verdict` filled; judging twice gives the same copy."""
    answered = _answered(results)
    return answered.model_copy(update={"readings": _readings(answered)})


def _answered(results: ScoreResults) -> ScoreResults:
    blank = {"schema_version": SCHEMA_VERSION, "checks": (), "verdict": None, "readings": None}
    estimated = results.model_copy(update={**blank, "estimates": estimate_scores(results)})
    checked = estimated.model_copy(update={"checks": ask(SCORE_CHECKS, estimated)})
    return checked.model_copy(update={"verdict": _decide(checked)})


def with_score_readings(results: ScoreResults) -> ScoreResults:
    """A judged score with its readings, which an earlier version did not write; its answers stay as they are.

    Its sentences are said again as `audit.judge.with_readings` does.
    """
    if results.verdict is None or results.readings is not None:
        return results
    told = score_said_again(results, _answered)
    return told.model_copy(update={"readings": _readings(told)})


def _readings(results: ScoreResults) -> ScoreReadings:
    facts = next((m for m in results.metrics if m.name == results.plan.primary_metric), None)
    return ScoreReadings(
        real_mean=statistics.fmean(facts.real) if facts and facts.real else None,
        others_mean=statistics.fmean(facts.others) if facts and facts.others else None,
        groups=tuple(_group_means(results, group) for group in groups(results)),
    )


def _group_means(results: ScoreResults, group: ScoreGroup) -> GroupMeans:
    scored = next((s for s in results.scores if s.metric == results.plan.primary_metric), None)
    means = {} if scored is None else unit_means(results, group, scored.values)
    pictures = len({delivery(p) for p in results.plan.pictures if p.group == group})
    return GroupMeans(group=group, pictures=pictures, means=tuple(means.values()))


def score_label(share: Estimate | None, margins: ScoreMargins) -> ScoreLabel:
    """The word for one share of the way, from its bounds alone: above, below or astride the margin."""
    if share is None or share.low is None or share.high is None:
        return "unclear"
    if share.low > margins.closer:
        return "closer"
    return "not-closer" if share.high < margins.closer else "unclear"


def covered(share: Estimate | None) -> Said:
    """What the name covered, as a sentence without full stop."""
    if share is None or share.value is None:
        return say("score-verdict.not-covered")
    if share.low is None or share.high is None:
        return say("score-verdict.covered-alone", share=shown(share))
    return say("score-verdict.covered", share=shown(share), low=share.low, high=share.high)


# --- checks -------------------------------------------------------------------------------------------


def _separates(results: ScoreResults) -> Finding:
    row, least = find_score(results, "auc", ""), results.plan.margins.min_auc
    if row is None or row.value is None or row.low is None:
        return Finding(None, say("why.no-works"))
    facts = next((m for m in results.metrics if m.name == row.metric), None)
    figures = clauses(
        say("estimate.short", name=row.name, metric=row.metric, value=row.value, low=row.low, high=row.high),
        say("figures.auc", least=least, chance=CHANCE),
        say("figures.other-artists", n=facts.others_artists if facts else 0),
    )
    return Finding(row.value >= least and row.low > CHANCE, figures)


def _own_references(results: ScoreResults) -> Finding:
    count = len(results.plan.reference_artists)
    return Finding(count > 0, say("figures.references", n=count))


def _controls(results: ScoreResults) -> Finding:
    count = sum(p.group == "control" for p in results.plan.pictures)
    return Finding(count > 0, say("figures.controls", n=count))


def _enough(results: ScoreResults) -> Finding:
    scored = next((s for s in results.scores if s.metric == results.plan.primary_metric), None)
    if scored is None or "control" not in groups(results):
        return Finding(None, say("figures.nothing"))
    both = brought_together(*(unit_means(results, g, scored.values) for g in ("named", "control")))
    least = results.plan.margins.min_units
    id = "figures.paired-units" if both.paired else "figures.unpaired-units"
    return Finding(both.units() >= least, say(id, n=both.units(), unit=results.plan.unit, least=least))


def _other_name(results: ScoreResults) -> Finding:
    """Red where the name would be called closer, and not surely more so than another artist's."""
    row = find_score(results, "score_difference", "other-name")
    if row is None or row.low is None:
        return Finding(None, say("figures.no-other-name"))
    figures = say("figures.other-name", metric=row.metric, value=row.value, low=row.low, high=row.high)
    if row.low > 0:
        return Finding(True, figures)
    own = score_label(find_score(results, "closeness_share", "control"), results.plan.margins)
    return Finding(False if own == "closer" else None, clauses(figures, say("figures.lower-needed")))


def _agree(results: ScoreResults) -> Finding:
    found = {
        m: score_label(find_score(results, "closeness_share", "control", metric=m), results.plan.margins)
        for m in results.plan.metrics
    }
    if len(found) < 2 or "control" not in groups(results):
        return Finding(None, say("figures.no-comparison"))
    return Finding(len(set(found.values())) == 1, say("figures.row", parts=labels_by_metric(found)))


SCORE_CHECKS: tuple[Question[ScoreResults, Withheld], ...] = (
    Question("score-separates", _separates, "not-valid"),
    Question("score-other-name", _other_name, "not-valid"),
    Question("score-controls", _controls, "described"),
    Question("score-enough-prompts", _enough, "exploratory"),
    Question("score-references", _own_references, "exploratory"),
    Question("score-metrics-agree", _agree, None),
)


def _decide(results: ScoreResults) -> ScoreVerdict:
    share = find_score(results, "closeness_share", "control")
    red = strongest(SCORE_CHECKS, results.checks, get_args(Withheld))
    separates = next(c for c in results.checks if c.slug == "score-separates")
    if red is not None and red.label == "not-valid":
        return ScoreVerdict(label="not-valid", said=say("score-verdict.not-valid", reason=red.check.said))
    if separates.passed is None or (red is not None and red.label == "described"):
        return ScoreVerdict(label="described", said=say("score-verdict.described"))
    label: ScoreLabel = score_label(share, results.plan.margins) if red is None else red.label
    return ScoreVerdict(label=label, said=say(f"score-verdict.{label}", covered=covered(share)))
