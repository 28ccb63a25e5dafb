"""`score`: pictures from a closed service beside an artist's works; what is given, found and made of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from audit.base.messages import Said
from audit.base.record import Digest, Record
from audit.records.judged import Check, Estimate, english
from audit.records.made import Bounded, MetricFacts, Recognition
from audit.records.plan import Share
from audit.records.readings import ScoreReadings
from audit.records.results import Provenance
from audit.records.versions import Versioned
from audit.records.works import Note, ReferenceArtist, Work

ScoreGroup = Literal["named", "control", "other-name"]
"""`named`: asked for with the artist's name; `control`: the same prompts without it; `other-name`: with another's."""
ScoreUnit = Literal["prompt", "prompt-session"]
ScoreLabel = Literal["closer", "not-closer", "unclear", "described", "exploratory", "not-valid"]


class ClipFrame(Record):
    """Which moment of a clip a picture is."""

    at: float = Field(ge=0)
    """When the frame is shown, in seconds from the clip's first frame."""
    seconds: float = Field(gt=0)
    """Length of the clip."""


class ServicePicture(Record):
    """One picture that a service made, as the user delivered it, or a frame of a clip that it made."""

    id: str
    """Neutral ASCII id, `g000`, `g001`, ..."""
    group: ScoreGroup
    name: str
    """File name without folder, made printable; for display only."""
    prompt: str
    """Pictures with the same one were asked for with the same words, but for the name."""
    session: str
    """'' unless the user gave one."""
    sha256: Digest
    pixels: Digest
    width: int
    height: int
    lossy: bool
    clip: ClipFrame | None = Field(None, exclude_if=lambda value: value is None)
    """None for a picture. Frames of one clip share its name and `sha256`, and count as one picture of its prompt."""


class ScoreMargins(Record):
    """What the words of `score` mean, fixed before any picture is scored."""

    closer: Share = 0.1
    """Share of the way from the controls to the artist's real works that counts as closer."""
    level: float = Field(0.95, gt=0.5, lt=1)
    min_units: int = Field(6, ge=2, le=1000)
    """Fewest units of each group for a verdict; a sign test of fewer cannot reach 5 %."""
    min_auc: Share = 0.8


class ScorePlan(Versioned):
    """Everything that is fixed before the first picture is scored."""

    kind: Literal["score"] = "score"
    tool_version: str
    artist: str
    """A pseudonym, '' for none."""
    service: str
    """As typed by the user; '' when not given."""
    works: tuple[Work, ...]
    pictures: tuple[ServicePicture, ...]
    reference_artists: tuple[ReferenceArtist, ...] = ()
    """Empty means the lab's training sets."""
    unit: ScoreUnit
    """What is counted; never the single picture."""
    side: int = Field(ge=16)
    """Pixels; every picture, real or made, is scored at this size."""
    seed: int
    metrics: tuple[str, ...]
    primary_metric: str
    metric_weights: dict[str, Digest]
    margins: ScoreMargins = ScoreMargins()


class PictureScores(Record):
    """Scores of all pictures by one metric, in the order of the plan's pictures."""

    metric: str
    values: tuple[Bounded | None, ...]
    """Closeness to the held-out works; None where the metric gave no finite value."""
    nearest: tuple[Annotated[int, Field(ge=-1)], ...]
    """Nearest artist: 0 is this artist, i the i-th reference artist, -1 not known."""


class ScoreVerdict(Record):
    label: ScoreLabel
    said: Said
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))


class ScoreResults(Versioned):
    """score.json: the only input of its judge and its report."""

    plan: ScorePlan
    notes: tuple[Note, ...]
    metrics: tuple[MetricFacts, ...]
    recognition: tuple[Recognition, ...]
    scores: tuple[PictureScores, ...]
    images: dict[str, str]
    """Id of a shown picture or work -> preview file under images/."""
    estimates: tuple[Estimate, ...] = ()
    checks: tuple[Check, ...] = ()
    verdict: ScoreVerdict | None = None
    readings: ScoreReadings | None = None
    """What else a reader is shown; None before judging."""
    provenance: Provenance
