"""The whole audit, stage by stage."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from audit.base.messages import say
from audit.base.progress import Progress, duration
from audit.evidence.first import fixed_at
from audit.executor import Engine
from audit.judge.calibration import setup_digest
from audit.plan.cost import measure_cost
from audit.plan.machine import environment
from audit.plan.spec import DECLARATION, Spec
from audit.records import ArtistSet, Plan, Results, Session
from audit.runfolder import begin_session, find_card, plan_file_digest, provenance, write_environment
from audit.runfolder.event_log import TRAINING_BEGINS, log_event
from audit.stages.base import draw_base
from audit.stages.finish import finish
from audit.stages.mimics import train_and_score
from audit.stages.noise_controls import score_noise_controls
from audit.stages.pictures import write_pictures
from audit.stages.prepare import declare_rights, prepare
from audit.stages.real_works import score_real_works
from audit.stages.subjects import read_subjects
from audit.stages.treat import treat_works
from audit.stages.visibility import measure_visibility


def run(spec: Spec, progress: Progress) -> tuple[Results, Path]:
    """Run an audit, or go on with one that was stopped.

    Returns:
        The judged results and the run folder with report.html in it.

    Raises:
        AuditError: see `audit.base.errors`; finished steps stay in the store in every case.
    """
    begun = provenance.now(), time.monotonic()
    ready = prepare(spec, progress)
    artist = declare_rights(ready.artist, declared=spec.declare, out=ready.out)
    return carry_out(spec, ready.plan, artist, ready.engine, out=ready.out, begun=begun), ready.out


def carry_out(
    spec: Spec, plan: Plan, artist: ArtistSet, engine: Engine, *, out: Path, begun: tuple[str, float]
) -> Results:
    """Everything after the plan is fixed, into the claimed folder.

    Args:
        spec: how to run; what to run stands in the plan.
        artist: the works of the plan, with their pictures in the store.
        begun: `provenance.now()` and `time.monotonic()` when the run began.
    """
    started, clock = begun
    sessions = _begin(spec, plan, engine, out)
    _foresee(plan, artist, engine)
    treated = treat_works(plan, artist, engine, surrogate=spec.surrogate, memory=spec.memory)
    visible = measure_visibility(plan, treated, engine)
    real = score_real_works(plan, artist, engine)
    of_works = engine.store.found
    log_event(out, TRAINING_BEGINS, {"plan_sha256": plan.digest()})
    base = draw_base(plan, real, engine)
    mimics = train_and_score(plan, treated, base, real, engine)
    cells = (base.cell, *mimics.cells)
    controls = score_noise_controls(plan, cells, real, engine)
    subjects = read_subjects(plan, mimics.trained, engine)
    shown = write_pictures(plan, artist, treated, cells, engine, out=out)
    fixed = fixed_at(out)
    results = Results(
        plan=plan,
        notes=artist.notes,
        cells=cells,
        calibration=find_card(engine.store.root, setup_digest(plan)),
        stopped_after=mimics.stopped_after,
        metrics=real.metrics,
        recognition=real.recognised,
        untriggered=base.untriggered,
        noise_controls=controls,
        subjects=subjects,
        visibility=visible,
        reached=tuple(r for images in treated.values() for r in images.reached),
        work_images=shown.works,
        treated_images=shown.treated,
        provenance=provenance.finished(
            started=started,
            clock=clock,
            device=_device_words(engine),
            plan_sha256=plan.digest(),
            plan_file_sha256=plan_file_digest(out),
            sessions=sessions,
            steps_run=engine.store.run,
            steps_reused=engine.store.reused,
            reused_elsewhere=engine.store.reused_elsewhere(),
            plan_fixed=fixed,
            before_plan=engine.store.made_before(fixed, inputs=of_works),
            stage_seconds=engine.progress.seconds,
            declaration=DECLARATION if spec.declare else "",
        ),
    )
    engine.progress.stage(say("stage.report"), 1)
    judged = finish(results, out)
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
    return judged


def _begin(spec: Spec, plan: Plan, engine: Engine, out: Path) -> tuple[Session, ...]:
    """Write down what this start works with; every start of this run so far."""
    engine.progress.stage(say("stage.start"), 1)
    write_environment(out, environment(spec.model, device=engine.device, precision=engine.precision))
    session = provenance.session(threads=torch.get_num_threads(), device=_device_words(engine))
    sessions = begin_session(out, session)
    engine.progress.advance(1)
    engine.progress.close()
    fixed = say("now.plan", digest=plan.digest(), conditions=len(plan.conditions), replicates=plan.replicates)
    engine.progress.say(fixed)
    return sessions


def _foresee(plan: Plan, artist: ArtistSet, engine: Engine) -> None:
    """Tell how long it will take."""
    cost = measure_cost(plan, artist, engine)
    engine.progress.expect(cost.seconds)
    took = duration(sum(cost.seconds.values()))
    engine.progress.say(say("now.time", time=took))


def _device_words(engine: Engine) -> str:
    return f"{engine.device.type}, {engine.precision}"
