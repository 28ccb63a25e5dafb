"""The whole audit, stage by stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import say
from audit.base.progress import Progress
from audit.evidence.ledger import begin_attempt
from audit.executor import Engine
from audit.plan.cost import Cost
from audit.plan.executors import with_executor
from audit.plan.machine import with_surrogate
from audit.plan.spec import Spec
from audit.plan.unfinished import drop_command
from audit.plan.waves import names_without, part_without, trained_later
from audit.records import ArtistSet, Plan, Results
from audit.runfolder import provenance
from audit.runfolder.provenance import Begun
from audit.stages.base import draw_untriggered
from audit.stages.coherence import read_coherence
from audit.stages.conclude import Outputs, conclude, record, show_first
from audit.stages.forecast import forecast, remember
from audit.stages.mimics import Mimics, are_trained, train_and_score
from audit.stages.noise_controls import score_noise_controls
from audit.stages.pictures import Written, write_pictures
from audit.stages.prepare import declare_rights, prepare
from audit.stages.real_works import score_real_works
from audit.stages.start import foresee_time, has_ended, log_slower, mark_training, write_start
from audit.stages.subjects import read_subjects
from audit.stages.tone_controls import score_tone_controls
from audit.stages.treat import treat_works
from audit.stages.visibility import measure_visibility


def run(
    spec: Spec, progress: Progress, *, agreed: Callable[[], bool] = lambda: True, first_report: bool = False
) -> tuple[Results, Path]:
    """Run an audit, or go on with one that was stopped.

    Args:
        agreed: asked once it was told what this audit can answer and how long it takes; False trains nothing.
        first_report: whether a report is written before any control is trained.

    Returns:
        The judged results and the run folder with report.html in it.

    Raises:
        AuditError: see `audit.base.errors`; finished steps stay in the store in every case.
    """
    begun = provenance.begin()
    ready = prepare(spec, progress)
    artist = declare_rights(ready.artist, declared=spec.declare, out=ready.out)
    later = trained_later(ready.plan) if first_report else ()
    ahead = forecast(ready.plan, ready.engine, later=later, ended=has_ended(ready.out, ready.plan))
    remember(spec, ready.plan, ready.engine, ahead)
    for said in ahead.said:
        progress.say(said)
    if not agreed():
        raise BadInput("run-not-begun")
    engine = replace(ready.engine, packing=ahead.cost.packing)
    judged = carry_out(spec, ready.plan, artist, engine, out=ready.out, begun=begun, cost=ahead.cost, later=later)
    drop_command(ready.out)
    return judged, ready.out


def carry_out(
    spec: Spec,
    plan: Plan,
    artist: ArtistSet,
    engine: Engine,
    *,
    out: Path,
    begun: Begun,
    cost: Cost | None = None,
    later: tuple[str, ...] = (),
) -> Results:
    """Everything after the plan is fixed, into the claimed folder: one stage a line.

    Args:
        spec: how to run; what to run stands in the plan.
        artist: the works of the plan, with their pictures in the store.
        begun: when the run began.
        cost: what it takes, where that was measured and told already.
        later: names of conditions that are trained after a first report; () writes none. What it adds to the finished
            run is an entry in the log.
    """
    engine = with_executor(spec, engine)
    sessions = write_start(spec, plan, engine, out=out)
    begin_attempt(engine.store.root, plan, out=out)
    foresee_time(plan, engine, cost)
    treated = treat_works(plan, with_surrogate(engine, spec.surrogate, memory=spec.memory))
    visibility = measure_visibility(plan, treated, engine)
    real = score_real_works(plan, engine)
    before_training = mark_training(plan, engine, out=out)
    made = Outputs(
        plan=plan,
        sessions=sessions,
        treated=treated,
        visibility=visibility,
        real=real,
        before_training=before_training,
        untriggered=draw_untriggered(plan, real, engine),
        shown=write_pictures(plan, treated, engine, out=out),
    )
    show = Written(engine, out)
    mimics = train_and_score(plan, treated, real, engine, show=show, only=names_without(plan, later))
    trained = are_trained(plan, treated, engine, names=later, replicates=mimics.replicates(plan))
    # A finished report is not put back.
    told = not trained and not has_ended(out, plan)
    if told:
        part = part_without(plan, later)
        so_far = _read(part, made, mimics, engine)
        show_first(record(spec, part, artist, so_far, engine, out=out, begun=begun, pending=later), engine, out=out)
    if later:
        engine.progress.go_on()
        mimics = train_and_score(plan, treated, real, engine, show=show, only=later, before=mimics)
    made = _read(plan, made, mimics, engine)
    log_slower(engine.progress, out)
    judged = conclude(record(spec, plan, artist, made, engine, out=out, begun=begun), engine, out=out)
    if told:
        engine.progress.say(say("now.report-again", file=str(out / "report.html"), names=later))
    return judged


def _read(plan: Plan, made: Outputs, mimics: Mimics, engine: Engine) -> Outputs:
    """What is read of the models of a plan, or of a part of it, beside their scores."""
    return replace(
        made,
        mimics=mimics,
        noise_controls=score_noise_controls(plan, mimics.cells, made.real, engine),
        tone_controls=score_tone_controls(plan, mimics.cells, made.real, engine),
        coherence=read_coherence(plan, mimics.cells, made.real, engine),
        subjects=read_subjects(plan, mimics.trained, engine),
    )
