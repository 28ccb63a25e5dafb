"""What is fixed before the first training step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from audit.base.messages import Said, render, say, words
from audit.base.record import Digest, Record
from audit.records.buckets import Bucket, Crop
from audit.records.grid import MimicGrid
from audit.records.judged import english
from audit.records.treated import ProtectSettings, Recipe
from audit.records.versions import Versioned
from audit.records.works import ProtectedFile, ReferenceArtist, Work


class TrainSettings(Record):
    """Fine-tuning, the same for every cell."""

    method: Literal["lora", "full"] = "lora"
    """`full` trains every weight of the denoiser; LoRA's own settings (rank, alpha, targets) do not count then."""
    rank: int = Field(8, ge=1, le=256)
    alpha: float = Field(8.0, gt=0)
    """LoRA output is scaled by alpha / rank."""
    targets: Literal["attention", "attention+ff", "all"] = "attention"
    text_encoder: bool = False
    """Whether the text encoder's attention carries LoRA too, at the same rank."""
    text_learning_rate: float | None = Field(None, gt=0, exclude_if=lambda rate: rate is None)
    """Of the text encoders' LoRA; None for the same as the denoiser's."""
    caption_dropout: float = Field(0.0, ge=0, lt=1, exclude_if=lambda share: not share)
    """Share of training samples whose caption is left out, so that the model also learns without one."""
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
    """Works drawn for each replicate from those that it does not hold out (all of them when those are fewer)."""

    @model_validator(mode="after")
    def _one_kind(self) -> TrainSettings:
        if self.method == "full" and self.text_encoder:
            raise ValueError(render(say("full-trains-no-text")))
        return self


class SampleSettings(Record):
    """How pictures are made from a model, the same for base and every cell."""

    steps: int = Field(20, ge=1)
    guidance: float = Field(5.0, ge=1)
    """Classifier-free guidance scale; 1 switches it off."""
    per_prompt: int = Field(1, ge=1)
    """Pictures per prompt, each with noise of its own that all conditions share."""


Share = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
"""A margin: any share that could be meant, and none that overflows where it is printed."""


class Margins(Record):
    """What the verdict words mean, in shares of the protection index, fixed before the run."""

    held: Share = 0.5
    partly: Share = 0.0
    did_not_hold: Share = 0.2
    learned_share: Share = 0.1
    """The clean gain must be at least this share of the distance from base to the held-out works."""
    level: float = Field(0.95, gt=0.5, lt=1)
    min_replicates: int = Field(6, ge=1, le=1000)
    min_auc: Share = 0.8
    visible_step: float = Field(1.0, gt=0)
    """Least difference, of 255, that a protected file must show somewhere."""
    base_knows_share: Share = 0.5
    """Base already knows the artist when it covers this share of the way from others to the artist."""
    max_dropped: float = Field(0.2, ge=0, lt=1)
    """More than this share of a condition's replicates broken or missing makes the run not valid."""
    no_alarm_within: float = Field(0.05, ge=0)
    """An A/A control whose whole interval lies within this share of 0 raises no alarm: a difference
    that is surely there but surely this small changes no verdict."""
    noise_matched: float = Field(0.25, gt=0)
    """Where the pictures of a primary condition are noisier than those of clean by more than this on average, in levels
    of 255, the index is also worked out at equal noise, and the label must stand there too."""
    over_placebo: Share = 0.1
    """What a protection must surely add to the hardest placebo, as a share of the gain of clean, to be called held."""
    noise_step: float = Field(12.0, gt=0)
    """Pictures that are surely noisier by more than this are full of speckle: only held is believed of them."""
    people_prefer: float = Field(0.6, ge=0.5, le=1)
    """People who choose clean's picture in surely less than this share of their choices, where 0.5 is chance, find the
    condition's as close to the artist's hand."""
    people_raters: int = Field(5, ge=2, le=1000)
    """Fewer raters than this say nothing about the verdict."""


class Exclusion(Record):
    """Which trained models are left out of every comparison; none of these rules looks at a style score."""

    changed_share: float = Field(0.5, ge=0, lt=1)
    """An adapter did nothing unless more than this share of its pictures differ from base's."""
    blank_share: float = Field(0.1, gt=0, le=1)
    """A model has collapsed if more than this share of its pictures is blank."""
    distinct_share: float = Field(0.5, ge=0, lt=1)
    """A model has collapsed if no more than this share of its pictures differ from one another."""


class Stopping(Record):
    """When training ends: after all replicates, or at the first interim analysis that decides."""

    rule: Literal["fixed", "until-decided"] = "fixed"
    first_look: int = Field(6, ge=1)
    """Replicates before the first interim analysis of `until-decided`; from then on after each."""


BASE = "base"
"""Stands for a condition where pictures are those that the base model draws before any training; no plan has it."""
Role = Literal["clean", "protected", "placebo", "counter", "control"]


Truth = Literal["same-pixels", "same-pictures", "same-works", "part-works", "other-works"]
"""A planted truth: the very pixels and draws of clean (`identity`), pixels that differ by next to nothing (`null`), the
same works with other draws (`clean-again`), another artist's works in a known share of places (`diluted:SHARE`), and in
all of them (`other-artist`)."""


