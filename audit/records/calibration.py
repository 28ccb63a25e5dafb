"""What many audits of planted truths showed about one base model and preset."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit.base.messages import Said, words
from audit.base.record import Digest, Record
from audit.records.judged import VerdictLabel
from audit.records.plan import Margins, Truth
from audit.records.versions import Versioned

Planted = Literal[Truth, "dose"]
"""What a row of a card is about: a planted truth, or a known attack at one strength (`dose`)."""
KNOWN_BY_OTHERS = ("part-works", "dose")
"""Planted between nothing and all: the true index of one audit is the mean of the other audits."""


class PlantedTruth(Record):
    """One control, by one metric and index, over all audits of the calibration."""

    condition: str
    label: Said = Field(default_factory=lambda data: words("{name}", name=data["condition"]))
    """It in a word or two, as in the plans of the audits."""
    metric: str
    index: str = "protection_index"
    """Which index the row is about: the default setting's, or `index_at_best`."""
    planted: Planted | None = None
    """What it is by construction; None where an older card has a control that is not known any more."""
    truth: str
    """The same in words: what the index is by construction, `0 exactly` or `0`, the label of a full success, or that
    the other audits tell it."""
    audits: int
    """Audits in which the control had an interval."""
    wrong: int
    """Audits in which the instrument was wrong: an interval that excludes 0 (`null`, `clean-again`),
    anything but 0 (`identity`), a planted success that would not be called held (`other-artist`), an interval that
    leaves out the mean of the other audits (`diluted`, attacks of known strength)."""
    rate_at_most: float
    """Exact one-sided upper bound (Clopper & Pearson, 1934) of the rate of `wrong`."""
    alarms: int
    """Of the wrong ones, those that the check of an audit would have stopped."""
    mean: float | None
    """Mean protection index over the audits."""
    deviation: float | None
    """Standard deviation of the index between audits."""
    ranges: tuple[tuple[float, float, float], ...] = Field((), repr=False)
    """Index and its interval in each of the audits; () on cards of before."""
    words: tuple[VerdictLabel, ...] = ()
    """The label that each of these audits gave it; () for an index and a metric that do not decide."""
    too_sure: int = 0
    """Of the labels, those that claim more than is true, or less: held (partly held) where the true index is not above
    the margin, did not hold where it is not below."""


class RunSpread(Record):
    """How much training runs differ, pooled over the audits, as shares of the gain of clean."""

    condition: str
    metric: str
    deviation: float
    """Standard deviation of one paired difference from clean (of one gain, for clean itself)."""
    degrees: int
    """Degrees of freedom behind it."""
    replicates_for_a_tenth: int | None
    """Fewest replicates that find a true index of 0.1 with power 0.8; None beyond 1,000, and for clean."""


class CalibrationCard(Versioned):
    """Error rates of one base model under one preset; later results cite it by its digest."""

    tool_version: str
    created: str
    setup: Digest
    """Of everything that a run must share with this calibration to cite it."""
    model: str
    model_sha256: Digest
    preset: str
    replicates: int
    primary_metric: str
    level: float
    margins: Margins = Margins()
    """By which the labels were given."""
    artists: tuple[str, ...]
    audits: int
    truths: tuple[PlantedTruth, ...]
    spread: tuple[RunSpread, ...]
    plans: tuple[Digest, ...] = Field(repr=False)
    """Digests of the audits' plans."""
    draws: tuple[Digest, ...] = Field((), repr=False)
    """Digests of each audit's works and seed: with the setup, all that its trainings are drawn from."""
