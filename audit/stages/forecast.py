"""Before hours are spent: whether this audit can answer, and how long it takes on this machine."""

from __future__ import annotations

import statistics
from collections.abc import Collection
from dataclasses import dataclass

from audit.base.messages import Said, say
from audit.base.progress import duration
from audit.executor import Engine
from audit.judge.calibration import setup_digest
from audit.judge.foresight import foresee
from audit.plan.cost import Cost, measure_cost, nothing_left
from audit.plan.spec import Spec
from audit.records import Plan
from audit.report.notes import lab_note
from audit.runfolder import find_card
from audit.runfolder.forecasts import keep_forecast
from audit.stages.real_works import score_real_works
from audit.style.visibility import kept_shares

MOSTLY_KEPT = 0.5
"""Of a change, the share left at the model's size below which a person is told before training."""
MOST_SHRUNK = 48
"""Files of an arm that are looked at for it, spread over all: a middle needs no more."""


@dataclass(frozen=True)
class Outlook:
    """What is known of an audit before its first training.

    Attributes:
        said: for the person who decides whether to begin: what it tests, with what, what it can tell, and the time.
    """

    cost: Cost
    said: tuple[Said, ...]


def forecast(plan: Plan, engine: Engine, *, later: Collection[str] = (), ended: bool = False) -> Outlook:
    """Score the real works, look at what shrinking leaves of the protection, and measure a few steps.

    Args:
        later: names of conditions that are trained after a first report.
        ended: whether the run came to its end before; then nothing is measured.
    """
    metrics = score_real_works(plan, engine).metrics
    passed_over: list[Said] = []
    card = find_card(engine.store.root, setup_digest(plan), tell=passed_over.append)
    cost = nothing_left(engine) if ended else measure_cost(plan, engine, later=later)
    return Outlook(
        cost=cost,
        said=(
            *((note,) if (note := lab_note(plan)) else ()),
            say(
                "foresight.works",
                works=len(plan.works),
                protected=len(plan.protected),
                prompts=len(plan.prompts),
                runs=plan.replicates,
            ),
            *_shrunk(plan, engine),
            *(say("foresight.card-left", why=why) for why in passed_over),
            *foresee(plan, metrics, card),
            *_time(cost),
        ),
    )


def _time(cost: Cost) -> tuple[Said, ...]:
    """How long it takes, and until a first report."""
    if not cost.seconds:
        return (say("now.ended"),)
    whole = say("now.time", time=duration(cost.whole))
    return (whole, say("now.time-first", time=duration(sum(cost.seconds.values())))) if cost.later else (whole,)


def remember(spec: Spec, plan: Plan, engine: Engine, found: Outlook) -> None:
    """Keep the time that was foreseen, for `cloakcheck models PATH`."""
    if not found.cost.seconds:
        return
    device = f"{engine.device.type}, {engine.precision}"
    keep_forecast(engine.store.root, spec.model, plan, seconds=found.cost.whole, device=device)


def _shrunk(plan: Plan, engine: Engine) -> tuple[Said, ...]:
    """Of the arm that shrinking takes most from, what is left, where that is less than half."""
    pixels = {work.id: work.pixels for work in plan.works}
    middles = [1.0]
    for arm in dict.fromkeys(file.arm for file in plan.protected):
        files = [file for file in plan.protected if file.arm == arm]
        pairs = tuple((pixels[file.work], file.pixels) for file in files[:: -(-len(files) // MOST_SHRUNK)])
        shares = [s for s in kept_shares(pairs, engine.store, side=plan.model.resolution) if s is not None]
        middles += [statistics.median(shares)] if shares else []
    least = min(middles)
    return (say("shrunk", side=plan.model.resolution, share=least),) if least < MOSTLY_KEPT else ()