class Condition(Record):
    """What happens to the training pictures of a cell."""

    name: str
    """As typed: `clean`, `protected`, `encoder-pgd:16`, `protected+jpeg:50`, `placebo`, ..."""
    role: Role
    source: Literal["originals", "protected-files", "other-artist"] = "originals"
    arm: str = "protected"
    """Of protected files: which set of them."""
    cloak: str = Field("", exclude_if=lambda cloak: not cloak)
    """Of a set that was given a name: what it says is the protection (`glaze` of `glaze-2.1`)."""
    cloak_version: str = Field("", exclude_if=lambda version: not version)
    """And which version of it (`2.1`); '' where the name tells none."""
    steps: tuple[str, ...] = ()
    """Treatments applied in order, each `name` or `name:argument`."""
    primary: bool = False
    """Whether the overall verdict counts it."""
    words: Said = Field(default_factory=lambda data: words("{name}", name=data["name"]))
    """What its pictures are, for a lay reader, to stand within a sentence: "your protected files"."""
    label: Said = Field(default_factory=lambda data: words("{name}", name=data["name"]))
    """The same in a word or two, for headings and figures."""
    of: str | None = None
    """Of a condition made from another one by countermeasures: that condition's name (`clean`, `protected`)."""
    treated_by: tuple[str, ...] = ()
    """Of such a condition: the steps put on top."""
    twin: str | None = None
    """Of a protection under countermeasures: the originals under the same ones (`clean+jpeg:50`), where planned."""
    budget: float | None = None
    """Of a placebo matched in levels of 255: how many."""
    matches: tuple[str, ...] = ()
    """Of a placebo made as strong as some protections: which; () for one that stands beside all of them."""
    truth: Truth | None = None
    """Of a planted truth: what it is by construction."""
    other_share: float | None = Field(None, gt=0, lt=1)
    """Of `diluted`: in which share of each training's works another artist's stand."""


class ModelFacts(Record):
    """Which base model was used; identified by content, not by name."""

    name: str
    family: Literal["sd1", "sd2", "sdxl", "sd3", "zimage", "flux1", "flux2", "qwenimage", "krea2"]
    sha256: Digest
    """Digest over the digests of all weight and config files."""
    resolution: int
    """Side in pixels of training and generated pictures."""
    prediction_type: Literal["epsilon", "v_prediction", "flow"]
    prediction_source: Literal[
        "", "config", "yaml", "header", "marker", "schedule", "card", "option", "probe", "family"
    ] = ""
    """Where `prediction_type` was read; '' where the family has but one, or a plan of before does not say."""
    lab: bool
    """True for the built-in lab model, whose findings say nothing about Stable Diffusion."""
    licence: str = ""
    multiple: int = Field(0, ge=0, exclude_if=lambda value: not value)
    """Pixels of which both sides of its pictures are a multiple; 0 of the lab and in plans, which have buckets."""
    distilled: bool = Field(False, exclude_if=lambda value: not value)
    """Made to draw in a few steps, without guidance; people train on its undistilled sibling."""
    clip_skip: int = Field(1, ge=1, exclude_if=lambda skip: skip == 1)
    """Which layer of the text encoder is read, counted from its end, in training and drawing, for every text."""


class Hypothesis(Record):
    """What is tested about one condition."""

    condition: str
    said: Said
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))


class ReplicateDraw(Record):
    """What one replicate draws, fixed before any training; all of its conditions share it."""

    replicate: int = Field(ge=1)
    held_out: tuple[str, ...]
    """Works (ids) that none of its models trains on, in the plan's order; their pictures are scored against these."""
    trained: tuple[str, ...]
    """Works that its models train on, in the plan's order."""
    trained_again: tuple[str, ...] = ()
    """The same of `clean-again`, which draws anew from the works that are not held out; () where it is not planned."""
    prompts: tuple[int, ...]
    """Places in the plan's prompts, in order: what base and its models are asked for and scored on."""


class PromptList(Record):
    """Where the plan's prompts come from."""

    name: str
    """Of a list that is shipped; '' for a file of whoever ran this."""
    listed: int
    """Subjects in it."""
    sha256: Digest
    """Of all of them, in order."""
    shared: int
    """Of the plan's prompts, how many share a word with the caption of any work: for these a model may draw the work
    itself."""


