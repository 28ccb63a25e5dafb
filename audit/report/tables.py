"""Tables of estimates for experts: the checks' numbers, every condition's, and any reading without a table."""

from __future__ import annotations

from audit.records import Estimate
from audit.report.locale import NBSP, Voice
from audit.report.recognition import RATE
from audit.report.results_view import ResultsView
from audit.report.retold import retold
from audit.report.table import Table

_CHECKS = ("auc", "base_position", "learned_share")
_SCORES = ("gain", "gain_difference")
_INDICES = ("protection_index", "protection_index_bootstrap")
_CHANCES = ("p_sign_flip", "p_holm")
_SMALLEST = "mde_protection_index"
_KNOWN = frozenset((RATE, *_CHECKS, *_SCORES, *_INDICES, *_CHANCES, _SMALLEST))


def check_numbers(facts: ResultsView) -> Table:
    """What the checks on the metrics rest on, one row per metric."""
    v = facts.voice
    rows = []
    for metric in facts.results.plan.metrics:
        known = facts.metric(metric)
        rows.append(
            (
                metric,
                retold(v, known.lineage) if known else v.say("not recorded"),
                _score(v, facts.metric_estimate("auc", metric=metric)),
                _share(v, facts.metric_estimate("base_position", metric=metric)),
                _share(v, facts.metric_estimate("learned_share", metric=metric)),
                str(known.others_artists) if known else v.say("not recorded"),
            )
        )
    head = (
        v.say("Metric"), v.say("Features from"), v.say("Tells you from others (AUC)"),
        v.say("Where the base model stands"), v.say("Share of the way learned"), v.say("Other artists"),
    )  # fmt: skip
    return Table(v.say("What the checks on the metrics rest on"), head, tuple(rows))


def numbers(facts: ResultsView) -> Table:
    """All estimates of every condition by the primary metric."""
    v = facts.voice
    head = (
        v.say("Trained on"), v.say("Gain in score"), v.say("Difference from unprotected"), v.say("Protection index"),
        v.say("By resampling"), v.say("p (sign flip)"), v.say("p (Holm)"), v.say("Smallest effect visible"),
        v.say("Trainings"),
    )  # fmt: skip
    rows = []
    for condition in facts.results.plan.conditions:
        names = (*_SCORES, *_INDICES, *_CHANCES, _SMALLEST)
        found = {name: facts.estimate(name, condition.name) for name in names}
        n = next((str(e.n) for e in found.values() if e is not None), v.say("none"))
        rows.append(
            (
                facts.short(condition.name),
                *(_score(v, found[k]) for k in _SCORES),
                *(_share(v, found[k]) for k in _INDICES),
                *(_chance(v, found[k]) for k in _CHANCES),
                _share(v, found[_SMALLEST]),
                n,
            )
        )
    return Table(v.say("All estimates by {metric}, with their ranges", metric=facts.primary), head, tuple(rows))


def other_readings(facts: ResultsView) -> Table | None:
    """Every estimate with a name that no table above knows: a reading that the judge has gained since."""
    v = facts.voice
    rows = tuple(
        (
            e.name.replace("_", " "),
            facts.short(e.condition) if e.condition else v.say("none"),
            e.metric or v.say("none"),
            _by_unit(v, e),
            str(e.n),
            v.known(e.note).text or v.say("none"),
            retold(v, e.method).text,
        )
        for e in facts.results.estimates
        if e.name not in _KNOWN
    )
    head = (
        v.say("Reading"), v.say("Trained on"), v.say("Metric"), v.say("Value"), v.say("Units counted"), v.say("Note"),
        v.say("How it is worked out"),
    )  # fmt: skip
    return Table(v.say("Other readings"), head, rows) if rows else None


def _by_unit(v: Voice, estimate: Estimate) -> str:
    shares = estimate.unit in ("share", "rate")
    if estimate.unit == "score squared":
        # Spreads of a hundredth: their squares need more digits than scores.
        return v.number(estimate.value, digits=6) if estimate.value is not None else _why(v, estimate)
    if estimate.unit == "probability" and estimate.low is None:
        return _chance(v, estimate)
    return _share(v, estimate) if shares else _score(v, estimate)


def _score(v: Voice, estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return _why(v, estimate)
    return _with_range(v, *(v.number(x) if x is not None else "" for x in _three(estimate)))


def _share(v: Voice, estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return _why(v, estimate)
    return _with_range(v, *(v.percent(x) if x is not None else "" for x in _three(estimate)))


def _three(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.low, estimate.high


def _with_range(v: Voice, value: str, low: str, high: str) -> str:
    if not low or not high:
        return value
    return f"{value} " + v.say("({low} to {high})", low=low, high=high).replace(" ", NBSP)


def _chance(v: Voice, estimate: Estimate | None) -> str:
    return _why(v, estimate) if estimate is None or estimate.value is None else v.p_value(estimate.value)


def _why(v: Voice, estimate: Estimate | None) -> str:
    return v.say("does not apply") if estimate is None else v.known(estimate.note).text or v.missing
