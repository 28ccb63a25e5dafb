"""Commands about the machine at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.base.messages import render, say
from audit.cli.app import app
from audit.cli.options import Device, ExecutorName, Memory, PredictionType, StoreAt
from audit.cli.told import one_sentence, tell

Model = Annotated[
    str | None,
    typer.Option("--model", metavar="MODEL", help="Try everything that a run does with it, in about a minute."),
]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the self-test with --model is written.")]


@app.command()
def doctor(
    model: Model = None,
    device: Device = None,
    memory: Memory = None,
    prediction_type: PredictionType = None,
    store: StoreAt = None,
    executor: ExecutorName = None,
    out: Out = Path("cloakcheck-self-test.json"),
) -> None:
    """Say what this machine, or a cluster, offers to a run; with --model, try it and write down what came out."""
    with one_sentence():
        from audit.plan.machine import describe_machine

        for line in describe_machine():
            print(render(line))
        if executor not in (None, "local"):
            from audit.plan.executor_names import asked_executor
            from audit.plan.executors import describe_cluster

            for line in describe_cluster(asked_executor(executor), device=device or "auto"):
                print(render(line))
        if model is None:
            return
        from audit.base.progress import Progress
        from audit.commands.self_test import self_test
        from audit.runfolder.self_tests import as_file
        from audit.store import write_atomic

        found = self_test(
            model,
            device=device or "auto",
            memory=memory,
            prediction_type=prediction_type,
            store=store,
            progress=Progress(),
        )
        for step in found.steps:
            word = {True: "self-test.passed", False: "self-test.failed", None: "self-test.not-tried"}[step.passed]
            figures = [say("self-test.figure", name=name, value=value) for name, value in step.figures.items()]
            tell("self-test.step", what=say(step.name), word=say(word), seconds=step.seconds, figures=figures)
        tell("self-test.memory", gb=found.memory_bytes / 1e9)
        write_atomic(out, as_file(found))
        print(out)
    if found.failed:
        raise typer.Exit(3)
