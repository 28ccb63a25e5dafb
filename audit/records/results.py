"""results.json."""

from __future__ import annotations

from pydantic import Field, model_validator

from audit.base.messages import Said, render, say
from audit.base.record import Digest, Record
from audit.records.attempts import Attempts
from audit.records.calibration import CalibrationCard
from audit.records.environment import EarlierSteps, ReusedSteps
from audit.records.judged import Check, Deviation, Estimate, Verdict, english
from audit.records.made import (
    AtSetting,
    Cell,
    MetricFacts,
    NoiseControl,
    PictureCoherence,
    Recognition,
    Score,
    SubjectReading,
    ToneControl,
    Visibility,
)
from audit.records.plan import Margins, Plan
from audit.records.ratings import Ratings
from audit.records.readings import Readings
from audit.records.self_test import SelfTestCited
from audit.records.treated import Reached
from audit.records.versions import Versioned
from audit.records.works import Note


class Session(Record):
    """One start of the run's command; a resumed run has several."""

    started: str
    threads: int
    device: str
    """Device and precision."""
    commit: str
    packages: dict[str, str]


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
    """Of the plan that was fixed before the first training step."""
    plan_file_sha256: Digest | None = None
    """Of plan.json as it lay in the run folder when the run ended; None when it could not be read."""
    sessions: tuple[Session, ...] = ()
    steps_run: int
    steps_reused: int
    reused_elsewhere: tuple[ReusedSteps, ...] = ()
    """Of these, what was made with another device, precision or software than this run's."""
    plan_fixed: str = ""
    """When the plan was fixed, by the machine's clock and the plan's stamp, ISO 8601, UTC; '' where that was not
    recorded."""
    before_plan: tuple[EarlierSteps, ...] = ()
    """Trained models, pictures and scores that are older than that."""
    stage_seconds: dict[str, float] = Field(default_factory=dict)
    self_test: SelfTestCited | None = None
    """What `cloakcheck doctor --model MODEL` found with this model on this machine; None where nobody tried."""
    declared: Said | None = None
    """What was declared about rights before training; None when nothing was."""
    declaration: str = Field(default_factory=lambda data: english(data.get("declared")))


class Results(Versioned):
    """results.json: the only input of judge and report.

    The judge fills `estimates`, `deviations`, `checks`, `verdict` and `readings` from the rest. A report shows these
    and computes nothing: `readings` holds, per condition, whether it is a claim, the estimate its label rests on, what
    each run lost, mean training losses and visibility; per model its mean score and quartiles; the headline and the
    placebo; the variations of the headline's index with the answer that each would give; the sign flips of the figure
    of chance; the table of subjects; and the counts of recognised base pictures.
    """

    plan: Plan
    notes: tuple[Note, ...]
    cells: tuple[Cell, ...]
    metrics: tuple[MetricFacts, ...]
    recognition: tuple[Recognition, ...] = ()
    untriggered: tuple[Score, ...] = ()
    """Scores of base's pictures for the prompts and noise of the first replicate, without the style word."""
    pending: tuple[str, ...] = Field((), exclude_if=lambda names: not names)
    """Of a first report: conditions of the plan whose models are still to be trained; `plan` holds the others only."""
    settings: tuple[AtSetting, ...] = ()
    """Models trained with the other settings of the plan's grid."""
    noise_controls: tuple[NoiseControl, ...] = ()
    """Of primary conditions whose pictures are noisier than those of clean by more than the plan's `noise_matched`."""
    tone_controls: tuple[ToneControl, ...] = ()
    """Of base, clean, every claim and every placebo; () where nothing was scored at equal tone."""
    looks: tuple[PictureCoherence, ...] = ()
    """Of base, of clean, of every claim and placebo; () in files of before."""
    subjects: tuple[SubjectReading, ...] = ()
    ratings: Ratings | None = None
    """What people said of the pictures, as it lies in ratings.json; None where nobody was asked."""
    visibility: tuple[Visibility, ...]
    reached: tuple[Reached, ...] = ()
    """What optimised treatments achieved, picture by picture."""
    work_images: dict[str, str]
    """Work id -> preview file under images/, of held-out works."""
    treated_images: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Condition -> work id -> file under images/, lossless, of example works before training size; the works
    themselves stand under clean."""
    estimates: tuple[Estimate, ...] = ()
    checks: tuple[Check, ...] = ()
    verdict: Verdict | None = None
    readings: Readings | None = None
    """What else a reader is shown; None before judging."""
    edited_since_judged: bool = False
    """Whether `judge` was ever given a file other than the one that the log says was judged last."""
    deviations: tuple[Deviation, ...] = ()
    """Where the run or its judging differs from the plan."""
    planned_margins: Margins | None = None
    """The margins of the plan as it was fixed, when these results were judged again with others."""
    calibration: CalibrationCard | None = None
    """The card of this very setup, when one was found; cited by its digest."""
    stopped_after: int | None = None
    """Replicates after which a plan with interim analyses stopped; None when all were run."""
    attempts: Attempts | None = None
    """Audits of the same works that were begun before with the same store; None where that was not recorded."""
    provenance: Provenance

    @model_validator(mode="after")
    def _each_once(self) -> Results:
        """A model counts once: a second copy of a good replicate would buy a narrower interval."""
        cells = [(cell.condition, cell.replicate) for cell in self.cells]
        if len(set(cells)) < len(cells):
            raise ValueError(render(say("record.cell-twice")))
        if any((c.generations.condition, c.generations.replicate) != (c.condition, c.replicate) for c in self.cells):
            raise ValueError(render(say("record.pictures-of-other")))
        files = [name for cell in self.cells for name in cell.generations.files]
        if len(set(files)) < len(files):
            raise ValueError(render(say("record.picture-twice")))
        for scores in (cell.scores for cell in self.cells):
            if len({(s.metric, s.prompt, s.noise) for s in scores}) < len(scores):
                raise ValueError(render(say("record.scored-twice")))
        return self

    @property
    def replicates(self) -> int:
        """Replicates that were to be run: all of the plan's, or those up to where it stopped."""
        return self.plan.replicates if self.stopped_after is None else self.stopped_after
