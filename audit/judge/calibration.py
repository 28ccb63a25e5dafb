"""Many audits of planted truths -> one card of error rates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from audit.base.errors import BadInput
from audit.base.messages import render, say
from audit.judge.claim_labels import index_name
from audit.judge.comparison_checks import is_alarm
from audit.judge.estimates import find, metric_names
from audit.judge.gains import clean_name, gains
from audit.judge.intervals import Interval
from audit.judge.quantities import POWER
from audit.judge.significance import detectable_effect, rate_upper_bound
from audit.records import (
    SCHEMA_VERSION,
    CalibrationCard,
    Condition,
    Estimate,
    Margins,
    Plan,
    PlantedTruth,
    Results,
    RunSpread,
    VerdictLabel,
    canonical_json,
)
from audit.records.calibration import KNOWN_BY_OTHERS, Planted

TRUTHS: tuple[Planted, ...] = ("same-pixels", "same-pictures", "same-works", "part-works", "dose", "other-works")
"""What is planted, in the order of a card; what the true index of each is stands in the catalogue under
`truth.<name>`: a number, or the label that a full success must get."""
A_TENTH = 0.1
_FIXED: dict[Planted, float] = {"same-pixels": 0.0, "same-pictures": 0.0, "same-works": 0.0}
"""The true index where it is known beforehand."""
Range = tuple[float, float, float]
"""Index, lower and upper bound."""
Row = TypeVar("Row", PlantedTruth, RunSpread)
MOST_REPLICATES = 1000


def setup_digest(plan: Plan) -> str:
    """What a run shares with the calibration that it may cite: model, preset, settings and the grid of them, metrics,
    level, draws."""
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
    if plan.drawn_with is not None:
        shared["drawn_with"] = plan.drawn_with.sha256
    if plan.grid.others:
        shared["grid"] = plan.grid.model_dump(mode="json")
    if plan.draws:
        # Error rates of works and prompts drawn once say nothing about those of works and prompts drawn by every run.
        shared["drawn"] = "by replicate"
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
    planned = {c.name: _planted(c) for results in audits for c in results.plan.conditions}
    names = {name: planted for planted in TRUTHS for name, own in planned.items() if own == planted}
    metrics = metric_names(audits[0])
    indices = dict.fromkeys(("protection_index", index_name(plan)))
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
        margins=plan.margins,
        artists=tuple(dict.fromkeys(results.plan.artist for results in audits)),
        audits=len(unlike),
        truths=tuple(
            _truth(audits, name, planted, metric=metric, index=index)
            for metric in metrics
            for name, planted in names.items()
            for index in indices
        ),
        spread=tuple(row for metric in metrics for row in _spread(audits, names, metric)),
        plans=tuple(results.plan.digest() for results in audits),
        draws=tuple(_draw(results) for results in unlike),
    )


def pool_cards(cards: Sequence[CalibrationCard], *, created: str) -> CalibrationCard:
    """The card that `make_card` would have made of the audits of several cards, from the cards alone.

    Raises:
        BadInput: `cards-differ`, of more than one setup or version of the tool, that share audits, or do not tell them.
    """
    first = cards[0]
    if len({(card.setup, card.tool_version, card.margins.model_dump_json()) for card in cards}) != 1:
        raise BadInput("cards-differ")
    if any(len(card.draws) != card.audits for card in cards):
        raise BadInput("cards-differ.untold")
    draws = [draw for card in cards for draw in card.draws]
    if len(set(draws)) != len(draws):
        raise BadInput("cards-differ.shared")
    known = {row.condition: row.planted for card in cards for row in card.truths}
    indices = list(dict.fromkeys(row.index for card in cards for row in card.truths))
    by_index = [[row for card in cards for row in card.truths if row.index == index] for index in indices]
    truths = _in_turn([_gathered(rows, known) for rows in by_index])
    spreads = _gathered([row for card in cards for row in card.spread], known)
    return first.model_copy(
        update={
            "schema_version": SCHEMA_VERSION,
            "created": created,
            "artists": tuple(dict.fromkeys(artist for card in cards for artist in card.artists)),
            "audits": len(draws),
            "truths": tuple(_pooled_truth(rows, level=first.level, margins=first.margins) for rows in truths),
            "spread": tuple(
                _pooled_spread(rows, level=first.level, planted=rows[0].condition in known) for rows in spreads
            ),
            "plans": tuple(plan for card in cards for plan in card.plans),
            "draws": tuple(draws),
        }
    )


def _in_turn(by_index: Sequence[list[list[PlantedTruth]]]) -> list[list[PlantedTruth]]:
    """Rows of one truth and metric beside each other, whatever the index; all lists are in one order."""
    places = {(rows[0].metric, rows[0].condition): place for place, rows in enumerate(by_index[0])}
    flat = [rows for found in by_index for rows in found]
    return sorted(flat, key=lambda rows: places[rows[0].metric, rows[0].condition])


def _gathered(rows: Sequence[Row], known: Mapping[str, Planted | None]) -> list[list[Row]]:
    """Rows of one metric and condition together: metrics as they come, clean first, controls as in `TRUTHS`.

    Args:
        known: what each control is by construction.
    """
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.metric, row.condition), []).append(row)
    metrics = list(dict.fromkeys(metric for metric, _ in found))

    def place(key: tuple[str, str]) -> tuple[int, int]:
        return metrics.index(key[0]), TRUTHS.index(truth) if (truth := known.get(key[1])) is not None else -1

    return [found[key] for key in sorted(found, key=place)]


def _pooled_truth(rows: Sequence[PlantedTruth], *, level: float, margins: Margins) -> PlantedTruth:
    audits, wrong = sum(row.audits for row in rows), sum(row.wrong for row in rows)
    alarms, too_sure = sum(row.alarms for row in rows), sum(row.too_sure for row in rows)
    ranges = tuple(found for row in rows for found in row.ranges)
    given = tuple(label for row in rows for label in row.words)
    known = [(row.audits, row.mean, row.deviation or 0.0) for row in rows if row.mean is not None]
    mean = sum(n * of for n, of, _ in known) / audits if known else None
    deviation = None
    if mean is not None and audits > 1:
        # Squares about the common mean: those within each card, and each card's mean about it.
        squares = sum((n - 1) * spread**2 + n * (of - mean) ** 2 for n, of, spread in known)
        deviation = (squares / (audits - 1)) ** 0.5
    if rows[0].planted in KNOWN_BY_OTHERS:
        # With more audits beside it, each is held against another mean.
        wrong = alarms = misses(ranges)
    if given and rows[0].planted is not None and rows[0].planted not in _FIXED:
        too_sure = surer_than_true(given, means_of_others(ranges), margins)
    return rows[0].model_copy(
        update={
            "audits": audits,
            "wrong": wrong,
            "rate_at_most": rate_upper_bound(wrong, audits, level=level),
            "alarms": alarms,
            "mean": mean,
            "deviation": deviation,
            "ranges": ranges,
            "words": given,
            "too_sure": too_sure,
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


def _planted(condition: Condition) -> Planted | None:
    """What a condition of a calibration is; a reference protection is a dose of a known attack."""
    return "dose" if condition.role == "protected" and condition.source == "originals" else condition.truth


def _truth(audits: Sequence[Results], name: str, planted: Planted, *, metric: str, index: str) -> PlantedTruth:
    plan = audits[0].plan
    rows = [(results, find(results, index, name, metric)) for results in _unlike(audits, name)]
    known = [(results, row) for results, row in rows if row.low is not None and row.high is not None]
    ranges = tuple((row.value or 0.0, row.low or 0.0, row.high or 0.0) for _, row in known)
    decides = metric == plan.primary_metric and index == index_name(plan)
    given = _labels([results for results, _ in known], name) if decides else ()
    if planted in KNOWN_BY_OTHERS:
        wrong = alarms = misses(ranges)
    else:
        found = [(results, row) for results, row in known if _wrong(planted, row, results)]
        wrong = len(found)
        alarms = sum(
            planted in ("same-pixels", "other-works") or _is_alarm(row, results.plan.margins) for results, row in found
        )
    true = [_FIXED.get(planted, of_others) for of_others in means_of_others(ranges)]
    values = [value for value, _, _ in ranges]
    return PlantedTruth(
        condition=name,
        label=next(c.label for results in audits for c in results.plan.conditions if c.name == name),
        metric=metric,
        index=index,
        planted=planted,
        truth=render(say(f"truth.{planted}")),
        audits=len(known),
        wrong=wrong,
        rate_at_most=rate_upper_bound(wrong, len(known), level=plan.margins.level),
        alarms=alarms,
        mean=float(np.mean(values)) if values else None,
        deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        ranges=ranges,
        words=given,
        too_sure=surer_than_true(given, true, plan.margins),
    )


def _is_alarm(row: Estimate, margins: Margins) -> bool:
    return is_alarm(Interval(row.value, row.low, row.high, row.n), margins.no_alarm_within)


def _labels(audits: Sequence[Results], name: str) -> tuple[VerdictLabel, ...]:
    """The label that each audit gave a truth; () where one gave none, as audits of before did."""
    found = [results.verdict.per_condition.get(name) for results in audits if results.verdict is not None]
    given = tuple(verdict.label for verdict in found if verdict is not None)
    return given if len(given) == len(audits) else ()


def means_of_others(ranges: Sequence[Range]) -> list[float]:
    """For each audit the mean index of all the others, close to the truth where those are many; 0 for a lone one."""
    total, others = sum(value for value, _, _ in ranges), len(ranges) - 1
    return [(total - value) / others if others else 0.0 for value, _, _ in ranges]


def misses(ranges: Sequence[Range]) -> int:
    """How many audits have a range that leaves out the mean of the others; a lone one misses nothing."""
    others = means_of_others(ranges) if len(ranges) > 1 else []
    return sum(not low <= mean <= high for (_, low, high), mean in zip(ranges, others, strict=bool(others)))


def surer_than_true(given: Sequence[str], true: Sequence[float], margins: Margins) -> int:
    """How many labels claim more protection than there is, or less.

    Args:
        given: the label of each audit; true: its true index.
    """
    above = {"held": margins.held, "held-plain": margins.held, "partly-held": margins.partly}
    return sum(
        index <= above[label] if label in above else label == "did-not-hold" and index >= margins.did_not_hold
        for label, index in zip(given, true, strict=bool(given))
    )


def _wrong(truth: Planted, row: Estimate, results: Results) -> bool:
    assert row.low is not None
    assert row.high is not None
    if truth == "other-works":
        return not row.low > results.plan.margins.held
    if truth == "same-pixels":
        return not row.value == row.low == row.high == 0
    return not row.low <= 0 <= row.high


def _spread(audits: Sequence[Results], names: Mapping[str, Planted], metric: str) -> Iterator[RunSpread]:
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
