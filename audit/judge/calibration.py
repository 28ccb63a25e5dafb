"""Many audits of planted truths -> one card of error rates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from audit.judge.comparison_checks import is_alarm
from audit.judge.estimates import find, index_interval, metric_names
from audit.judge.gains import clean_name, gains
from audit.judge.quantities import POWER
from audit.judge.significance import detectable_effect, rate_upper_bound
from audit.records import (
    SCHEMA_VERSION,
    CalibrationCard,
    Estimate,
    Plan,
    PlantedTruth,
    Results,
    RunSpread,
    Truth,
    canonical_json,
)

TRUTHS: dict[Truth, str] = {
    "same-pixels": "0 exactly",
    "same-pictures": "0",
    "same-works": "0",
    "other-works": "held",
}
"""What the true index of each planted truth is: a number, or the label that a full success must get."""
A_TENTH = 0.1
Row = TypeVar("Row", PlantedTruth, RunSpread)
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
    planned = {c.name: c.truth for results in audits for c in results.plan.conditions}
    names = {name: truth for truth in TRUTHS for name, own in planned.items() if own == truth}
    metrics = metric_names(audits[0])
    unlike = _unlike(audits, clean_name(audits[0]))
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
        audits=len(unlike),
        truths=tuple(_truth(audits, name, truth, metric) for metric in metrics for name, truth in names.items()),
        spread=tuple(row for metric in metrics for row in _spread(audits, names, metric)),
        plans=tuple(results.plan.digest() for results in audits),
        draws=tuple(_draw(results) for results in unlike),
    )


def pool_cards(cards: Sequence[CalibrationCard], *, created: str) -> CalibrationCard:
    """The card that `make_card` would have made of the audits of several cards, from the cards alone.

    Raises:
        ValueError: cards of more than one setup or version of the tool, that share audits, or that do not tell them.
    """
    first = cards[0]
    if len({(card.setup, card.tool_version) for card in cards}) != 1:
        raise ValueError("cards of more than one setup or version")
    if any(len(card.draws) != card.audits for card in cards):
        raise ValueError("a card that does not tell its audits apart")
    draws = [draw for card in cards for draw in card.draws]
    if len(set(draws)) != len(draws):
        raise ValueError("cards that share audits")
    known = {row.condition: row.truth for card in cards for row in card.truths}
    truths = _gathered([row for card in cards for row in card.truths], known)
    spreads = _gathered([row for card in cards for row in card.spread], known)
    return first.model_copy(
        update={
            "schema_version": SCHEMA_VERSION,
            "created": created,
            "artists": tuple(dict.fromkeys(artist for card in cards for artist in card.artists)),
            "audits": len(draws),
            "truths": tuple(_pooled_truth(rows, level=first.level) for rows in truths),
            "spread": tuple(
                _pooled_spread(rows, level=first.level, planted=rows[0].condition in known) for rows in spreads
            ),
            "plans": tuple(plan for card in cards for plan in card.plans),
            "draws": tuple(draws),
        }
    )


def _gathered(rows: Sequence[Row], known: Mapping[str, str]) -> list[list[Row]]:
    """Rows of one metric and condition together: metrics as they come, clean first, controls as in `TRUTHS`.

    Args:
        known: the true index of each control.
    """
    order = list(TRUTHS.values())
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.metric, row.condition), []).append(row)
    metrics = list(dict.fromkeys(metric for metric, _ in found))

    def place(key: tuple[str, str]) -> tuple[int, int]:
        return metrics.index(key[0]), order.index(known[key[1]]) if key[1] in known else -1

    return [found[key] for key in sorted(found, key=place)]


def _pooled_truth(rows: Sequence[PlantedTruth], *, level: float) -> PlantedTruth:
    audits, wrong = sum(row.audits for row in rows), sum(row.wrong for row in rows)
    known = [(row.audits, row.mean, row.deviation or 0.0) for row in rows if row.mean is not None]
    mean = sum(n * of for n, of, _ in known) / audits if known else None
    deviation = None
    if mean is not None and audits > 1:
        # Squares about the common mean: those within each card, and each card's mean about it.
        squares = sum((n - 1) * spread**2 + n * (of - mean) ** 2 for n, of, spread in known)
        deviation = (squares / (audits - 1)) ** 0.5
    return rows[0].model_copy(
        update={
            "audits": audits,
            "wrong": wrong,
            "rate_at_most": rate_upper_bound(wrong, audits, level=level),
            "alarms": sum(row.alarms for row in rows),
            "mean": mean,
            "deviation": deviation,
        }
    )


def _pooled_spread(rows: Sequence[RunSpread], *, level: float, planted: bool) -> RunSpread:
    degrees = sum(row.degrees for row in rows)
    deviation = (sum(row.deviation**2 * row.degrees for row in rows) / degrees) ** 0.5
    needed = replicates_needed(deviation, level=level) if planted else None
    return rows[0].model_copy(update={"deviation": deviation, "degrees": degrees, "replicates_for_a_tenth": needed})


def _draw(results: Results) -> str:
    """Digest of an audit's works and seed."""
    drawn = [sorted(work.pixels for work in results.plan.works), results.plan.seed]
    return hashlib.sha256(canonical_json(drawn).encode("ascii")).hexdigest()


def _unlike(audits: Sequence[Results], name: str) -> list[Results]:
    """The audits that have this condition, one for each set of works and seed."""
    having = [results for results in audits if any(c.name == name for c in results.plan.conditions)]
    return list({_draw(results): results for results in having}.values())


def _truth(audits: Sequence[Results], name: str, truth: Truth, metric: str) -> PlantedTruth:
    rows = [(results, find(results, "protection_index", name, metric)) for results in _unlike(audits, name)]
    known = [(results, row) for results, row in rows if row.low is not None and row.high is not None]
    wrong = [(results, row) for results, row in known if _wrong(truth, row, results)]
    values = [row.value for _, row in known if row.value is not None]
    alarms = 0
    for results, _ in wrong:
        margins = results.plan.margins
        interval = index_interval(results, name, metric, level=margins.level)
        alarms += truth in ("same-pixels", "other-works") or is_alarm(interval, margins.no_alarm_within)
    return PlantedTruth(
        condition=name,
        label=audits[0].plan.condition(name).label,
        metric=metric,
        truth=TRUTHS[truth],
        audits=len(known),
        wrong=len(wrong),
        rate_at_most=rate_upper_bound(len(wrong), len(known), level=audits[0].plan.margins.level),
        alarms=alarms,
        mean=float(np.mean(values)) if values else None,
        deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
    )


def _wrong(truth: Truth, row: Estimate, results: Results) -> bool:
    assert row.low is not None
    assert row.high is not None
    if truth == "other-works":
        return not row.low > results.plan.margins.held
    if truth == "same-pixels":
        return not row.value == row.low == row.high == 0
    return not row.low <= 0 <= row.high


def _spread(audits: Sequence[Results], names: Mapping[str, Truth], metric: str) -> Iterator[RunSpread]:
    clean = clean_name(audits[0])
    for name in (clean, *(n for n, truth in names.items() if truth != "same-pixels")):
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
