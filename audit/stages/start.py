"""How an audit begins: what it works with is written down, how long it will take is told, training is announced."""

from __future__ import annotations

from pathlib import Path

import torch

from audit.base.errors import AuditError
from audit.base.messages import say
from audit.base.progress import Progress, duration
from audit.executor import Engine
from audit.plan.cost import EVEN, Cost, measure_cost
from audit.plan.machine import environment
from audit.plan.spec import Spec
from audit.records import Plan, Session
from audit.runfolder import begin_session, provenance, read_results, write_environment
from audit.runfolder.event_log import SLOWER, TRAINING_BEGINS, log_event
from audit.runfolder.judged import is_last_judged


def write_start(spec: Spec, plan: Plan, engine: Engine, *, out: Path) -> tuple[Session, ...]:
    """Write down what this start works with; every start of this run so far."""
    engine.progress.stage(say("stage.start"), 1)
    write_environment(out, environment(spec.model, device=engine.device, precision=engine.precision))
    session = provenance.session(threads=torch.get_num_threads(), device=device_words(engine))
    sessions = begin_session(out, session)
    engine.progress.advance(1)
    engine.progress.close()
    fixed = say("now.plan", digest=plan.digest(), conditions=len(plan.conditions), replicates=plan.replicates)
    engine.progress.say(fixed)
    return sessions


def foresee_time(plan: Plan, engine: Engine, cost: Cost | None) -> None:
    """Tell how long it will take, where `cost` was not measured and told already."""
    if cost is None:
        cost = measure_cost(plan, engine)
        engine.progress.say(say("now.time", time=duration(cost.whole)))
    engine.progress.expect(cost.seconds, later=cost.later, even=EVEN)


def mark_training(plan: Plan, engine: Engine, *, out: Path) -> frozenset[str]:
    """Write into the log that training begins; keys of the steps that were found finished before."""
    log_event(out, TRAINING_BEGINS, {"plan_sha256": plan.digest()})
    return engine.store.found


def device_words(engine: Engine) -> str:
    """Device and precision, as records state them."""
    return f"{engine.device.type}, {engine.precision}"


def has_ended(out: Path, plan: Plan) -> bool:
    """Whether the folder holds the results of this very plan, as they were judged last: all was trained then."""
    try:
        results = read_results(out)
    except AuditError:
        return False
    return results.plan.digest() == plan.digest() and is_last_judged(out / "results.json") is True


def log_slower(progress: Progress, out: Path) -> None:
    """Write into the log which stages took longer than foreseen, each with how many times as long."""
    if progress.slower:
        log_event(out, SLOWER, {"stages": [[id, round(times, 2)] for id, times in progress.slower]})
