"""The command that shows which protected file is taken for which work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from audit.base.errors import BadInput
from audit.base.messages import render, say
from audit.base.progress import Progress
from audit.cli.app import app
from audit.cli.options import Json, Originals, Pairs, Protected, SpecFile
from audit.cli.told import one_sentence, tell

if TYPE_CHECKING:
    from audit.collect.looked import LookedPairs, SeenArm


@app.command()
def pairs(
    originals: Originals = None,
    protected: Protected = None,
    pairs: Pairs = None,
    spec: SpecFile = None,
    json_output: Json = False,
) -> None:
    """Show which protected file is taken for which work, and what cannot be used; trains nothing."""
    with one_sentence():
        from audit.collect.by_hand import read_pairs
        from audit.collect.captions import read_captions
        from audit.collect.looked import look_at_pairs
        from audit.plan.spec import load_spec

        asked = load_spec({"originals": originals, "protected": tuple(protected or ()), "pairs": pairs}, spec)
        if not asked.protected:
            raise BadInput("nothing-to-test")
        progress = Progress()
        progress.stage(say("stage.read"), 0)
        found = look_at_pairs(
            originals=asked.originals,
            protected=asked.protected,
            by_hand=read_pairs(asked.pairs) if asked.pairs else None,
            captions=read_captions(asked.captions) if asked.captions else None,
            progress=progress.count,
        )
        progress.close()
        if json_output:
            print(json.dumps(found.plain()))
            return
        _tell(found)
        if found.unusable or any(arm.to_mend for arm in found.arms):
            raise typer.Exit(3)


def _tell(found: LookedPairs) -> None:
    for said in (*found.notes, *(one.said for one in found.unusable)):
        print(render(said))
    for arm in found.arms:
        _tell_arm(arm)


def _tell_arm(arm: SeenArm) -> None:
    tell("told.pair-arm", name=arm.name, pairs=len(arm.pairs), alone=len(arm.alone), extra=len(arm.extra))
    for one in (*arm.unusable, *arm.unclear):
        print(render(one.said))
    for pair in arm.pairs:
        unsure = say("told.pair-unsure") if pair.unsure else ""
        tell("told.pair", work=pair.work, copy=pair.copy, by=say(BY[pair.matched_by]), unsure=unsure)
        if pair.problem is not None:
            print(render(pair.problem))
    for work in arm.alone:
        tell("told.pair-alone", work=work)
    for copy in arm.extra:
        tell("told.pair-extra", copy=copy)


BY = {"name": "told.pair-by.name", "perceptual-hash": "told.pair-by.perceptual-hash", "hand": "told.pair-by.hand"}
"""How a pair was found -> the message that says so."""
