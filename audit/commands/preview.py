"""`plan`: fix the plan and say what the audit will cost, without training anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.base.progress import Progress
from audit.executor.packing import Packing
from audit.plan.cost import Cost, measure_cost
from audit.plan.spec import Spec
from audit.records import Plan
from audit.stages.prepare import prepare


@dataclass(frozen=True)
class Preview:
    """A plan and its cost on this machine.

    Attributes:
        path: the plan.json written; cells: LoRAs to train; packing: how they are trained together.
    """

    plan: Plan
    path: Path
    cells: int
    packing: Packing
    cost: Cost


def preview(spec: Spec, progress: Progress) -> Preview:
    """Write plan.json and measure a few steps.

    Raises:
        AuditError: as for a run.
    """
    ready = prepare(spec, progress)
    plan, packing = ready.plan, ready.engine.packing
    cost = measure_cost(plan, ready.artist, ready.engine)
    cells = len(plan.conditions) * plan.replicates
    return Preview(plan=plan, path=ready.out / "plan.json", cells=cells, packing=packing, cost=cost)
