"""Where and with what the run was made."""

from __future__ import annotations

from dataclasses import dataclass

from audit.base.messages import catalogue
from audit.report.locale import ReportLocale
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.table import Table


@dataclass(frozen=True)
class EnvironmentSection:
    table: Table
    sessions: Table | None
    packages: Table


def build(view: ResultsView, _: Shelf) -> EnvironmentSection:
    """As the run recorded it."""
    loc = view.locale
    packages = tuple(sorted(view.results.provenance.packages.items()))
    return EnvironmentSection(
        table=_environment(view),
        sessions=_sessions(view),
        packages=Table(loc.say("Packages"), (loc.say("Package"), loc.say("Version")), packages),
    )


def _sessions(view: ResultsView) -> Table | None:
    """Every start of the run's command; a run that was stopped and resumed has several."""
    loc = view.locale
    rows = tuple(
        (loc.minute(s.started), s.device, str(s.threads), s.commit or loc.say("not recorded"))
        for s in view.results.provenance.sessions
    )
    head = (loc.say("Started"), loc.say("Device"), loc.say("Threads"), loc.say("Commit"))
    return Table(loc.say("Every start of the run"), head, rows) if rows else None


def _stage(loc: ReportLocale, id: str) -> str:
    """A stage by the id of its message; an older file has its English name."""
    return loc.known(catalogue()[id].text if id in catalogue() else id).text


def _environment(view: ResultsView) -> Table:
    loc, p = view.locale, view.results.provenance
    stages = "; ".join(f"{_stage(loc, id)} {loc.duration(s)}" for id, s in p.stage_seconds.items())
    return Table(
        loc.say("Where and with what this ran"),
        (loc.say("What"), loc.say("Value")),
        (
            ("CloakCheck", view.results.plan.tool_version),
            (loc.say("Commit"), p.commit or loc.say("not recorded: not run from a checkout")),
            (loc.say("System"), p.platform),
            (loc.say("Device"), p.device),
            ("Python", p.python),
            (loc.say("Time taken"), loc.duration(p.seconds)),
            (loc.say("Time by stage"), stages or loc.say("not recorded")),
            (
                loc.say("Steps"),
                loc.say("{run} run, {reused} reused from earlier", run=p.steps_run, reused=p.steps_reused),
            ),
        ),
    )
