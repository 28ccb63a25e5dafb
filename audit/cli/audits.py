"""Commands that make an audit or its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.base.messages import say
from audit.base.progress import Progress, duration
from audit.base.text import printable
from audit.cli.app import app
from audit.cli.options import (
    Device,
    Json,
    Out,
    Preset,
    StoreAt,
    announce,
    describes_an_audit,
    one_sentence,
    tell,
    with_rights,
)

if TYPE_CHECKING:
    from audit.plan.spec import Spec


READ_IN = {
    "": "read-in.family-alone",
    "config": "read-in.config",
    "yaml": "read-in.yaml",
    "header": "read-in.header",
    "marker": "read-in.marker",
    "schedule": "read-in.schedule",
    "card": "read-in.card",
    "option": "read-in.option",
    "probe": "read-in.probe",
    "family": "read-in.family",
}
"""Source of a prediction type -> what the plan's summary says of it."""


@app.command()
def demo(
    preset: Preset = None,
    out: Out = None,
    store: StoreAt = None,
    device: Device = None,
    json_output: Json = False,
) -> None:
    """Audit a reference protection on the built-in artist with the built-in lab model: no GPU, no download."""
    with one_sentence():
        from audit.commands.demo import demo_spec
        from audit.stages.audit import run as run_audit

        spec = demo_spec(preset=preset, out=out, store=store, device=device)
        judged, folder = run_audit(spec, Progress())
        announce(judged, folder, as_json=json_output)


@app.command()
@describes_an_audit
def run(asked: Spec, json_output: Json = False) -> None:
    """Audit the protection of your own pictures."""
    from audit.stages.audit import run as run_audit

    judged, folder = run_audit(with_rights(asked), Progress())
    announce(judged, folder, as_json=json_output)


@app.command()
@describes_an_audit
def plan(asked: Spec) -> None:
    """Fix the plan of an audit and say what it will cost; trains nothing."""
    from audit.commands.preview import preview

    shown = preview(asked, Progress())
    model = shown.plan.model
    source = say(READ_IN[model.prediction_source])
    tell("told.base", name=model.name, side=model.resolution, reading=model.prediction_type, source=source)
    for condition in shown.plan.conditions:
        tell("told.condition", name=condition.name, role=condition.role)
    for recipe in shown.plan.recipes:
        settings = "; ".join(f"{name} {value}" for name, value in recipe.settings.items())
        published = f"; published with {recipe.published}" if recipe.published else ""
        print(printable(f"treatment {recipe.step}: {recipe.source}; {settings}{published}", limit=600))
    tell("told.cells", count=shown.cells)
    tell("told.full" if shown.plan.training.method == "full" else "told.loras", count=shown.packing.cells)
    if saving := shown.packing.saving.told():
        tell("told.saving", what=saving)
    tell("told.time", time=duration(sum(shown.cost.seconds.values())))
    tell("told.memory", gb=shown.cost.memory_bytes / 1e9)
    tell("told.disk", mb=shown.cost.disk_bytes / 1e6)
    tell("told.plan", digest=shown.plan.digest())
    print(shown.path)
