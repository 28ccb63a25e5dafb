"""Tables of estimates for experts: every condition's, and any reading without a table of its own."""

from __future__ import annotations

from audit.report.estimates import chance, named, score, share, value_of
from audit.report.locale import Spoken
from audit.report.results_view import ResultsView
from audit.report.table import Table

_CHECKS = ("auc", "base_position", "learned_share")
_SCORES = ("gain", "gain_difference")
_INDICES = ("protection_index", "protection_index_bootstrap")
_CHANCES = ("p_sign_flip", "p_holm")
_SMALLEST = "mde_protection_index"
_BY_SETTING = ("gain_at_setting", "index_at_setting")
_KNOWN = frozenset(("recognised_rate", *_BY_SETTING, *_CHECKS, *_SCORES, *_INDICES, *_CHANCES, _SMALLEST))


def numbers(view: ResultsView) -> Table:
    """All estimates of every condition by the primary metric."""
    loc = view.locale
    head = (
        loc.say("Trained on"),
        loc.say("Gain in score"),
        loc.say("Difference from unprotected"),
        loc.say("Protection index"),
        loc.say("By resampling"),
        loc.say("p (sign flip)"),
        loc.say("p (Holm)"),
        loc.say("Smallest effect visible"),
        loc.say("Trainings"),
    )
    rows = []
    for condition in view.results.plan.conditions:
        names = (*_SCORES, *_INDICES, *_CHANCES, _SMALLEST)
        found = {name: view.estimate(name, condition.name) for name in names}
        n = next((str(e.n) for e in found.values() if e is not None), loc.say("none"))
        rows.append(
            (
                view.short(condition.name),
                *(score(loc, found[k]) for k in _SCORES),
                *(share(loc, found[k]) for k in _INDICES),
                *(chance(loc, found[k]) for k in _CHANCES),
                share(loc, found[_SMALLEST]),
                n,
            )
        )
    return Table(loc.say("All estimates by {metric}, with their ranges", metric=view.primary), head, tuple(rows))


def other_readings(view: ResultsView) -> Table | None:
    """Every estimate with a name that no table above knows: a reading that the judge has gained since."""
    loc = view.locale
    rows = tuple(
        (
            named(loc, "quantity", e.name),
            view.short(e.condition) if e.condition else loc.say("none"),
            e.metric or loc.say("none"),
            value_of(loc, e),
            str(e.n),
            loc.spoken(e.why) if e.why is not None else "",
        )
        for e in view.results.estimates
        if e.name not in _KNOWN
    )
    head = (
        loc.say("Reading"),
        loc.say("Trained on"),
        loc.say("Metric"),
        loc.say("Value"),
        loc.say("Units counted"),
        loc.say("Note"),
    )
    return Table(loc.say("Other readings"), head, rows, sortable=True) if rows else None


def definitions(view: ResultsView) -> Table | None:
    """How every estimate of the tables above is worked out, once each."""
    loc = view.locale
    found: dict[tuple[str, str], tuple[str, Spoken]] = {}
    for e in view.results.estimates:
        found.setdefault((e.name, e.how.canonical()), (named(loc, "quantity", e.name), loc.spoken(e.how)))
    head = (loc.say("Reading"), loc.say("How it is worked out"))
    return Table(loc.say("How every reading is worked out"), head, tuple(found.values())) if found else None
