"""Digests of what went in and came out."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.pictures import Shelf
from audit.report.score.view import ScoreView
from audit.report.table import Table


@dataclass(frozen=True)
class ScoreIntegrity:
    table: Table


def build(view: ScoreView, shelf: Shelf) -> ScoreIntegrity:
    """The digests that matter, and the times."""
    return ScoreIntegrity(_integrity(view, shelf))


def _integrity(view: ScoreView, shelf: Shelf) -> Table:
    loc, results = view.locale, view.results
    p = results.provenance
    metrics = tuple(
        (loc.say("Metric {name}, weights and rules together", name=m.name), m.weights_sha256) for m in results.metrics
    )
    beside = shelf.digests_beside("plan.json", "score.json")
    return Table(
        loc.say("Digests (SHA-256) and times"),
        (loc.say("What"), loc.say("Value")),
        (
            *((loc.say("File {name}", name=name), digest) for name, digest in beside),
            (loc.say("Plan, fixed before the first picture was scored, canonical"), p.plan_sha256),
            (loc.say("Results this page shows, canonical"), results.digest()),
            *metrics,
            (loc.say("Started"), loc.minute(p.started)),
            (loc.say("Finished"), loc.minute(p.finished)),
        ),
    )
