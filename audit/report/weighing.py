"""Was the test fair, how sure is the answer, and does it change with the way of scoring."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Check, Estimate
from audit.report.figures import Drawing, Table, forest, slopes
from audit.report.filters import NBSP, count, join_words, number, p_value, percent
from audit.report.lookup import Facts
from audit.report.lookup import change as change_in_words


@dataclass(frozen=True)
class Fairness:
    summary: str
    checks: tuple[Check, ...]
    """Failed ones first, then those that could not be made, then the passed ones."""
    table: Table


@dataclass(frozen=True)
class Sureness:
    sentences: tuple[str, ...]
    drawing: Drawing | None
    no_drawing: str
    table: Table
    gaps: str
    """Sentence about trainings without scores; may be empty."""


@dataclass(frozen=True)
class Change:
    sentences: tuple[str, ...]
    drawing: Drawing | None


def fairness(facts: Facts) -> Fairness:
    """The checks in the order a reader needs them."""
    checks = sorted(facts.results.checks, key=lambda c: {False: 0, None: 1, True: 2}[c.passed])
    tally = {state: sum(c.passed is state for c in checks) for state in (True, False, None)}
    parts = [count(tally[True], "check passed", "checks passed")] if tally[True] else []
    parts += [count(tally[False], "check failed", "checks failed")] if tally[False] else []
    parts += [count(tally[None], "could not be made", "could not be made")] if tally[None] else []
    summary = f"{join_words(parts)}." if parts else "No checks were made on this run."
    if facts.verdict.label == "not-valid":
        summary += " So the report gives no verdict."
    return Fairness(summary, tuple(checks), _check_numbers(facts))


def sureness(facts: Facts) -> Sureness:
    """Range, chance and smallest visible effect of the headline condition; numbers of all in a table."""
    plan = facts.results.plan
    drawing = slopes(facts, key="slopes")
    gone = [
        f"{facts.short(c.name)} (run {r})"
        for c in plan.conditions
        for r in range(1, facts.results.replicates + 1)
        if facts.mean_score(c.name, r) is None
    ]
    return Sureness(
        sentences=tuple(_sentences(facts)),
        drawing=drawing,
        no_drawing="" if drawing else "There is no pair of trainings to draw.",
        table=_numbers(facts),
        gaps=f"{count(len(gone), 'training has', 'trainings have')} no score and "
        f"{'is' if len(gone) == 1 else 'are'} left out, never counted as zero: {join_words(gone[:12])}"
        f"{' and more' if len(gone) > 12 else ''}."
        if gone
        else "",
    )


def change(facts: Facts) -> Change:
    """The headline condition by every metric, in words, and the forest plot of all."""
    sentences: list[str] = []
    if facts.verdict.label == "not-valid":
        sentences.append("There is no answer that could change. The numbers are kept for experts.")
    readings = [
        (m, e)
        for m in facts.results.plan.metrics
        if facts.headline is not None
        and (e := facts.estimate("protection_index", facts.headline.name, metric=m)) is not None
        and e.value is not None
    ]
    if facts.verdict.label != "not-valid" and len(readings) > 1:
        said = join_words([f"{m} gives {change_in_words(e)}" for m, e in readings])
        sentences.append(f"The pictures were scored in {len(readings)} ways that do not depend on each other: {said}.")
        sentences.append(
            f"We show them side by side and never average them. The one that counts, {facts.primary}, was "
            "chosen before the run."
        )
        ranges = [(e.low, e.high) for _, e in readings if e.low is not None and e.high is not None]
        if len(ranges) > 1:
            meet = max(low for low, _ in ranges) <= min(high for _, high in ranges)
            sentences.append(
                "Their ranges overlap." if meet else "Their ranges do not overlap: read the answer with care."
            )
    return Change(tuple(sentences), forest(facts, key="forest"))


def _sentences(facts: Facts) -> list[str]:
    headline, label = facts.headline, facts.verdict.label
    if headline is None or label == "not-valid":
        return ["This cannot be said, because there is no verdict. The numbers are kept for experts."]
    said = []
    index = facts.estimate("protection_index", headline.name)
    if index is not None and index.low is not None and index.high is not None:
        said.append(
            f"The range runs from {percent(index.low)} to {percent(index.high)}. It is built so that, in "
            f"{percent(index.level)} of tests like this, the range covers the true value."
        )
    elif index is not None and index.value is not None:
        said.append(f"There is no range around {percent(index.value)}: {index.note or 'too few trainings'}.")
    chance = facts.estimate("p_sign_flip", headline.name)
    if chance is not None and chance.value is not None:
        said.append(
            "If the protection did nothing, a difference at least this large would still turn up by chance "
            f"with probability {p_value(chance.value)}."
        )
    smallest = facts.estimate("mde_protection_index", headline.name)
    if smallest is not None and smallest.value is not None:
        said.append(
            f"The smallest effect this run could be expected to notice is about {percent(smallest.value)}. "
            "A smaller one may be there unseen."
        )
    return said


def _check_numbers(facts: Facts) -> Table:
    rows = []
    for metric in facts.results.plan.metrics:
        known = facts.metric(metric)
        rows.append(
            (
                metric,
                known.lineage if known else "not recorded",
                _score(facts.metric_estimate("auc", metric=metric)),
                _share(facts.metric_estimate("base_position", metric=metric)),
                _share(facts.metric_estimate("learned_share", metric=metric)),
                str(known.others_artists) if known else "not recorded",
            )
        )
    head = ("Metric", "Features from", "Tells you from others (AUC)", "Where the base model stands",
            "Share of the way learned", "Other artists")  # fmt: skip
    return Table("What the checks on the metrics rest on", head, tuple(rows))


def _numbers(facts: Facts) -> Table:
    head = ("Trained on", "Gain in score", "Difference from unprotected", "Protection index", "By resampling",
            "p (sign flip)", "p (Holm)", "Smallest effect visible", "Trainings")  # fmt: skip
    rows = []
    for condition in facts.results.plan.conditions:
        found = {
            name: facts.estimate(name, condition.name)
            for name in (
                "gain", "gain_difference", "protection_index", "protection_index_bootstrap", "p_sign_flip",
                "p_holm", "mde_protection_index",
            )
        }  # fmt: skip
        n = next((str(e.n) for e in found.values() if e is not None), "none")
        rows.append(
            (
                facts.short(condition.name),
                *(_score(found[k]) for k in ("gain", "gain_difference")),
                *(_share(found[k]) for k in ("protection_index", "protection_index_bootstrap")),
                *(_chance(found[k]) for k in ("p_sign_flip", "p_holm")),
                _share(found["mde_protection_index"]),
                n,
            )
        )
    return Table(f"All estimates by {facts.primary}, with their ranges", head, tuple(rows))


def _score(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return _why(estimate)
    if estimate.low is None or estimate.high is None:
        return number(estimate.value)
    return f"{number(estimate.value)} {_between(number(estimate.low), number(estimate.high))}"


def _share(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return _why(estimate)
    if estimate.low is None or estimate.high is None:
        return percent(estimate.value)
    return f"{percent(estimate.value)} {_between(percent(estimate.low), percent(estimate.high))}"


def _between(low: str, high: str) -> str:
    return f"({low} to {high})".replace(" ", NBSP)


def _chance(estimate: Estimate | None) -> str:
    return _why(estimate) if estimate is None or estimate.value is None else p_value(estimate.value)


def _why(estimate: Estimate | None) -> str:
    return "does not apply" if estimate is None else estimate.note or "not measured"
