"""The typed records that cross a stage border. No torch here; every record is frozen.

collect -> ArtistSet; plan -> Plan; treat -> ImageSet; train -> Adapter; generate -> Generations;
score -> CellScores, MetricFacts; judge -> Estimate, Check, Verdict; all of it -> Results.

Fractions are floats (0.35, never "35 %"), digests are lower-case SHA-256 hex, and a value that
could not be measured is None with a reason beside it, never zero.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Record(BaseModel):
    """A frozen record; unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")

    def canonical(self) -> str:
        """JSON with sorted keys and no spaces: the text that digests are taken of."""
        return canonical_json(self.model_dump(mode="json"))

    def digest(self) -> str:
        """SHA-256 hex of the canonical JSON."""
        return hashlib.sha256(self.canonical().encode("utf-8")).hexdigest()


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


# --- collect -------------------------------------------------------------------------------------


class Note(Record):
    """Something found while collecting that the reader must know but that does not stop the run."""

    slug: str
    """Key of the entry in MESSAGES.md, for instance `protected-other-format`."""
    sentence: str
    """One plain sentence, with the file's display name where it concerns one file."""
    work: str | None = None
    """Id of the work concerned, if one."""


class Work(Record):
    """One picture by the artist."""

    id: str
    """Neutral ASCII id, `w000`, `w001`, ... in the order of the sorted file names."""
    name: str
    """File name without folder, made printable; for display only."""
    caption: str
    """What the picture shows, without style words; never empty."""
    sha256: Digest
    """Digest of the file's bytes as delivered."""
    pixels: Digest
    """Store digest of the decoded upright 8-bit RGB PNG."""
    width: int
    height: int
    split: Literal["pool", "reference"]
    """`pool` may be trained on; `reference` is only ever scored against."""


class ProtectedFile(Record):
    """The artist's protected version of one work, as delivered."""

    work: str
    name: str
    sha256: Digest
    pixels: Digest
    width: int
    height: int
    matched_by: Literal["name", "perceptual-hash"]
    claimed_tool: str = ""
    """Tool that the file name suggests (`Glaze`, `Nightshade`, ...); a claim, not a fact."""


class ArtistSet(Record):
    """Everything the run knows about the artist's pictures."""

    artist: str
    works: tuple[Work, ...]
    protected: tuple[ProtectedFile, ...] = ()
    notes: tuple[Note, ...] = ()

    def pool(self) -> tuple[Work, ...]:
        return tuple(w for w in self.works if w.split == "pool")

    def reference(self) -> tuple[Work, ...]:
        return tuple(w for w in self.works if w.split == "reference")


# --- plan ----------------------------------------------------------------------------------------


class TrainSettings(Record):
    """LoRA fine-tuning, the same for every cell."""

    rank: int = Field(8, ge=1, le=256)
    alpha: float = Field(8.0, gt=0)
    """LoRA output is scaled by alpha / rank."""
    targets: Literal["attention", "attention+ff", "all"] = "attention"
    steps: int = Field(150, ge=1)
    batch: int = Field(8, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = Field(10, ge=0)
    """Steps of linear warm-up."""
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, ge=0)
    """Greatest gradient norm per cell; 0 switches clipping off."""
    min_snr: float | None = Field(5.0, gt=0)
    """Min-SNR-gamma loss weight (Hang et al., 2023); None for the plain mean squared error."""
    noise_offset: float = Field(0.0, ge=0)
    flip: bool = True
    works: int = Field(24, ge=1)
    """Works drawn from the pool for each replicate (all of them when the pool is smaller)."""


class SampleSettings(Record):
    """How pictures are made from a model, the same for base and every cell."""

    steps: int = Field(20, ge=1)
    guidance: float = Field(5.0, ge=1)
    """Classifier-free guidance scale; 1 switches it off."""
    per_prompt: int = Field(1, ge=1)
    """Pictures per prompt, each with noise of its own that all conditions share."""


class Margins(Record):
    """What the verdict words mean, in shares of the protection index, fixed before the run."""

    held: float = 0.5
    partly: float = 0.0
    did_not_hold: float = 0.2
    learned_share: float = 0.1
    """The clean gain must be at least this share of the distance from base to the held-out works."""
    level: float = Field(0.95, gt=0.5, lt=1)
    min_replicates: int = 6
    min_auc: float = 0.8
    base_knows_share: float = 0.5
    """Base already knows the artist when it covers this share of the way from others to the artist."""


Role = Literal["clean", "protected", "placebo", "counter", "control"]


class Condition(Record):
    """What happens to the training pictures of a cell."""

    name: str
    """As typed: `clean`, `protected`, `encoder-pgd:16`, `protected+jpeg:50`, `placebo`, ..."""
    role: Role
    source: Literal["originals", "protected-files"] = "originals"
    steps: tuple[str, ...] = ()
    """Treatments applied in order, each `name` or `name:argument`."""
    primary: bool = False
    """Whether the overall verdict counts it."""


