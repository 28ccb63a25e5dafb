"""What a verdict word must also be allowed by: one row each, and the careful word that all of them leave.

The protection index gives a word. A limit reads the same run in another way and says which word that would
give. No limit makes a claim bolder: one that must agree (`allowed`) takes back a failure as much as a success, a cap
(`capped`) takes back a success only.

Noise, tone and placebos act together so. The indices at equal noise and at equal tone ask what the pictures' noise and
tone do to the score: they must agree. The placebos ask what noise and tone as visible do to the training: what a
protection adds to the hardest of them caps the word. The battery asks whether anyone tried to take the protection
away, and a fit to the files whether there is more to take away than an edit that one click undoes.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.judge.claim_labels import label_by_metric
from audit.judge.limits import battery, equal_noise, equal_tone, failed_runs, people, placebo, plain_edit
from audit.judge.limits.limit import Limit, allowed, capped
from audit.judge.limits.other_metrics import other_metrics
from audit.records import Limited, Results, VerdictLabel

BY_ONE_METRIC: tuple[Limit, ...] = (
    equal_noise.LIMIT,
    equal_tone.LIMIT,
    failed_runs.LIMIT,
    placebo.LIMIT,
)
"""Those that one metric gives by itself."""


def limited(
    limits: Sequence[Limit], results: Results, condition: str, metric: str, label: VerdictLabel
) -> tuple[VerdictLabel, tuple[Limited, ...]]:
    """The word that all limits leave of a label, and those that made it more careful.

    Args:
        condition: a claim; metric: by which its label was read.
        label: what the index alone says.
    """
    found: list[Limited] = []
    for limit in limits:
        opinion = limit.opinion(results, condition, metric)
        if opinion is None:
            continue
        left = capped(label, opinion.label) if limit.cap else allowed(label, opinion.label)
        if left != label:
            found.append(Limited(slug=limit.slug, said=opinion.said))
        label = left
    return label, tuple(found)


def by_one_metric(results: Results, condition: str, metric: str) -> VerdictLabel:
    """The label of a claim by one metric, as if there were no other."""
    return limited(BY_ONE_METRIC, results, condition, metric, label_by_metric(results, condition, metric))[0]


LIMITS: tuple[Limit, ...] = (
    *BY_ONE_METRIC,
    other_metrics(by_one_metric),
    battery.LIMIT,
    plain_edit.LIMIT,
    people.LIMIT,
)
"""In the order in which a reader is told of them."""
