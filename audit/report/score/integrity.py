"""Digests of what went in and came out."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.pictures import Shelf
from audit.report.score.view import ScoreView
from audit.report.table import Table


@dataclass(frozen=True)
class ScoreIntegrity:
    table: Table


def build(view: ScoreView, _: Shelf) -> ScoreIntegrity:
    """The digests that matter, and the times."""
    return ScoreIntegrity(_integrity(view))


def _integrity(view: ScoreView) -> Table:
    loc, results = view.locale, view.results
    p = results.provenance
    metrics = tuple((f"{loc.say('Metric')} {m.name}", m.weights_sha256) for m in results.metrics)
    return Table(
        loc.say("Digests (SHA-256) and times"),
        (loc.say("What"), loc.say("Value")),
        (
            (loc.say("Plan, fixed before the first picture was scored"), p.plan_sha256),
            (loc.say("Results this page shows"), results.digest()),
            *metrics,
            (loc.say("Started"), loc.minute(p.started)),
            (loc.say("Finished"), loc.minute(p.finished)),
        ),
    )
