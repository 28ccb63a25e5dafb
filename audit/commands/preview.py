"""`plan`: fix the plan and say what the audit will cost, without training anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.base.progress import Progress
from audit.plan.cost import Cost, measure_cost
from audit.plan.machine import pick_pack, pick_precision
from audit.plan.spec import Spec
from audit.records import Plan
from audit.stages.audit import prepare
from audit.training.packs import Packing


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
    _, artist, plan, model, out = prepare(spec, progress)
    precision = pick_precision(model.device)
    packing = pick_pack(model, plan.training, precision=precision, memory=spec.memory)
    cost = measure_cost(plan, artist, model=model, precision=precision, packing=packing, progress=progress)
    cells = len(plan.conditions) * plan.replicates
    return Preview(plan=plan, path=out / "plan.json", cells=cells, packing=packing, cost=cost)
