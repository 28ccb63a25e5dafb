"""`plan`: fix the plan and say what the audit will cost, without training anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.base.messages import Said
from audit.base.progress import Progress
from audit.plan.cost import Cost
from audit.plan.spec import Spec
from audit.plan.waves import trained_later
from audit.records import Plan
from audit.stages.forecast import forecast, remember
from audit.stages.prepare import Fixed, fix_plan, make_ready


@dataclass(frozen=True)
class Preview:
    """A plan and its cost on this machine.

    Attributes:
        path: the plan.json written; cells: LoRAs to train.
        ahead: whether this audit can answer, for the person who decides.
    """

    plan: Plan
    path: Path
    cells: int
    cost: Cost
    ahead: tuple[Said, ...]


def preview(spec: Spec, progress: Progress) -> Preview:
    """Write plan.json and measure a few steps.

    Raises:
        AuditError: as for a run.
    """
    return preview_fixed(spec, fix_plan(spec, progress), progress, first_report=True)


def preview_fixed(spec: Spec, fixed: Fixed, progress: Progress, *, first_report: bool = False) -> Preview:
    """The same of a plan that is fixed already; `first_report` as of a run."""
    ready = make_ready(spec, fixed, progress)
    plan = ready.plan
    ahead = forecast(plan, ready.engine, later=trained_later(plan) if first_report else ())
    remember(spec, plan, ready.engine, ahead)
    cells = len(plan.conditions) * plan.replicates
    return Preview(plan=plan, path=ready.out / "plan.json", cells=cells, cost=ahead.cost, ahead=ahead.said)
