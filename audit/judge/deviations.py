"""Where a run, or its judging, differs from the plan that was fixed before it: found by comparing records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from audit.base.errors import BadInput
from audit.base.messages import Said, Value, say
from audit.judge.gains import missing_cells, named_cells
from audit.judge.rules import refuse_loosened
from audit.records import Deviation, Margins, Provenance, Results
from audit.records.versions import PAST


def deviations(results: Results) -> tuple[Deviation, ...]:
    """Every deviation, in the order of what it could change; an empty tuple when there is none."""
    return (
        *_plan(results),
        *_margins(results),
        *_cells(results),
        *_weights(results),
        *_sessions(results),
        *_before_plan(results),
        *_reused(results),
        *((Deviation(said=say("results-not-last-judged")),) if results.edited_since_judged else ()),
    )


def with_margins(results: Results, changes: Mapping[str, object]) -> Results:
    """Results to be judged with other margins; the planned ones stay beside them.

    Raises:
        BadInput: `margin-unknown`, a name that is no margin or a value that it cannot have; `margin-loosened`.
    """
    planned = results.planned_margins or results.plan.margins
    try:
        margins = Margins.model_validate({**planned.model_dump(), **changes})
    except ValueError as error:
        known = tuple(Margins.model_fields)
        raise BadInput("margin-unknown", names=tuple(changes), known=known) from error
    # A plan of before these rules is judged by what it fixed.
    refuse_loosened(margins, kept=planned if results.plan.schema_version in PAST else None)
    plan = results.plan.model_copy(update={"margins": margins})
    return results.model_copy(update={"plan": plan, "planned_margins": None if margins == planned else planned})


def _plan(results: Results) -> Iterator[Deviation]:
    plan, provenance = results.plan, results.provenance
    if results.planned_margins is not None:
        plan = plan.model_copy(update={"margins": results.planned_margins})
    # A first report holds a part of the plan.
    if not results.pending and plan.digest() != provenance.plan_sha256:
        yield Deviation(said=say("plan-changed"))
    if provenance.plan_file_sha256 not in (None, provenance.plan_sha256):
        yield Deviation(said=say("plan-file-changed"))


def _margins(results: Results) -> Iterator[Deviation]:
    if results.planned_margins is None:
        return
    planned, used = results.planned_margins.model_dump(), results.plan.margins.model_dump()
    changed = [
        say("margins-changed.one", name=name, before=planned[name], after=used[name])
        for name in used
        if used[name] != planned[name]
    ]
    yield Deviation(said=say("margins-changed", list=changed))


def _cells(results: Results) -> Iterator[Deviation]:
    gone = missing_cells(results, results.plan.primary_metric)
    if gone:
        yield Deviation(said=say("cells-left-out", n=len(gone), cells=named_cells(gone)))


def _weights(results: Results) -> Iterator[Deviation]:
    planned = results.plan.metric_weights
    other = [m.name for m in results.metrics if planned.get(m.name, m.weights_sha256) != m.weights_sha256]
    if other:
        yield Deviation(said=say("metric-changed", names=other))


def _sessions(results: Results) -> Iterator[Deviation]:
    sessions = results.provenance.sessions
    changed = [
        say(f"resumed-elsewhere.{what}")
        for what, values in (
            ("threads", {s.threads for s in sessions}),
            ("device", {s.device for s in sessions}),
            ("version", {s.commit for s in sessions}),
            ("packages", {tuple(sorted(s.packages.items())) for s in sessions}),
        )
        if len(values) > 1
    ]
    if changed:
        yield Deviation(said=say("resumed-elsewhere", changes=changed))


def _before_plan(results: Results) -> Iterator[Deviation]:
    """Results that were there before the plan was: it could have been made to fit them."""
    provenance = results.provenance
    if provenance.before_plan:
        yield Deviation(said=say("steps-before-plan", **earlier(provenance)))


def earlier(provenance: Provenance) -> dict[str, Value]:
    """What of a run is older than its plan, for a message: `list`, `fixed`, `first` and `last`."""
    found = provenance.before_plan
    counts: list[Said] = [say(f"steps-before-plan.{steps.step}", n=steps.count) for steps in found]
    undated = sum(steps.undated for steps in found)
    if undated:
        counts.append(say("steps-before-plan.undated", n=undated))
    return {
        "list": counts,
        "fixed": provenance.plan_fixed,
        "first": min((s.first_made for s in found if s.first_made), default=None),
        "last": max((s.last_made for s in found if s.last_made), default=None),
    }


def _reused(results: Results) -> Iterator[Deviation]:
    """Finished steps that the run found in the store and would have rounded otherwise."""
    reused = results.provenance.reused_elsewhere
    if reused:
        first, last = min(r.first_made for r in reused), max(r.last_made for r in reused)
        count = sum(r.count for r in reused)
        yield Deviation(said=say("steps-made-elsewhere", count=count, first=first, last=last))
