"""What many audits of planted truths showed about one base model and preset."""

from __future__ import annotations

from pydantic import Field

from audit.base.messages import Said, words
from audit.base.record import Digest, Record
from audit.records.versions import Versioned


class PlantedTruth(Record):
    """One control, by one metric, over all audits of the calibration."""

    condition: str
    label: Said = Field(default_factory=lambda data: words("{name}", name=data["condition"]))
    """It in a word or two, as in the plans of the audits."""
    metric: str
    truth: str
    """What the index is by construction: `0 exactly`, `0`, or surely above the margin of `held`."""
    audits: int
    """Audits in which the control had an interval."""
    wrong: int
    """Audits in which the instrument was wrong: an interval that excludes 0 (`null`, `clean-again`),
    anything but 0 (`identity`), a planted success that would not be called held (`other-artist`)."""
    rate_at_most: float
    """Exact one-sided upper bound (Clopper & Pearson, 1934) of the rate of `wrong`."""
    alarms: int
    """Of the wrong ones, those that the gate of an audit would have stopped."""
    mean: float | None
    """Mean protection index over the audits."""
    deviation: float | None
    """Standard deviation of the index between audits."""


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
    artists: tuple[str, ...]
    audits: int
    truths: tuple[PlantedTruth, ...]
    spread: tuple[RunSpread, ...]
    plans: tuple[Digest, ...] = Field(repr=False)
    """Digests of the audits' plans."""
    draws: tuple[Digest, ...] = Field((), repr=False)
    """Digests of each audit's works and seed: with the setup, all that its trainings are drawn from."""
