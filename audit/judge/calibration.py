"""Many audits of planted truths -> one card of error rates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from audit.judge.comparison_checks import OTHER_ARTIST, is_alarm
from audit.judge.estimates import find, index_interval, metric_names
from audit.judge.gains import clean_name, gains
from audit.judge.quantities import POWER
from audit.judge.significance import detectable_effect, rate_upper_bound
from audit.records import CalibrationCard, Estimate, Plan, PlantedTruth, Results, RunSpread, canonical_json

TRUTHS = {"identity": "0 exactly", "null": "0", "clean-again": "0", OTHER_ARTIST: "1"}
"""Controls whose true index is known, and what it is."""
A_TENTH = 0.1
MOST_REPLICATES = 1000


def setup_digest(plan: Plan) -> str:
    """What a run shares with the calibration that it may cite: model, preset, settings, metrics, level."""
    shared = {
        "model": plan.model.sha256,
        "preset": plan.preset,
        "replicates": plan.replicates,
        "training": plan.training.model_dump(mode="json"),
        "sampling": plan.sampling.model_dump(mode="json"),
        "metrics": plan.metric_weights,
        "primary_metric": plan.primary_metric,
        "level": plan.margins.level,
        "stopping": plan.stopping.rule,
    }
    return hashlib.sha256(canonical_json(shared).encode("ascii")).hexdigest()


def make_card(audits: Sequence[Results], *, created: str) -> CalibrationCard:
    """The card of judged audits that share one setup.

    Audits of the same works and seed share their trainings, so each truth counts such audits once.

    Raises:
        ValueError: no audits, or audits of more than one setup.
    """
    if len({setup_digest(results.plan) for results in audits}) != 1:
        raise ValueError("a calibration card needs audits of one setup")
    plan = audits[0].plan
    planned = dict.fromkeys(c.name for results in audits for c in results.plan.conditions)
    names = [name for truth in TRUTHS for name in planned if name.partition(":")[0] == truth]
    metrics = metric_names(audits[0])
    return CalibrationCard(
        tool_version=plan.tool_version,
        created=created,
        setup=setup_digest(plan),
        model=plan.model.name,
        model_sha256=plan.model.sha256,
        preset=plan.preset,
        replicates=plan.replicates,
        primary_metric=plan.primary_metric,
        level=plan.margins.level,
        artists=tuple(dict.fromkeys(results.plan.artist for results in audits)),
        audits=len(_unlike(audits, clean_name(audits[0]))),
        truths=tuple(_truth(audits, name, metric) for metric in metrics for name in names),
        spread=tuple(row for metric in metrics for row in _spread(audits, names, metric)),
        plans=tuple(results.plan.digest() for results in audits),
    )


def _unlike(audits: Sequence[Results], name: str) -> list[Results]:
    """The audits that have this condition, one for each set of works and seed."""
    having = [results for results in audits if any(c.name == name for c in results.plan.conditions)]
    return list({(*sorted(w.pixels for w in r.plan.works), r.plan.seed): r for r in having}.values())


def _truth(audits: Sequence[Results], name: str, metric: str) -> PlantedTruth:
    kind = name.partition(":")[0]
    rows = [(results, find(results, "protection_index", name, metric)) for results in _unlike(audits, name)]
    known = [(results, row) for results, row in rows if row.low is not None and row.high is not None]
    wrong = [(results, row) for results, row in known if _wrong(kind, row, results)]
    values = [row.value for _, row in known if row.value is not None]
    alarms = 0
    for results, _ in wrong:
        margins = results.plan.margins
        interval = index_interval(results, name, metric, level=margins.level)
        alarms += kind in ("identity", OTHER_ARTIST) or is_alarm(interval, margins.no_alarm_within)
    return PlantedTruth(
        condition=name,
        metric=metric,
        truth=TRUTHS[kind],
        audits=len(known),
        wrong=len(wrong),
        rate_at_most=rate_upper_bound(len(wrong), len(known), level=audits[0].plan.margins.level),
        alarms=alarms,
        mean=float(np.mean(values)) if values else None,
        deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
    )


def _wrong(kind: str, row: Estimate, results: Results) -> bool:
    assert row.low is not None
    assert row.high is not None
    if kind == OTHER_ARTIST:
        return not row.low > results.plan.margins.held
    if kind == "identity":
        return not row.value == row.low == row.high == 0
    return not row.low <= 0 <= row.high


def _spread(audits: Sequence[Results], names: Sequence[str], metric: str) -> Iterator[RunSpread]:
    clean = clean_name(audits[0])
    for name in (clean, *(n for n in names if n.partition(":")[0] != "identity")):
        squares, degrees = 0.0, 0
        for results in _unlike(audits, name):
            found = gains(results, metric)
            of_clean, of_treated = found.paired(clean, name)
            if len(of_clean) < 2 or not of_clean.mean() > 0:
                continue
            values = (of_clean if name == clean else of_clean - of_treated) / of_clean.mean()
            squares += float(values.var(ddof=1)) * (len(values) - 1)
            degrees += len(values) - 1
        if degrees:
            deviation = (squares / degrees) ** 0.5
            needed = None if name == clean else replicates_needed(deviation, level=audits[0].plan.margins.level)
            yield RunSpread(
                condition=name, metric=metric, deviation=deviation, degrees=degrees, replicates_for_a_tenth=needed
            )


def replicates_needed(deviation: float, *, level: float) -> int | None:
    """Fewest replicates, 2 at least, that find a true index of 0.1 with power 0.8; None beyond 1,000.

    Args:
        deviation: of one paired difference, as a share of the gain of clean.
    """
    low, high = 2, MOST_REPLICATES
    if detectable_effect(deviation=deviation, n=high, level=level, power=POWER) > A_TENTH:
        return None
    while low < high:
        middle = (low + high) // 2
        if detectable_effect(deviation=deviation, n=middle, level=level, power=POWER) <= A_TENTH:
            high = middle
        else:
            low = middle + 1
    return low
