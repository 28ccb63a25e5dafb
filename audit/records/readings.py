"""What a reader is shown beside estimates, checks and verdict: worked out by the judge, not by a report."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from audit.base.messages import Said
from audit.base.record import Record
from audit.records.judged import VerdictLabel, english
from audit.records.ratings import PeopleReading


class Variation(Record):
    """The headline's protection index worked out in one other way."""

    said: Said
    """What was changed."""
    label: str = Field(default_factory=lambda data: english(data.get("said")))
    value: float | None
    low: float | None
    high: float | None
    n: int
    """Paired training runs behind it."""
    verdict: VerdictLabel
    """The answer that this way would give."""


class VariationGroup(Record):
    """Variations of one kind."""

    said: Said
    label: str = Field(default_factory=lambda data: english(data.get("said")))
    variations: tuple[Variation, ...]
    as_planned: bool = False
    low: float | None = None
    """Lowest end of their ranges; None where none has one."""
    high: float | None = None
    """Highest end."""


class ModelScores(Record):
    """Scores of one model's pictures by one metric."""

    condition: str
    """`base` for the model before any training."""
    replicate: int
    """0 for base over all of its pictures; where it drew for each replicate, these rows follow."""
    metric: str
    mean: float | None
    """Over the pictures that base has scores for; of base, every replicate counts the same. None where one of them is
    missing, or the model is left out."""
    quartiles: tuple[float, float, float, float, float] | None
    """Lowest, first quarter, middle, third quarter and highest of all pictures with a score; None without any."""
    pictures: int
    """With a score."""


class SeenChange(Record):
    """How far a condition's pictures are from their originals, over its works."""

    works: int
    linf: float
    """Greatest difference of any value of any work, 0..255."""
    rms: float
    """Middle value over works, 0..255."""
    psnr: float | None
    """dB, middle value over works that changed at all; None when none did."""
    lpips: float | None
    """Middle value over works; None where it was not measured."""
    kept: float | None = None
    """Of the change, what shrinking to the base model's size leaves, middle value over works; see `Visibility.kept`."""
    eye: Said | None = None
    """What `psnr` means to the eye, by a rule of thumb: "hard to notice"."""


class ChosenSetting(Record):
    """What a mimic chose for one half of the runs, by the other half."""

    way: str
    """Condition that he trains on: the claim, or the same under a countermeasure; clean for the unprotected works."""
    setting: str
    """Of the plan's grid."""


class ConditionReading(Record):
    """What a reader is shown of one condition beside its estimates."""

    condition: str
    claim: bool
    """Whether it is a protection, or one under a countermeasure, and so can hold or not."""
    index: str
    """Name of the estimate that its label rests on."""
    lost_shares: dict[int, float]
    """Replicate -> what the condition took away from clean, as a share of the mean gain of clean; their mean is the
    protection index. Complete pairs only; empty when clean gained nothing, and for clean."""
    least_p: float | None
    """The least `p_sign_flip` that as many pairs can give; None with fewer than two."""
    least_holm: float | None = None
    """The least `p_holm` that follows from it; None where one result alone is tested, or without `least_p`."""
    chosen: tuple[ChosenSetting, ...] = ()
    """Of a claim, where a mimic could choose: what he did, by the primary metric."""
    chosen_clean: tuple[ChosenSetting, ...] = ()
    """The same for the unprotected works that it is held against."""
    ways_around: int = Field(0, ge=0)
    """Of a claim: the countermeasures that it was tried under, from which a mimic could choose too."""
    losses: tuple[float | None, ...]
    """Mean training loss over runs, span by span; None where no run had a finite one."""
    seen: SeenChange | None
    """None where no picture was compared with its original."""


class IndexWords(Record):
    """A protection index in the words of the verdict's sentence."""

    name: str
    condition: str
    metric: str
    change: Said
    """"35 % less", to 5 % where the range is wide."""
    range: Said | None
    """"between 10 % and 60 % less"; None without one."""


class ReachedGoal(Record):
    """What an optimised treatment achieved over the works of a condition."""

    condition: str
    step: str
    said: Said
    """What is measured."""
    first: float
    """Before it, middle value over works."""
    last: float
    """After it."""
    works: int


class SignFlips(Record):
    """The headline's lost shares with each run's sign turned both ways: what chance alone gives."""

    condition: str
    observed: float
    """Mean lost share."""
    patterns: int
    as_far: int
    """Patterns whose mean is at least as far from 0 as the observed one."""
    edges: tuple[float, ...]
    """Of the histogram, one more than `counts`."""
    counts: tuple[int, ...]


