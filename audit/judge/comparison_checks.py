"""Gates on the comparison: metric, base model, protected files, placebo, false alarms."""

from __future__ import annotations

from audit.judge.estimates import find, metric_names, primary_conditions
from audit.judge.finding import Finding, described, figure
from audit.judge.significance import rate_upper_bound
from audit.judge.verdict import label
from audit.records import Estimate, Results

CHANCE = 0.5
"""Area under the ROC curve of a metric that cannot tell artists apart."""
VISIBLE_STEP = 1.0
"""Least difference, of 255, that a protected file must show somewhere."""
SAME_ART = ("null", "identity", "clean-again")
"""Controls that train on the originals, or on pictures next to equal to them."""


def metric_separates(results: Results) -> Finding:
    """Red if the primary metric cannot tell the artist's real works from others'."""
    row, least = find(results, "auc", "", results.plan.primary_metric), results.plan.margins.min_auc
    facts = next((m for m in results.metrics if m.name == row.metric), None)
    detail = (
        f"{described(row)}; at least {figure(least)} and a lower bound above {figure(CHANCE)} needed; "
        f"{facts.others_artists if facts else 0} other artists"
    )
    if row.value is None or row.low is None:
        return Finding(None, detail)
    return Finding(row.value >= least and row.low > CHANCE, detail)


def base_does_not_know(results: Results) -> Finding:
    """Red if base, untrained, may already stand too near to the artist."""
    row = find(results, "base_position", "base", results.plan.primary_metric)
    limit = results.plan.margins.base_knows_share
    detail = f"{described(row)}; upper bound must be below {figure(limit)}"
    if row.high is not None:
        return Finding(row.high < limit, detail)
    return Finding(False if row.value is not None and row.value >= limit else None, detail)


def protection_differs(results: Results) -> Finding:
    """Red if most files of a protection behind a primary condition equal the originals.

    A primary condition under a countermeasure is judged by the protection that it was made from.
    """
    changed: dict[str, list[bool]] = {name: [] for name in _protections(results)}
    for row in results.visibility:
        if row.condition in changed:
            changed[row.condition].append(row.linf >= VISIBLE_STEP)
    detail = "; ".join(
        f"{name}: {sum(flags)} of {len(flags)} works differ by {figure(VISIBLE_STEP)} of 255 or more"
        for name, flags in changed.items()
    )
    measured = [flags for flags in changed.values() if flags]
    if any(2 * sum(flags) <= len(flags) for flags in measured):
        return Finding(False, detail)
    whole = bool(changed) and len(measured) == len(changed)
    return Finding(True if whole else None, detail or "no protection among the primary conditions")


def placebo_weaker(results: Results) -> Finding:
    """Red if random noise itself surely took away more than a protection that did not hold may.

    Then the change of the pixels as such, not what the protection does with it, can explain the
    effect. A placebo without bounds passes nothing and fails nothing.
    """
    metric, limit = results.plan.primary_metric, results.plan.margins.did_not_hold
    names = [c.name for c in results.plan.conditions if c.role == "placebo"]
    rows = [find(results, "protection_index", name, metric) for name in names]
    if not rows:
        return Finding(None, "the plan has no placebo")
    compared = [*rows, *(find(results, "protection_index", n, metric) for n in primary_conditions(results))]
    detail = f"lower bound of a placebo must not be above {figure(limit)}; " + "; ".join(
        described(row) for row in compared
    )
    if any(row.low is not None and row.low > limit for row in rows):
        return Finding(False, detail)
    return Finding(True if all(row.low is not None for row in rows) else None, detail)


def no_false_alarm(results: Results) -> Finding:
    """Red if training on (next to) equal pictures gave a difference: an A/A comparison raised an alarm.

    A comparison whose runs are exactly equal tests the plumbing, not chance, and so is not counted
    in "0 of n". One control is one comparison, however many replicates it has.
    """
    metric, level = results.plan.primary_metric, results.plan.margins.level
    names = [c.name for c in results.plan.conditions if c.name.partition(":")[0] in SAME_ART]
    rows = [find(results, "gain_difference", name, metric) for name in names]
    tested = [row for row in rows if row.low is not None and row.high is not None]
    if not tested:
        return Finding(None, "no A/A control with an interval in this run")
    # Identity trains on the very same pixels and draws: it tests the plumbing, and anything but 0 is a fault.
    plumbing = [row for row in tested if row.condition == "identity"]
    broken = [row for row in plumbing if not row.value == row.low == row.high == 0]
    counted = [row for row in tested if row not in plumbing and not row.value == row.low == row.high == 0]
    alarms = [row for row in counted if _excludes_zero(row)]
    most = rate_upper_bound(len(alarms), len(counted), level=level)
    rate = (
        f"{len(alarms)} of {len(counted)} A/A comparisons raised an alarm, rate at most {100 * most:.0f} % "
        f"(one-sided {100 * level:g} % bound)"
        if counted
        else "the control is exactly equal to clean: no comparison that chance could trip"
    )
    return Finding(not alarms and not broken, "; ".join([rate, *(described(row) for row in rows)]))


def metrics_agree(results: Results) -> Finding:
    """Whether every metric gives each primary condition the same label. Shown, never a reason to withhold."""
    metrics, margins = metric_names(results), results.plan.margins
    labels = {
        name: {m: label(find(results, "protection_index", name, m), margins) for m in metrics}
        for name in primary_conditions(results)
    }
    if len(metrics) < 2 or not labels:
        return Finding(None, "one metric, or no primary condition: nothing to compare")
    detail = "; ".join(
        f"{name}: " + ", ".join(f"{given} by {m}" for m, given in by_metric.items())
        for name, by_metric in labels.items()
    )
    return Finding(all(len(set(by_metric.values())) == 1 for by_metric in labels.values()), detail)


def _excludes_zero(row: Estimate) -> bool:
    return row.low is not None and row.high is not None and not row.low <= 0 <= row.high


def _protections(results: Results) -> tuple[str, ...]:
    """Names of the protections behind the primary conditions, without repetition."""
    claims = [c for c in results.plan.conditions if c.primary and c.role in ("protected", "counter")]
    names = [c.name if c.role == "protected" else c.name.partition("+")[0] for c in claims]
    return tuple(dict.fromkeys(names))
