"""Commands that make an audit or its plan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.base.messages import Said, render, say
from audit.base.progress import Progress
from audit.cli.app import app
from audit.cli.options import (
    Device,
    ExecutorName,
    Json,
    KeepNodeCache,
    NoReuse,
    Out,
    Preset,
    StoreAt,
    Yes,
    announce,
    at_a_terminal,
    confirmed,
    describes_an_audit,
    with_rights,
)
from audit.cli.told import one_sentence

if TYPE_CHECKING:
    from audit.commands.preview import Preview
    from audit.plan.spec import Spec
    from audit.records import Plan, Recipe, Results


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
    no_reuse: NoReuse = None,
    device: Device = None,
    executor: ExecutorName = None,
    keep_node_cache: KeepNodeCache = None,
    json_output: Json = False,
) -> None:
    """Audit a reference protection on the built-in artist with the built-in lab model: no GPU, no download."""
    with one_sentence():
        from audit.commands.demo import demo_spec
        from audit.stages.audit import run as run_audit

        where = {"store": store, "device": device, "executor": executor, "keep_node_cache": keep_node_cache}
        spec = demo_spec(preset=preset, out=out, no_reuse=bool(no_reuse), where=where)
        judged, folder = run_audit(spec, Progress(), first_report=True)
        announce(judged, folder, as_json=json_output)


def _look_first(asked: Spec) -> None:
    from audit.plan.early_refusals import refuse_early

    for said in refuse_early(asked):
        Progress().say(said)


@app.command()
@describes_an_audit
def run(asked: Spec, yes: Yes = False, json_output: Json = False) -> None:
    """Audit the protection of your own pictures."""
    judged, folder = audit_asked(asked, yes=yes)
    announce(judged, folder, as_json=json_output)


def audit_asked(asked: Spec, *, yes: bool) -> tuple[Results, Path]:
    """Look, ask and run; the judged results and the run's folder."""
    _look_first(asked)
    from audit.stages.audit import run as run_audit

    return run_audit(
        with_rights(asked),
        Progress(),
        agreed=lambda: yes or not at_a_terminal() or confirmed(say("ask.begin")),
        first_report=True,
    )


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run that was stopped, or of a plan.")],
    yes: Yes = False,
    json_output: Json = False,
) -> None:
    """Go on with a run that was stopped, from its folder alone."""
    with one_sentence():
        from audit.plan.unfinished import read_command

        judged, out = audit_asked(read_command(folder), yes=yes)
        announce(judged, out, as_json=json_output)


@app.command()
@describes_an_audit
def plan(asked: Spec, json_output: Json = False) -> None:
    """Fix the plan of an audit and say what it will cost; trains nothing."""
    _look_first(asked)
    from audit.commands.preview import preview

    shown = preview(asked, Progress())
    how, tells = how_of(shown), tells_of(shown)
    if json_output:
        facts: dict[str, Any] = {
            "plan": str(shown.path),
            "plan_sha256": shown.plan.digest(),
            "cells": shown.cells,
            "seconds": sum(shown.cost.seconds.values()),
            "memory_bytes": shown.cost.memory_bytes,
            "disk_bytes": shown.cost.disk_bytes,
            "told": [said.model_dump(mode="json") for said in (*how, *tells)],
        }
        print(json.dumps(facts))
        return
    for said in (say("told.how"), *how, say("told.tells"), *tells):
        print(render(said))
    print(shown.path)


def how_of(shown: Preview) -> tuple[Said, ...]:
    """How `plan` says an audit will be done, for experts."""
    plan, model, cost = shown.plan, shown.plan.model, shown.cost
    source = say(READ_IN[model.prediction_source])
    saving = cost.packing.saving.told()
    return (
        say("told.base", name=model.name, side=model.resolution, reading=model.prediction_type, source=source),
        *((say("told.clip-skip", n=model.clip_skip),) if model.clip_skip != 1 else ()),
        *_shapes(plan),
        *((say("told.drawn-with", name=by.name, digest=by.sha256),) if (by := plan.drawn_with) else ()),
        *(say("told.condition", name=condition.name, role=condition.role) for condition in plan.conditions),
        *(_treatment(recipe) for recipe in plan.recipes),
        say("told.cells", count=shown.cells),
        say("told.full" if plan.training.method == "full" else "told.loras", count=cost.packing.cells),
        *((say("told.saving", what=saving),) if saving else ()),
        say("told.memory", gb=cost.memory_bytes / 1e9),
        say("told.disk", mb=cost.disk_bytes / 1e6),
    )


def tells_of(shown: Preview) -> tuple[Said, ...]:
    """What `plan` says an audit can tell, and when; what matters most comes last, where a terminal stands still."""
    from audit.judge.reach import can_tell
    from audit.judge.scope import scope_details

    plan = shown.plan
    return (
        *scope_details(plan),
        *(can_tell(plan) if plan.replicates >= plan.margins.min_replicates else ()),
        *shown.ahead,
        say("told.plan", digest=plan.digest()),
    )


def _shapes(plan: Plan) -> Iterator[Said]:
    """In which shapes works are trained on, and how much of them is cut off; nothing of squares that cut nothing."""
    from audit.plan.buckets import lost

    own, square = lost(plan)
    if plan.buckets:
        shapes = [say("told.bucket", n=len(b.works), width=b.width, height=b.height) for b in plan.buckets]
        yield say("told.buckets", shapes=shapes)
        yield say("told.cut", lost=own, square=square)
    elif square:
        yield say("told.squares", square=square)


def _treatment(recipe: Recipe) -> Said:
    settings = [say("told.setting", name=name, value=said) for name, said in recipe.fixed.items()]
    return say(
        "told.treatment",
        step=recipe.step,
        source=recipe.follows,
        settings=say("told.treatment-settings", settings=settings) if settings else "",
        published=say("told.treatment-published", settings=recipe.usual) if recipe.usual else "",
    )
