"""Digests of all that went in and came out, and whose word the times are."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.custody import addons, time_sentence, time_source
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.table import Table


@dataclass(frozen=True)
class Integrity:
    table: Table
    time: str
    """Sentence on whose word the times are."""
    hashes: tuple[Table, ...]


def build(view: ResultsView, _: Shelf) -> Integrity:
    """The digests that matter most, then those of every file."""
    return Integrity(_integrity(view), time_sentence(view.locale, view.custody), _hashes(view))


def _integrity(view: ResultsView) -> Table:
    loc, results, p = view.locale, view.results, view.results.provenance
    own = results.plan.digest()
    same = loc.say("the same") if own == p.plan_sha256 else loc.say("differs: {digest}", digest=own)
    return Table(
        loc.say("Digests (SHA-256) and times"),
        (loc.say("What"), loc.say("Value")),
        (
            (_plan(view), p.plan_sha256),
            (loc.say("Plan inside these results"), same),
            (loc.say("Results this page shows"), results.digest()),
            (loc.say("Base model"), results.plan.model.sha256),
            (loc.say("Declared about rights"), loc.known(p.declaration) if p.declaration else loc.say("nothing")),
            (loc.say("Started"), loc.minute(p.started)),
            (loc.say("Finished"), loc.minute(p.finished)),
            (loc.say("Time"), time_source(loc, view.custody)),
            (loc.say("Trained add-ons"), addons(loc, view.custody)),
        ),
    )


def _plan(view: ResultsView) -> str:
    loc, p = view.locale, view.results.provenance
    if p.before_plan:
        return loc.say("Plan, fixed on {time}, later than part of what this test used", time=loc.minute(p.plan_fixed))
    return loc.say("Plan, fixed before the first training")


def _hashes(view: ResultsView) -> tuple[Table, ...]:
    loc, results = view.locale, view.results
    protected = tuple((f.work, f.name, f.claimed_tool or loc.say("none"), f.sha256) for f in results.plan.protected)
    adapters = tuple((view.short(c.condition), str(c.replicate), c.adapter.sha256) for c in results.cells if c.adapter)
    works = tuple(
        (w.id, w.name, loc.say("held out") if w.split == "reference" else loc.say("training"), w.sha256)
        for w in results.plan.works
    )
    work, name = loc.say("Work"), loc.say("File name")
    tables = (
        Table(loc.say("Works as delivered"), (work, name, loc.say("Use"), "SHA-256"), works),
        Table(
            loc.say("Protected files as delivered"),
            (work, name, loc.say("Tool named in the file"), "SHA-256"),
            protected,
        ),
        Table(loc.say("Trained add-ons"), (loc.say("Trained on"), loc.say("Run"), "SHA-256"), adapters),
        Table(
            loc.say("Metric weights"),
            (loc.say("Metric"), "SHA-256"),
            tuple((m.name, m.weights_sha256) for m in results.metrics),
        ),
    )
    return tuple(t for t in tables if t.rows)
