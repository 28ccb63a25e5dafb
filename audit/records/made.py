"""What treating, training, generating and scoring make."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from audit.base.messages import Said
from audit.base.record import Digest, Finite, Record
from audit.records.judged import english
from audit.records.treated import Reached

Bounded = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
"""A style score."""
Level = Annotated[float, Field(ge=0, le=255)]
"""A difference of 8-bit levels."""


class ImageSet(Record):
    """The pictures of one condition, in the order of `works`."""

    condition: str
    works: tuple[str, ...]
    pixels: tuple[Digest, ...]
    reached: tuple[Reached, ...] = ()
    """Of treatments that optimise, picture by picture."""


class Visibility(Record):
    """How far a delivered picture is from its original."""

    condition: str
    work: str
    linf: Level
    """Greatest difference of any channel, 0..255."""
    rms: Level
    """Root mean square difference, 0..255."""
    psnr: float | None
    """dB; None when the pictures are identical."""
    lpips: float | None = None
    """LPIPS (AlexNet, 0.1): 0 and up; None where it was not measured."""
    plain: float | None = Field(None, ge=0, le=1)
    """Share of the change that a plain edit explains (`audit.style.plain_edit`); None where nothing changed, or it was
    not measured: of conditions that are no protection, and in files of before."""
    kept: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Of the change, what is left at the base model's size: root mean square difference over the square that is trained
    on, after shrinking over before; None where nothing changed or it was not measured."""


class Adapter(Record):
    """One trained LoRA."""

    condition: str
    replicate: int
    works: tuple[str, ...]
    sha256: Digest
    """Digest of the adapter file."""
    norm: Finite
    """Frobenius norm of all B matrices together; 0 means the adapter does nothing."""
    losses: tuple[float | None, ...]
    """Mean training loss of consecutive equal spans of the run; None where it was not finite."""
    finite: bool
    seconds: float
    """Wall time of the pack divided by its cells."""


class Generations(Record):
    """Pictures of one model; file names are relative to the run folder's images/."""

    condition: str
    replicate: int
    files: tuple[str, ...]
    """One per (prompt asked, noise), prompt-major; `base` has a replicate's number, or 0 where it drew once for all."""
    pixels: tuple[Digest, ...]
    changed_share: float | None
    """Share of pictures that differ visibly from base's with the same noise; None for base."""
    blank_share: float
    """Share of pictures with next to no contrast."""
    noise: tuple[Level, ...] = ()
    """`audit.style.picture_noise` of each picture, in levels of 255; nothing where it was not measured."""


class Score(Record):
    """One picture's closeness to the artist by one metric; higher is closer."""

    metric: str
    prompt: int
    """Index into the plan's prompts."""
    noise: int
    """Index of the picture within its prompt, 0..per_prompt-1."""
    value: Bounded | None
    why: Said | None = None
    """Why there is no value."""
    missing: str = Field(default_factory=lambda data: english(data.get("why")))


class Cell(Record):
    """All that is known about one trained model (or base)."""

    condition: str
    replicate: int
    adapter: Adapter | None
    generations: Generations
    scores: tuple[Score, ...]
    nearest: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    """Metric -> nearest artist of each picture, prompt-major: 0 this one, i the i-th reference artist, -1 not known."""
    by_work: dict[str, tuple[Bounded, ...]] = Field(default_factory=dict)
    """Metric -> mean cosine of all its pictures to each held-out work, in the order of the replicate's draw: what
    anyone needs who wants to work out the score with other works held out. A score is the cosine to the works' mean
    direction, so it is these but for one factor of all models of a replicate; `index_at_large` takes it from a fit
    through 0 of the mean scores on the means of these."""


class AtSetting(Record):
    """Models trained with another setting of the plan's grid; their pictures stay in the store."""

    setting: str
    """Its name."""
    cells: tuple[Cell, ...]
    """Of the unprotected works and of every claim, replicate by replicate."""


class NoiseControl(Record):
    """Pictures with as much random noise added as those of a condition have: what noise alone does to the score."""

    condition: str
    """Whose noise; `replicate` is its training run."""
    replicate: int
    of: str
    """Whose pictures: base, or the condition that was trained on the originals."""
    scores: tuple[Score, ...]


class ToneControl(Record):
    """Pictures of one model at equal tone: scored after tone and fine grain are brought to one look, as the held-out
    works are (`audit.style.equal_tone`)."""

    condition: str
    replicate: int
    scores: tuple[Score, ...]


class MetricFacts(Record):
    """What a metric is, and how it does on real pictures."""

    name: str
    said: Said
    """Where its features come from, in a few words."""
    lineage: str = Field(default_factory=lambda data: english(data.get("said")))
    weights_sha256: Digest
    real: tuple[Bounded, ...]
    """Scores of the artist's own works against the held-out ones, the ceiling: of each work, in the plan's order, the
    mean over the replicates that do not hold it out; a work that all of them hold out is left out."""
    others: tuple[Bounded, ...]
    """Scores of works by other artists against the same held-out works, each the mean over replicates."""
    others_artists: int
    """How many other artists those are."""
    real_means: tuple[Bounded, ...] = ()
    """Mean score of the artist's works that a replicate does not hold out, by replicate; () where works were parted
    once."""


class Recognition(Record):
    """Among whom pictures are recognised as this artist's, and how often that is right for real works."""

    metric: str
    artists: tuple[str, ...]
    """Reference artists, this artist not among them."""
    own_rate: float
    """Share of this artist's works that are not held out recognised as this artist's; the mean over replicates."""
    false_rate: float
    """Share of the reference artists' works taken for this artist's; the mean over replicates."""


class PictureCoherence(Record):
    """Whether one model's pictures show what was asked for, and whether they look like pictures."""

    condition: str
    replicate: int
    adherence: tuple[Bounded, ...]
    """Of each picture, prompt-major: cosine to its subject less the mean to the others that the replicate asks for, by
    a CLIP; () where none was at hand."""
    among_real: tuple[bool, ...]
    """Of each picture: whether it is as near to some real work, by anyone, as nearly all real works are to one another
    (`audit.style.among_real`), by the primary metric."""


class SubjectReading(Record):
    """One model's pictures of the training works' subjects."""

    condition: str
    replicate: int
    found: tuple[Annotated[int, Field(ge=0)], ...]
    """Nearest subject of each picture, concept-major: below the number of the plan's concepts it is a
    concept, from there on one of the plan's prompts."""
