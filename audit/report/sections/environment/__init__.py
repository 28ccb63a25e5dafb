"""Where and with what the run was made."""

from __future__ import annotations

from dataclasses import dataclass

from audit.base.messages import catalogue
from audit.records import StepEnvironment
from audit.report.locale import ReportLocale
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.table import Table


@dataclass(frozen=True)
class EnvironmentSection:
    table: Table
    sessions: Table | None
    reused: Table | None
    """Steps that were made elsewhere; None without any."""
    packages: Table


def build(view: ResultsView, _: Shelf) -> EnvironmentSection:
    """As the run recorded it."""
    loc = view.locale
    packages = tuple(sorted(view.results.provenance.packages.items()))
    return EnvironmentSection(
        table=_environment(view),
        sessions=_sessions(view),
        reused=_reused(view),
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


def _reused(view: ResultsView) -> Table | None:
    """What was taken from earlier runs and made with another device, precision or software than this run's."""
    loc = view.locale
    rows = tuple(
        (
            r.step,
            str(r.count),
            loc.minute(r.first_made),
            loc.minute(r.last_made),
            r.environment.accelerator or r.environment.device,
            r.environment.precision,
            r.environment.tool_version,
            r.environment.commit or loc.say("not recorded"),
            _other_packages(view, r.environment),
        )
        for r in view.results.provenance.reused_elsewhere
    )
    head = (
        loc.say("Step"), loc.say("How many"), loc.say("First made"), loc.say("Last made"), loc.say("Device"),
        loc.say("Precision"), "CloakCheck", loc.say("Commit"),
        loc.say("Other package versions"),
    )  # fmt: skip
    return Table(loc.say("Finished steps that were made elsewhere"), head, rows) if rows else None


def _other_packages(view: ResultsView, made_with: StepEnvironment) -> str:
    """Packages in another version than this run's, with the version that made the step."""
    if not made_with.packages:
        return view.locale.say("not recorded")
    own = view.results.provenance.packages
    other = [f"{name} {version}" for name, version in sorted(made_with.packages.items()) if own.get(name) != version]
    return ", ".join(other) or view.locale.say("none")


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
            *_self_test(view),
        ),
    )


def _self_test(view: ResultsView) -> tuple[tuple[str, str], ...]:
    """What a test of this model on this machine found; () where nobody made one."""
    loc, found = view.locale, view.results.provenance.self_test
    if found is None:
        return ()
    text = loc.say(
        "{passed} of {all} steps passed on {made} (SHA-256 of the file {digest})",
        passed=found.passed,
        all=found.steps,
        made=loc.minute(found.made),
        digest=found.sha256,
    )
    return ((loc.say("Self-test with this model on this machine"), text),)
