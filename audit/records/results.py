"""results.json."""

from __future__ import annotations

from pydantic import Field

from audit.base.record import Digest, Record
from audit.records.calibration import CalibrationCard
from audit.records.environment import EarlierSteps, ReusedSteps
from audit.records.judged import Check, Deviation, Estimate, Verdict
from audit.records.made import Cell, MetricFacts, NoiseControl, Recognition, Score, SubjectReading, Visibility
from audit.records.plan import Margins, Plan
from audit.records.readings import Readings
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
    declaration: str = ""
    """What was declared about rights before training, in words; '' when nothing was."""


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
    """Scores of base's pictures for the same prompts and noise without the style word."""
    noise_controls: tuple[NoiseControl, ...] = ()
    """Of primary conditions whose pictures are noisier than those of clean by more than the plan's `noise_matched`."""
    subjects: tuple[SubjectReading, ...] = ()
    visibility: tuple[Visibility, ...]
    reached: tuple[Reached, ...] = ()
    """What optimised treatments achieved, picture by picture."""
    work_images: dict[str, str]
    """Work id -> preview file under images/ (held-out works and the examples of each treatment)."""
    treated_images: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Condition -> work id -> file under images/, lossless, of example works before training size."""
    estimates: tuple[Estimate, ...] = ()
    checks: tuple[Check, ...] = ()
    verdict: Verdict | None = None
    readings: Readings | None = None
    """What else a reader is shown; None before judging."""
    deviations: tuple[Deviation, ...] = ()
    """Where the run or its judging differs from the plan."""
    planned_margins: Margins | None = None
    """The margins of the plan as it was fixed, when these results were judged again with others."""
    calibration: CalibrationCard | None = None
    """The card of this very setup, when one was found; cited by its digest."""
    stopped_after: int | None = None
    """Replicates after which a plan that looks in between stopped; None when all were run."""
    provenance: Provenance

    @property
    def replicates(self) -> int:
        """Replicates that were to be run: all of the plan's, or those up to where it stopped."""
        return self.plan.replicates if self.stopped_after is None else self.stopped_after
