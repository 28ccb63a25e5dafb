"""Another metric: whoever picks the one that decides must not pick the word by it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from audit.base.messages import Said, say
from audit.judge.claim_labels import index_by
from audit.judge.estimates import find, metric_names
from audit.judge.limits.limit import Limit, Opinion, allowed
from audit.records import Estimate, Results, VerdictLabel

CHANCE = 0.5
"""Area under the ROC curve of a metric that cannot tell artists apart."""

By = Callable[[Results, str, str], VerdictLabel]
"""Results, a claim's name, a metric -> the label that this metric gives."""


def fit(results: Results, metric: str) -> bool:
    """Whether a metric may speak: not where it is known not to tell this artist's works from others'."""
    row = find(results, "auc", "", metric)
    if row.value is None or row.low is None:
        return True
    return row.value >= results.plan.margins.min_auc and row.low > CHANCE


def second_opinions(results: Results, metric: str) -> tuple[str, ...]:
    """Metrics of the plan that are built on other features than `metric` and fit to speak."""
    own = _lineage(results, metric)
    return tuple(m for m in metric_names(results) if m != metric and _lineage(results, m) != own and fit(results, m))


def other_metrics(by: By) -> Limit:
    """The row: a label must be what every metric of another lineage allows.

    Args:
        by: the label by one metric, by the same rules without this row.
    """

    def opinion(results: Results, condition: str, metric: str) -> Opinion | None:
        given = {m: by(results, condition, m) for m in second_opinions(results, metric)}
        if not given:
            return None
        own = by(results, condition, metric)
        left = {m: allowed(own, label) for m, label in given.items()}
        unlike = [m for m in given if left[m] != own] or list(given)
        # Of several the one that allows least is named.
        named = min(unlike, key=lambda m: left[m] != "inconclusive")
        figures = (_figure(index_by(results, condition, m)) for m in (metric, named))
        return Opinion(reduce(allowed, given.values()), say("limit.other-metrics", figures=tuple(figures)))

    return Limit("other-metrics", opinion)


def _figure(index: Estimate) -> Said:
    if index.value is None:
        return say("limit.by-metric-none", metric=index.metric)
    if index.low is None or index.high is None:
        return say("limit.by-metric-open", metric=index.metric, value=index.value)
    return say("limit.by-metric", metric=index.metric, value=index.value, low=index.low, high=index.high)


def _lineage(results: Results, metric: str) -> str:
    """What tells features apart; the metric's own name where nothing is known of it."""
    facts = next((m for m in results.metrics if m.name == metric), None)
    return metric if facts is None else facts.said.canonical()