class Plan(Versioned):
    """Everything that is fixed before the first training step; its digest is printed then."""

    tool_version: str
    artist: str
    """A pseudonym, '' for none."""
    preset: str
    model: ModelFacts
    works: tuple[Work, ...]
    protected: tuple[ProtectedFile, ...] = ()
    conditions: tuple[Condition, ...]
    replicates: int = Field(ge=1, le=1000)
    seed: int
    seed_source: Literal["", "given", "plan", "stamp"] = ""
    """`given` by whoever ran this, or following from the plan, or from the plan's time stamp (`audit.records.seeding`);
    '' in plans of before, which do not say."""
    trigger: str
    """The made-up style word; never the artist's real name."""
    prompts: tuple[str, ...]
    """The declared list of subjects, from which each replicate draws its own; the model is asked for "<subject> by
    <trigger>"."""
    prompt_list: PromptList | None = None
    """None in plans of before, which do not say."""
    concepts: tuple[str, ...] = ()
    """Subjects of training works that every model is also asked for, where subjects are read; else empty."""
    metrics: tuple[str, ...]
    primary_metric: str
    training: TrainSettings
    training_preset: str = Field("", exclude_if=lambda preset: not preset)
    """Whose usual settings `training` began from: `kohya`, `ai-toolkit` or `onetrainer`, see `audit.plan.trainers`;
    '' for `mild`, and for the lab model's own."""
    sampling: SampleSettings
    margins: Margins = Margins()
    reference_artists: tuple[ReferenceArtist, ...] = ()
    """Other artists that the user gave; empty means the lab's training sets."""
    hypotheses: tuple[Hypothesis, ...] = ()
    """What is tested of each primary condition: the primary family."""
    metric_weights: dict[str, Digest] = Field(default_factory=dict)
    """Metric -> digest of its weights and code version, as they were before the run."""
    exclusion: Exclusion = Exclusion()
    stopping: Stopping = Stopping()
    surrogate: ModelFacts | None = None
    """The model that reference protections attack; None for the base model itself."""
    drawn_with: ModelFacts | None = Field(None, exclude_if=lambda value: value is None)
    """The sibling of the base model that draws, with what was trained and without; None for the base model itself."""
    protection: ProtectSettings = ProtectSettings()
    crop: Crop = "centre-square"
    """What of a work a training and a score see; treatments see it whole."""
    buckets: tuple[Bucket, ...] = Field((), exclude_if=lambda buckets: not buckets)
    """Shapes that works are trained on in, each with its works; () where all are trained on as squares."""
    recipes: tuple[Recipe, ...] = ()
    """Every treatment that a condition applies, with its source and settings."""
    other_works: tuple[Work, ...] = ()
    """What `other-artist` trains on in place of the pool, in the pool's order; reused in turn if fewer."""
    alike: tuple[tuple[str, str], ...] | None = Field(None, exclude_if=lambda value: value is None)
    """Pairs of works (ids) that look almost the same, which draws keep on one side; None in plans of before, which do
    not say, so that nobody can draw again."""
    draws: tuple[ReplicateDraw, ...] = ()
    """What each replicate draws, 1..K; () in plans of before, whose works were parted once and whose prompts are all
    asked of every model."""
    grid: MimicGrid = MimicGrid()
    """What a mimic may choose from; the default alone in plans of before."""

    @property
    def arms(self) -> tuple[str, ...]:
        """Sets of protected files that were delivered, in the order in which they were given."""
        return tuple(dict.fromkeys(file.arm for file in self.protected))

    def copies(self, arm: str) -> tuple[ProtectedFile, ...]:
        """The protected files of one arm."""
        return tuple(file for file in self.protected if file.arm == arm)

    @property
    def clean(self) -> str:
        """Name of the condition that is trained on the originals; '' where a plan has none."""
        return next((c.name for c in self.conditions if c.role == "clean"), "")

    def condition(self, name: str) -> Condition:
        return next(c for c in self.conditions if c.name == name)

    def draw(self, replicate: int) -> ReplicateDraw | None:
        """What a replicate drew; None in plans of before, and for base drawn once for all (replicate 0)."""
        return next((d for d in self.draws if d.replicate == replicate), None)

    def held_out(self, replicate: int) -> tuple[Work, ...]:
        """Works that a replicate's pictures are scored against; none of its models trains on them."""
        draw = self.draw(replicate)
        if draw is None:
            return tuple(w for w in self.works if w.split == "reference")
        return tuple(w for w in self.works if w.id in draw.held_out)

    def pool(self, replicate: int) -> tuple[Work, ...]:
        """Works that a replicate may train on: all but those that it holds out."""
        held_out = {w.id for w in self.held_out(replicate)}
        return tuple(w for w in self.works if w.id not in held_out)

    @property
    def treated(self) -> tuple[Work, ...]:
        """Works that some replicate may train on."""
        return self.works if self.draws else self.pool(1)

    def asked(self, replicate: int) -> tuple[int, ...]:
        """Places in `prompts` of what a replicate's models, and base beside them, are asked for, in order."""
        draw = self.draw(replicate)
        return tuple(range(len(self.prompts))) if draw is None else draw.prompts

    def thinned(self) -> Plan:
        """The plan as models of other settings see it: a replicate asks for the first of its prompts only."""
        if self.grid.prompts is None:
            return self
        draws = tuple(d.model_copy(update={"prompts": d.prompts[: self.grid.prompts]}) for d in self.draws)
        return self.model_copy(update={"draws": draws})

    def base_of(self, replicate: int) -> int:
        """Replicate of the base cell that a replicate's models are compared with: its own, or 0, of all."""
        return replicate if self.draws else 0
