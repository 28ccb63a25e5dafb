"""Digests of all that went in and came out, and whose word the times are."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report import attempts
from audit.report.custody import addons, time_sentence, time_source
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.table import Table


@dataclass(frozen=True)
class Integrity:
    table: Table
    time: str
    """Sentence on whose word the times are."""
    attempts: str
    """How often these works were audited before."""
    earlier: Table | None
    hashes: tuple[Table, ...]


def build(view: ResultsView, shelf: Shelf) -> Integrity:
    """The digests that matter most, then those of every file."""
    return Integrity(
        _integrity(view, shelf),
        time_sentence(view.locale, view.custody),
        attempts.told(view.locale, view.results.attempts),
        attempts.table(view.locale, view.results.attempts),
        _hashes(view),
    )


def _integrity(view: ResultsView, shelf: Shelf) -> Table:
    loc, results, p = view.locale, view.results, view.results.provenance
    own = results.plan.digest()
    same = loc.say("the same") if own == p.plan_sha256 else loc.say("differs: {digest}", digest=own)
    if results.pending:
        same = loc.say("a part of it, for this is a first report")
    beside = shelf.digests_beside("plan.json", "results.json")
    return Table(
        loc.say("Digests (SHA-256) and times"),
        (loc.say("What"), loc.say("Value")),
        (
            *((loc.say("File {name}", name=name), digest) for name, digest in beside),
            (_plan(view), p.plan_sha256),
            (loc.say("Plan inside these results"), same),
            (loc.say("Results this page shows, canonical"), results.digest()),
            (loc.say("Base model, all of its files together"), results.plan.model.sha256),
            *(
                ()
                if (by := results.plan.drawn_with) is None
                else ((loc.say("Model that draws, all of its files together"), by.sha256),)
            ),
            (loc.say("Declared about rights"), loc.spoken(p.declared) if p.declared else loc.say("nothing")),
            (loc.say("Started"), loc.minute(p.started)),
            (loc.say("Finished"), loc.minute(p.finished)),
            (loc.say("Time"), time_source(loc, view.custody)),
            (loc.say("Trained add-ons"), addons(loc, view.custody)),
        ),
    )


def _plan(view: ResultsView) -> str:
    loc, p = view.locale, view.results.provenance
    if p.before_plan:
        return loc.say(
            "Plan, fixed on {time}, later than part of what this test used, canonical", time=loc.minute(p.plan_fixed)
        )
    return loc.say("Plan, fixed before the first training, canonical")


def _hashes(view: ResultsView) -> tuple[Table, ...]:
    loc, results = view.locale, view.results
    protected = tuple((f.work, f.name, f.claimed_tool or loc.say("none"), f.sha256) for f in results.plan.protected)
    adapters = tuple((view.short(c.condition), str(c.replicate), c.adapter.sha256) for c in results.cells if c.adapter)
    works = tuple((w.id, w.name, _use(view, w.id), w.sha256) for w in results.plan.works)
    work, name, of_file = loc.say("Work"), loc.say("File name"), loc.say("SHA-256 of the file")
    tables = (
        Table(loc.say("Works as delivered"), (work, name, loc.say("Use"), of_file), works),
        Table(
            loc.say("Protected files as delivered"),
            (work, name, loc.say("Tool named in the file"), of_file),
            protected,
        ),
        Table(loc.say("Trained add-ons"), (loc.say("Trained on"), loc.say("Run"), of_file), adapters),
        Table(
            loc.say("Metrics"),
            (loc.say("Metric"), loc.say("SHA-256 of weights and rules together")),
            tuple((m.name, m.weights_sha256) for m in results.metrics),
        ),
    )
    return tuple(t for t in tables if t.rows)


def _use(view: ResultsView, work: str) -> str:
    """Whether models trained on a work, or in which runs it was held out."""
    loc, plan = view.locale, view.results.plan
    if plan.draws:
        runs = [str(draw.replicate) for draw in plan.draws if work in draw.held_out]
        if not runs:
            return loc.say("never held out")
        return loc.many(len(runs), "held out in run {runs}", "held out in runs {runs}", runs=", ".join(runs))
    return loc.say("held out") if any(w.id == work for w in plan.held_out(1)) else loc.say("training")
