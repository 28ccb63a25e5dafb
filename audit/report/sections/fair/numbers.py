"""The numbers behind the checks on the metrics."""

from __future__ import annotations

from audit.report.estimates import score, share
from audit.report.results_view import ResultsView
from audit.report.table import Table


def check_numbers(view: ResultsView) -> Table:
    """What the checks on the metrics rest on, one row per metric."""
    loc = view.locale
    rows = []
    for metric in view.results.plan.metrics:
        known = view.metric(metric)
        rows.append(
            (
                metric,
                loc.spoken(known.said) if known else loc.say("not recorded"),
                score(loc, view.metric_estimate("auc", metric=metric)),
                share(loc, view.metric_estimate("base_position", metric=metric)),
                share(loc, view.metric_estimate("learned_share", metric=metric)),
                str(known.others_artists) if known else loc.say("not recorded"),
            )
        )
    head = (
        loc.say("Metric"), loc.say("Features from"), loc.say("Tells you from others (AUC)"),
        loc.say("Where the base model stands"), loc.say("Share of the way learned"), loc.say("Other artists"),
    )  # fmt: skip
    return Table(loc.say("What the checks on the metrics rest on"), head, tuple(rows))
