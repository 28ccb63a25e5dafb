"""The table of numbers: name, unit, how each is worked out in words, and from arrays.

The training run is the unit of every comparison between conditions: the arrays hold one gain per
run. `COMPARISONS` are a condition against clean, `METRIC_FACTS` concern one metric and clean alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from audit.base.messages import Said, catalogue, say
from audit.judge.intervals import (
    BOOTSTRAP_RESAMPLES,
    NO_GAIN,
    NO_RUNS,
    ONE_RUN,
    Array,
    Interval,
    divided,
    mean_interval,
    rate_interval,
    ratio_bootstrap,
    ratio_interval,
    ratio_over_prompts,
)
from audit.judge.separation import NO_WORKS, auc, base_position
from audit.judge.significance import (
    EXACT_UP_TO,
    RESAMPLES,
    chance_index_at_least,
    chance_not_equivalent,
    detectable_effect,
    sign_flip,
)
from audit.judge.variance_components import Components, components, run_deviation
from audit.records import BASE

T = TypeVar("T")

POWER = 0.8
"""Chance of detection that the smallest detectable effect is stated for."""


@dataclass(frozen=True)
class Gained:
    """Gains of one condition by one metric, (n,), whether or not clean has the same replicates."""

    gains: Array
    level: float


@dataclass(frozen=True)
class Comparison:
    """Gains of one condition beside those of clean, by one metric, paired by replicate."""

    clean: Array
    treated: Array
    by_prompt: Array
    """What the condition lost against clean, (n, prompts)."""
    level: float
    margin: float
    """The plan's `did_not_hold`."""
    rng: np.random.Generator
    least_resampled: int
    """Replicates, with fewer of which there are no bounds by resampling."""

    @property
    def lost(self) -> Array:
        """Gain that the condition took away in each replicate, (n,)."""
        return self.clean - self.treated


@dataclass(frozen=True)
class Excess:
    """Gains of a protection beside those of the placebo and of clean, all (n,), paired by replicate."""

    clean: Array
    placebo: Array
    treated: Array
    level: float


@dataclass(frozen=True)
class Noise:
    """Noise of the pictures of each model, levels of 255: of one condition, and beside clean paired by replicate."""

    own: Array
    clean: Array
    treated: Array
    level: float


@dataclass(frozen=True)
class Paired:
    """Gains of a condition beside those of what it is compared with, (n,) or (n, prompts), paired by replicate."""

    clean: Array
    treated: Array
    level: float


@dataclass(frozen=True)
class MetricInputs:
    """One metric: gains of clean, base's pictures and the scores of real works."""

    clean: Array
    ways: Array
    """From base to the real works, (n,), by replicate of clean; NaN where it is not known."""
    drawn: bool
    """Whether each replicate has base, prompts and held-out works of its own."""
    base_by_prompt: Array
    real: Array
    others: Array
    others_units: int
    level: float


@dataclass(frozen=True)
class Quantity(Generic[T]):
    """One number of the table: its name, unit, how it is worked out in words, and from arrays."""

    name: str
    unit: str
    how: Said
    compute: Callable[[T], Interval]


def how_of(quantity: Quantity[T], *, drawn: bool) -> Said:
    """How a number is worked out; in other words where every replicate draws works and prompts of its own."""
    own = f"{quantity.how.id}-drawn"
    return say(own) if drawn and own in catalogue() else quantity.how


def _index(c: Comparison) -> Interval:
    return ratio_interval(c.lost, c.clean, level=c.level)


def _paired_index(x: Paired) -> Interval:
    return ratio_interval(x.clean - x.treated, x.clean, level=x.level)


def _smallest_index(c: Comparison, *, runs: int = 1, pictures: int = 1) -> Interval:
    """Smallest detectable index with `runs` times as many replicates, `pictures` times as many pictures."""
    n = len(c.lost)
    if n < 2:
        return Interval(None, None, None, n, ONE_RUN if n else NO_RUNS)
    gain = float(c.clean.mean())
    # The spread as it is needs no model of where it comes from; only more pictures do.
    deviation = float(c.lost.std(ddof=1))
    if pictures > 1:
        fewer = run_deviation(c.by_prompt, pictures=pictures)
        if isinstance(fewer, Interval):
            return fewer
        # Chance can make the noise look larger than the spread that it is part of.
        deviation = min(max(fewer, deviation / pictures**0.5), deviation)
    if not gain > 0:
        return Interval(None, None, None, n, NO_GAIN)
    if deviation == 0:
        return Interval(None, None, None, n, say("why.no-spread"))
    smallest = detectable_effect(deviation=deviation, n=runs * n, level=c.level, power=POWER)
    return Interval(smallest / gain, None, None, n)


def _component(c: Comparison, part: Callable[[Components], float]) -> Interval:
    found = components(c.by_prompt)
    return found if isinstance(found, Interval) else Interval(part(found), None, None, len(c.lost))


def _learned_share(f: MetricInputs) -> Interval:
    if np.isnan(f.ways).any() or not len(f.ways):
        return Interval(None, None, None, len(f.clean), NO_WORKS if len(f.ways) else NO_RUNS)
    if not f.ways.mean() > 0:
        return Interval(None, None, None, len(f.clean), say("why.base-as-near"))
    if f.drawn:
        return ratio_interval(f.clean, f.ways, level=f.level)
    return divided(mean_interval(f.clean, level=f.level), float(f.ways.mean()))