class ConceptReading(Record):
    """One subject of the training works under one condition."""

    condition: str
    concept: str
    clean: float | None
    """Share of its pictures that show it, by the models trained on the originals."""
    treated: float | None
    """The same under the condition."""
    shift: float | None
    """Clean minus treated over paired training runs, with its interval for this concept alone."""
    low: float | None
    high: float | None
    n: int


class ExtremePair(Record):
    """A pair of pictures, unprotected and under the headline's condition, with the same prompt and noise."""

    place: Literal["best", "middle", "worst"]
    """For the protection, among all pairs in the order of what it took."""
    replicate: int
    prompt: int
    """Place in the plan."""
    noise: int
    clean: float
    """Score by the primary metric."""
    treated: float


class Contrast(Record):
    """Two protections against each other: what one kept more away than the other."""

    more: str
    """The condition that kept more away, by the figure."""
    less: str
    value: float | None
    """Difference of their indices, by the deciding metric and at the mimic's best where he chooses; 0 or above."""
    low: float | None
    high: float | None
    """Of this pair alone, at the plan's level."""
    n: int
    """Runs that both have."""
    p: float | None
    """Two-sided, of a paired t test that both kept the same."""
    p_holm: float | None
    """Adjusted over all pairs of protections."""
    sure: bool
    """Whether the first surely kept more away: by the adjusted p, and by its range."""
    said: Said

    WITHHELD: ClassVar[str] = "contrast.withheld"
    """What is said of a pair that a page shows no figures of."""

    @property
    def withheld(self) -> bool:
        return self.said.id == self.WITHHELD


class BaseRecognised(Record):
    """How many of base's pictures are recognised as this artist's."""

    metric: str
    taken: int
    pictures: int
    """For which the nearest artist is known."""


class Readings(Record):
    """All of it, for one run."""

    headline: str | None
    """The condition that a page opens with: the one that decided, else the first primary, else the first protected."""
    placebo: str | None
    """The placebo that the checks hold a protection against."""
    conditions: tuple[ConditionReading, ...]
    """In the plan's order."""
    index_words: tuple[IndexWords, ...]
    """For every condition and metric with an index, the one that decides included."""
    reached: tuple[ReachedGoal, ...]
    models: tuple[ModelScores, ...]
    """Base first; every metric."""
    real_means: dict[str, float]
    """Metric -> mean score of the artist's real works; a metric without scores is left out."""
    variations: tuple[VariationGroup, ...]
    """The headline's index worked out in other ways, the planned one first; empty without an index."""
    ranges_meet: bool | None = None
    """Whether the ranges of the headline's index by each metric all overlap; None with fewer than two ranges."""
    extremes: tuple[ExtremePair, ...] = ()
    """Of the headline: best, middle and worst; empty with fewer than three pairs."""
    chance: SignFlips | None
    """None with fewer than two paired runs of the headline."""
    concepts: tuple[ConceptReading, ...]
    """For every condition but clean whose pictures' subjects were read."""
    base_recognised: tuple[BaseRecognised, ...]
    subjects_blind: Said | None = None
    """A warning where the subject is found in the unprotected models' pictures no more often than by chance."""
    people: PeopleReading | None = None
    """What people's answers come to; None where nobody was asked."""
    scope: Said | None = None
    """What the verdict speaks of, in one sentence; None where works and prompts were drawn once for all runs."""
    scope_details: tuple[Said, ...] = ()
    """What each run drew anew and what was fixed."""
    contrasts: tuple[Contrast, ...] = ()
    """Every pair of protections; () with fewer than two."""
    can_tell: tuple[Said, ...] = ()
    """What a test of this size can tell, and what more works, prompts or runs would buy."""


class GroupMeans(Record):
    """`score`: the means of the units of one group, by the primary metric."""

    group: str
    pictures: int
    means: tuple[float, ...]
    """One for each unit that has a score."""


class ScoreReadings(Record):
    """What a reader of a score is shown beside estimates, checks and verdict."""

    real_mean: float | None
    """Mean score of the artist's real works by the primary metric; None without any."""
    others_mean: float | None
    """The same of works by others."""
    groups: tuple[GroupMeans, ...]
    """Those that have pictures, the named one first."""