class ModelFacts(Record):
    """Which base model was used; identified by content, not by name."""

    name: str
    family: Literal["sd1", "sd2"]
    sha256: Digest
    """Digest over the digests of all weight and config files."""
    resolution: int
    """Side in pixels of training and generated pictures."""
    prediction_type: Literal["epsilon", "v_prediction"]
    lab: bool
    """True for the built-in lab model, whose findings say nothing about Stable Diffusion."""
    licence: str = ""


class Plan(Record):
    """Everything that is fixed before the first training step; its digest is printed then."""

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    artist: str
    preset: str
    model: ModelFacts
    works: tuple[Work, ...]
    protected: tuple[ProtectedFile, ...] = ()
    conditions: tuple[Condition, ...]
    replicates: int = Field(ge=1, le=1000)
    seed: int
    trigger: str
    """The made-up style word; never the artist's real name."""
    prompts: tuple[str, ...]
    """Subjects; the model is asked for "<subject> by <trigger>"."""
    metrics: tuple[str, ...]
    primary_metric: str
    training: TrainSettings
    sampling: SampleSettings
    margins: Margins = Margins()

    def condition(self, name: str) -> Condition:
        return next(c for c in self.conditions if c.name == name)


# --- treat, train, generate, score -----------------------------------------------------------------


class ImageSet(Record):
    """The pictures of one condition, in the order of `works`."""

    condition: str
    works: tuple[str, ...]
    pixels: tuple[Digest, ...]


class Visibility(Record):
    """How far a delivered picture is from its original."""

    condition: str
    work: str
    linf: Finite
    """Greatest difference of any channel, 0..255."""
    rms: Finite
    """Root mean square difference, 0..255."""
    psnr: float | None
    """dB; None when the pictures are identical."""


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
    """One per (prompt, noise), prompt-major; `base` has replicate 0."""
    pixels: tuple[Digest, ...]
    changed_share: float | None
    """Share of pictures that differ visibly from base's with the same noise; None for base."""
    blank_share: float
    """Share of pictures with next to no contrast."""


class Score(Record):
    """One picture's closeness to the artist by one metric; higher is closer."""

    metric: str
    prompt: int
    """Index into the plan's prompts."""
    noise: int
    """Index of the picture within its prompt, 0..per_prompt-1."""
    value: Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)] | None
    missing: str = ""
    """Why there is no value."""


class Cell(Record):
    """All that is known about one trained model (or base)."""

    condition: str
    replicate: int
    adapter: Adapter | None
    generations: Generations
    scores: tuple[Score, ...]


class MetricFacts(Record):
    """What a metric is, and how it does on real pictures."""

    name: str
    lineage: str
    """Where its features come from, in a few words."""
    weights_sha256: Digest
    real: tuple[float, ...]
    """Scores of the artist's own pool works against the held-out works: the ceiling."""
    others: tuple[float, ...]
    """Scores of works by other artists against the same held-out works."""
    others_artists: int
    """How many other artists those are."""


# --- judge -----------------------------------------------------------------------------------------


class Estimate(Record):
    """One number with its interval."""

    name: str
    """`gain`, `protection_index`, `gain_difference`, `auc`, `learned_share`, ..."""
    condition: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    level: float
    n: int
    """Independent units (replicates) behind it."""
    unit: str
    method: str
    note: str = ""
    """Why value or a bound is missing, or what else the reader must know."""


class Check(Record):
    """One gate."""

    slug: str
    passed: bool | None
    """None when the run has nothing to check it with; the detail says so."""
    sentence: str
    """For the artist."""
    detail: str
    """For the expert: figures and threshold."""


VerdictLabel = Literal["held", "partly-held", "did-not-hold", "inconclusive", "not-valid", "exploratory"]


class ConditionVerdict(Record):
    label: VerdictLabel
    sentence: str


class Verdict(Record):
    """The answer."""

    label: VerdictLabel
    sentence: str
    condition: str | None
    """The condition that decided, when one did."""
    per_condition: dict[str, ConditionVerdict]


# --- results ---------------------------------------------------------------------------------------


class Provenance(Record):
    """Where, when and with what the run was made. No host name, no user name, no paths."""

    started: str
    """ISO 8601, UTC."""
    finished: str
    seconds: float
    platform: str
    device: str
    python: str
    packages: dict[str, str]
    commit: str
    """Git commit of the tool, with `-dirty` when the tree was changed; '' outside a checkout."""
    plan_sha256: Digest
    steps_run: int
    steps_reused: int
    stage_seconds: dict[str, float] = Field(default_factory=dict)


class Results(Record):
    """results.json: the only input of judge and report."""

    schema_version: int = SCHEMA_VERSION
    plan: Plan
    notes: tuple[Note, ...]
    cells: tuple[Cell, ...]
    metrics: tuple[MetricFacts, ...]
    visibility: tuple[Visibility, ...]
    work_images: dict[str, str]
    """Work id -> preview file under images/ (held-out works and the examples of each treatment)."""
    treated_images: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Condition -> work id -> file under images/, lossless, of example works before training size."""
    estimates: tuple[Estimate, ...] = ()
    checks: tuple[Check, ...] = ()
    verdict: Verdict | None = None
    provenance: Provenance
