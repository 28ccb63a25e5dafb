"""Many artists in one command."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from audit.base.errors import AuditError, BadInput
from audit.base.messages import render, say
from audit.cli.app import app
from audit.cli.options import (
    Declare,
    Device,
    ExecutorName,
    Json,
    KeepNodeCache,
    Memory,
    StoreAt,
    Yes,
    at_a_terminal,
    confirmed,
    declared_on_terminal,
)
from audit.cli.told import TRACE, as_told, one_sentence, tell

NOT_WHOLE = 10
"""Exit code of a batch of which n audits are not whole: this and n, `MOST_CODE` at most. All whole is 0."""
MOST_CODE = 100
"""Shells give codes from 126 on to what could not be run or was ended."""


@app.command()
def batch(
    file: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="File that names artists and what holds for all.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the run folders (default: reports/<name of SPEC>).")
    ] = None,
    store: StoreAt = None,
    device: Device = None,
    memory: Memory = None,
    executor: ExecutorName = None,
    keep_node_cache: KeepNodeCache = None,
    declare: Declare = None,
    plan_only: Annotated[bool, typer.Option("--plan", help="Plan all and say what it takes; train nothing.")] = False,
    yes: Yes = False,
    lang: Annotated[str, typer.Option(help="Language of the page over all: en or de.")] = "en",
    json_output: Json = False,
) -> None:
    """Audit many artists from one file; one that fails stops nobody, and the same command goes on.

    Exit code 0: every audit is whole, whatever its answer. 10 and the number of those that are not whole, 100 at most.
    """
    with one_sentence():
        from audit.plan.batch import load_batch
        from audit.report.locale import report_locale

        report_locale(lang)
        given = {"out": out, "store": store, "device": device, "memory": memory, "declare": declare}
        given |= {"executor": executor, "keep_node_cache": keep_node_cache}
        asked = load_batch(file, given)
        undeclared = not plan_only and not all(audit.spec.declare for audit in asked.audits)
        if undeclared and at_a_terminal():
            if not declared_on_terminal("ask.before-training"):
                raise BadInput("rights-refused")
            asked = load_batch(file, {**given, "declare": True})

        from audit.commands.batch import needed, plan_batch, row_said, run_batch, write_page

        found = plan_batch(asked, told=_told)
        for said in (*map(row_said, found.audits), *needed(asked, found).said(found)):
            print(render(said), file=sys.stdout if plan_only and not json_output else sys.stderr)
        page = None
        if not plan_only:
            if any(audit.state == "waiting" for audit in found.audits):
                if not (yes or not at_a_terminal() or confirmed(say("ask.begin"))):
                    raise BadInput("run-not-begun")
                found = run_batch(asked, found, told=_told)
            page = write_page(asked, found, lang=lang)
        if json_output:
            rows = found.model_dump(mode="json")["audits"]
            print(json.dumps({"audits": rows, "whole": found.whole, "overview": page and str(page)}))
        elif not plan_only:
            for audit in found.audits:
                print(render(row_said(audit)))
            tell("told.batch-end", whole=found.whole, all=len(found.audits))
            print(page or asked.out)
    counted = ("failed",) if plan_only else ("waiting", "at-work", "failed")
    if missing := sum(audit.state in counted for audit in found.audits):
        raise typer.Exit(min(NOT_WHOLE + missing, MOST_CODE))


def _told(error: Exception) -> AuditError:
    """What a library or the system refused, in a sentence, unless its trace is asked for."""
    if TRACE in os.environ:
        raise error
    return as_told(error)
