"""How an audit ends: what its stages made becomes one record, which is judged and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audit.base.messages import say
from audit.evidence.first import fixed_at
from audit.evidence.ledger import attempts_before, end_attempt
from audit.executor import Engine
from audit.judge.calibration import setup_digest
from audit.plan.spec import Spec
from audit.records import (
    ArtistSet,
    ImageSet,
    NoiseControl,
    PictureCoherence,
    Plan,
    Provenance,
    Results,
    Score,
    Session,
    SubjectReading,
    ToneControl,
    Visibility,
)
from audit.runfolder import find_card, plan_file_digest, provenance
from audit.runfolder.event_log import FIRST_REPORT, log_event
from audit.runfolder.provenance import Begun, FixedPlan, StepsDone
from audit.runfolder.reused import log_reused
from audit.runfolder.self_tests import find_self_test
from audit.stages.finish import finish
from audit.stages.mimics import Mimics
from audit.stages.pictures import ShownPictures
from audit.stages.real_works import RealWorks
from audit.stages.start import device_words
from audit.store.reuse import made_before, reused_elsewhere


@dataclass(frozen=True)
class Outputs:
    """What the stages of an audit made; fields are as in `Results` and `Provenance`.

    Attributes:
        plan: the whole plan; what else is here may be about a part of it.
        before_training: keys of the steps that were found finished before any training began.
    """

    plan: Plan
    sessions: tuple[Session, ...]
    treated: Mapping[str, ImageSet]
    visibility: tuple[Visibility, ...]
    real: RealWorks
    before_training: frozenset[str]
    untriggered: tuple[Score, ...]
    shown: ShownPictures
    mimics: Mimics = field(default_factory=Mimics)
    noise_controls: tuple[NoiseControl, ...] = ()
    tone_controls: tuple[ToneControl, ...] = ()
    coherence: tuple[PictureCoherence, ...] = ()
    subjects: tuple[SubjectReading, ...] = ()


def record(
    spec: Spec,
    plan: Plan,
    artist: ArtistSet,
    made: Outputs,
    engine: Engine,
    *,
    out: Path,
    begun: Begun,
    pending: tuple[str, ...] = (),
) -> Results:
    """Everything of an audit in one record, not judged yet.

    Args:
        plan: the whole plan, or the part of it that a first report is about.
        pending: names of the conditions that the part lacks.
    """
    seen = {condition.name for condition in plan.conditions}
    return Results(
        plan=plan,
        notes=artist.notes,
        cells=made.mimics.cells,
        pending=pending,
        settings=made.mimics.settings,
        calibration=find_card(engine.store.root, setup_digest(made.plan)),
        stopped_after=made.mimics.stopped_after,
        metrics=made.real.metrics,
        recognition=made.real.recognised,
        untriggered=made.untriggered,
        noise_controls=made.noise_controls,
        tone_controls=made.tone_controls,
        looks=made.coherence,
        subjects=made.subjects,
        visibility=tuple(row for row in made.visibility if row.condition in seen),
        reached=tuple(r for name, images in made.treated.items() if name in seen for r in images.reached),
        work_images=made.shown.works,
        treated_images={name: files for name, files in made.shown.treated.items() if name in seen},
        attempts=attempts_before(engine.store.root, made.plan, out=out),
        provenance=_provenance(spec, made, engine, out=out, begun=begun),
    )


def _provenance(spec: Spec, made: Outputs, engine: Engine, *, out: Path, begun: Begun) -> Provenance:
    store, fixed = engine.store, fixed_at(out)
    return provenance.finished(
        begun,
        FixedPlan(
            made.plan.digest(), plan_file_digest(out), fixed, made_before(store, fixed, inputs=made.before_training)
        ),
        StepsDone(store.run, store.reused, reused_elsewhere(store), engine.progress.seconds),
        device=device_words(engine),
        sessions=made.sessions,
        self_test=find_self_test(store.root, made.plan.model.sha256, engine.environment),
        declared=say("declaration") if spec.declare else None,
    )


def show_first(results: Results, engine: Engine, *, out: Path) -> None:
    """Judge and show what is known before any control is trained, and say that it is not the end."""
    engine.progress.stage(say("stage.report"), 1)
    finish(results, out)
    log_event(out, FIRST_REPORT, {"pending": list(results.pending)})
    engine.progress.advance(1)
    engine.progress.close()
    engine.progress.say(say("now.first-report", file=str(out / "report.html"), names=results.pending))


def conclude(results: Results, engine: Engine, *, out: Path) -> Results:
    """Judge and show; the judged results."""
    log_reused(out, engine.store)
    engine.progress.stage(say("stage.report"), 1)
    judged = finish(results, out)
    end_attempt(engine.store.root, judged.plan)
    engine.progress.advance(1)
    engine.progress.close()
    # results.json cannot hold the time of what comes after it; the log can.
    log_event(
        out,
        "finished",
        {
            "steps_run": engine.store.run,
            "steps_reused": engine.store.reused,
            "stage_seconds": provenance.rounded(engine.progress.seconds),
        },
    )
    engine.progress.say(say("now.steps", reused=engine.store.reused, run=engine.store.run))
    if rejected := engine.store.rejected:
        engine.progress.say(say("now.rejected", n=len(rejected), kinds=tuple(dict.fromkeys(rejected))))
    return judged
