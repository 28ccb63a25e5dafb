"""Who counts, and what people's answers come to. Every rule here is fixed before anybody answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.base.messages import Said, say
from audit.judge.estimate_rows import as_estimate
from audit.judge.intervals import Interval
from audit.judge.people.agreement import krippendorff_alpha
from audit.judge.people.preference import preference
from audit.records import Choice, Estimate, ItemKind, PeopleAnswer, PeopleReading, Rater, Ratings, Results

METRIC = "people"
"""Stands where rows about people's answers have the name of their metric."""
MISSES = 1
"""Catch pairs of each kind that a rater may get wrong and still count."""
RIGHT: dict[ItemKind, Choice] = {"told": "clean", "same": "none"}
"""What a rater who looks answers about style: clean's against base, and no difference where there is none."""
SHARE: dict[Choice, float] = {"clean": 1.0, "none": 0.5, "other": 0.0}
CHANCE = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Panel:
    """The raters that count and their answers about the rated condition."""

    ratings: Ratings
    counted: tuple[Rater, ...]
    dropped: tuple[int, ...]
    style: Interval
    quality: Interval
    again: Interval


def _panel(ratings: Ratings, *, level: float) -> _Panel:
    counted = tuple(r for r in ratings.raters if _looks(ratings, r))
    dropped = tuple(r.rater for r in ratings.raters if r not in counted)

    def share(kind: ItemKind, *, quality: bool = False) -> Interval:
        places = _places(ratings, kind)
        runs = np.array([ratings.sheet.items[i].replicate for i in places])
        return preference(_table(counted, places, quality=quality), runs, level=level)

    return _Panel(ratings, counted, dropped, share("pair"), share("pair", quality=True), share("again"))


def _looks(ratings: Ratings, rater: Rater) -> bool:
    """Whether a rater passes the catch pairs."""
    return all(sum(rater.style[i] != right for i in _places(ratings, kind)) <= MISSES for kind, right in RIGHT.items())


def _places(ratings: Ratings, kind: ItemKind) -> list[int]:
    return [i for i, item in enumerate(ratings.sheet.items) if item.kind == kind]


def _table(raters: tuple[Rater, ...], places: list[int], *, quality: bool = False) -> Array:
    rows = [[SHARE[(r.quality if quality else r.style)[i]] for i in places] for r in raters]
    return np.array(rows, dtype=float).reshape(len(raters), len(places))


def people_rows(results: Results) -> tuple[Estimate, ...]:
    """The estimates of people's answers; none where nobody was asked.

    `people_style`, `people_quality`: how often clean's picture was chosen; `people_again`: the same against
    clean-again, where that was shown; `people_alpha_style`, `people_alpha_quality`: how far raters agree.
    """
    ratings, level = results.ratings, results.plan.margins.level
    if ratings is None:
        return ()
    panel = _panel(ratings, level=level)
    shares = [("people_style", panel.style, say("how.people-style"))]
    shares += [("people_quality", panel.quality, say("how.people-quality"))]
    if _places(ratings, "again"):
        shares.append(("people_again", panel.again, say("how.people-again")))
    rows = [_row(ratings, name, found, level, "share", how) for name, found, how in shares]
    for name, quality in (("people_alpha_style", False), ("people_alpha_quality", True)):
        table = _table(panel.counted, _places(ratings, "pair"), quality=quality)
        alpha = krippendorff_alpha(table, scale="ordinal") if len(panel.counted) > 1 else None
        why = say("why.no-agreement") if alpha is None else None
        found = Interval(alpha, None, None, len(panel.counted), why)
        rows.append(_row(ratings, name, found, level, "alpha", say("how.people-alpha")))
    return tuple(rows)


def _row(ratings: Ratings, name: str, found: Interval, level: float, unit: str, how: Said) -> Estimate:
    of = ratings.sheet.condition
    return as_estimate(found, name=name, condition=of, metric=METRIC, level=level, unit=unit, how=how)


def people_answer(results: Results) -> tuple[PeopleAnswer, Said] | None:
    """What people's answers come to, and the sentence for the artist; None where nobody was asked."""
    ratings, margins = results.ratings, results.plan.margins
    if ratings is None:
        return None
    panel = _panel(ratings, level=margins.level)
    answer = _answer(panel, margins.people_prefer, margins.people_raters)
    if answer == "few":
        return answer, say("people.few", raters=len(panel.counted), least=margins.people_raters)
    if answer == "alarm":
        return answer, say("people.alarm")
    found, asked = panel.style, ratings.sheet
    said = say(
        "limit.people" if answer == "as-close" else f"people.{answer}",
        raters=len(panel.counted),
        words=results.plan.condition(asked.condition).words,
        value=found.value,
        low=found.low,
        high=found.high,
    )
    return answer, said


def _answer(panel: _Panel, as_close: float, least: int) -> PeopleAnswer:
    low, high = panel.style.low, panel.style.high
    if len(panel.counted) < least or low is None or high is None:
        return "few"
    again = panel.again
    if again.low is not None and again.high is not None and not again.low <= CHANCE <= again.high:
        return "alarm"
    # Told apart by less than the margin is as close: the careful answer first.
    if high < as_close:
        return "as-close"
    return "apart" if low > CHANCE else "unclear"


def people_reading(results: Results) -> PeopleReading | None:
    """Who was asked and who counts; None where nobody was asked."""
    answered = people_answer(results)
    if results.ratings is None or answered is None:
        return None
    ratings = results.ratings
    panel, pairs = _panel(ratings, level=results.plan.margins.level), _places(ratings, "pair")
    answer, said = answered
    return PeopleReading(
        condition=ratings.sheet.condition,
        answer=answer,
        said=said,
        asked=ratings.sheet.raters,
        given=len(ratings.raters),
        dropped=panel.dropped,
        pairs=len(pairs),
        told=len(_places(ratings, "told")),
        same=len(_places(ratings, "same")),
        again=len(_places(ratings, "again")),
        replicates=len({ratings.sheet.items[i].replicate for i in pairs}),
        sheets=ratings.sheets,
        counts=dict(Counter(r.style[i] for r in panel.counted for i in pairs)),
    )