GAIN: Quantity[Gained] = Quantity(
    "gain",
    "score",
    say("how.gain"),
    lambda g: mean_interval(g.gains, level=g.level),
)

RECOGNISED: Quantity[Gained] = Quantity(
    "recognised_rate",
    "share",
    say("how.recognised"),
    lambda g: rate_interval(g.gains, level=g.level),
)

COMPARISONS: tuple[Quantity[Comparison], ...] = (
    Quantity(
        "gain_difference",
        "score",
        say("how.gain-difference"),
        lambda c: mean_interval(c.lost, level=c.level),
    ),
    Quantity(
        "protection_index",
        "share",
        say("how.protection-index"),
        _index,
    ),
    Quantity(
        "protection_index_bootstrap",
        "share",
        say("how.protection-index-bootstrap", resamples=BOOTSTRAP_RESAMPLES),
        lambda c: ratio_bootstrap(c.lost, c.clean, level=c.level, rng=c.rng, least=c.least_resampled),
    ),
    Quantity(
        "p_sign_flip",
        "probability",
        say("how.p-sign-flip", exact=EXACT_UP_TO, resamples=RESAMPLES),
        lambda c: sign_flip(c.lost, rng=c.rng),
    ),
    Quantity(
        "mde_protection_index",
        "share",
        say("how.mde-protection-index", power=POWER),
        _smallest_index,
    ),
    Quantity(
        "mde_twice_replicates",
        "share",
        say("how.mde-twice-replicates"),
        lambda c: _smallest_index(c, runs=2),
    ),
    Quantity(
        "mde_twice_pictures",
        "share",
        say("how.mde-twice-pictures"),
        lambda c: _smallest_index(c, pictures=2),
    ),
    Quantity(
        "p_index_at_least_margin",
        "probability",
        say("how.p-index-at-least-margin"),
        lambda c: chance_index_at_least(c.clean, c.treated, margin=c.margin),
    ),
    Quantity(
        "p_not_equivalent",
        "probability",
        say("how.p-not-equivalent"),
        lambda c: chance_not_equivalent(c.clean, c.treated, margin=c.margin),
    ),
    Quantity(
        "variance_replicate",
        "score squared",
        say("how.variance-replicate"),
        lambda c: _component(c, lambda v: v.replicate),
    ),
    Quantity(
        "variance_prompt",
        "score squared",
        say("how.variance-prompt"),
        lambda c: _component(c, lambda v: v.prompt),
    ),
    Quantity(
        "variance_noise",
        "score squared",
        say("how.variance-noise"),
        lambda c: _component(c, lambda v: v.noise),
    ),
)

PLACEBO_EXCESS: Quantity[Excess] = Quantity(
    "placebo_excess",
    "share",
    say("how.placebo-excess"),
    lambda e: ratio_interval(e.placebo - e.treated, e.clean, level=e.level),
)

TONE_PLACEBO_EXCESS: Quantity[Excess] = replace(
    PLACEBO_EXCESS, name="tone_placebo_excess", how=say("how.tone-placebo-excess")
)

PICTURE_NOISE: Quantity[Noise] = Quantity(
    "picture_noise",
    "levels",
    say("how.picture-noise"),
    lambda x: mean_interval(x.own, level=x.level),
)

NOISE_EXCESS: Quantity[Noise] = Quantity(
    "noise_excess",
    "levels",
    say("how.noise-excess"),
    lambda x: mean_interval(x.treated - x.clean, level=x.level),
)

EQUAL_NOISE: Quantity[Paired] = Quantity(
    "index_at_equal_noise",
    "share",
    say("how.index-at-equal-noise"),
    _paired_index,
)

EQUAL_TONE: Quantity[Paired] = Quantity(
    "index_at_equal_tone",
    "share",
    say("how.index-at-equal-tone"),
    _paired_index,
)

EQUAL_TREATMENT: Quantity[Paired] = Quantity(
    "index_at_equal_treatment",
    "share",
    say("how.index-at-equal-treatment"),
    _paired_index,
)

OVER_PROMPTS: Quantity[Paired] = Quantity(
    "index_over_prompts",
    "share",
    say("how.index-over-prompts"),
    lambda x: ratio_over_prompts(x.clean - x.treated, x.clean, level=x.level),
)

METRIC_FACTS: tuple[tuple[str, Quantity[MetricInputs]], ...] = (
    (
        "clean",
        Quantity(
            "learned_share",
            "share",
            say("how.learned-share"),
            _learned_share,
        ),
    ),
    (
        "",
        Quantity(
            "auc",
            "probability",
            say("how.auc"),
            lambda f: auc(f.real, f.others, others_units=f.others_units, level=f.level),
        ),
    ),
    (
        BASE,
        Quantity(
            "base_position",
            "share",
            say("how.base-position"),
            lambda f: base_position(f.base_by_prompt, f.real, f.others, others_units=f.others_units, level=f.level),
        ),
    ),
)
