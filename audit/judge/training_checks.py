"""Gates on the models: were they trained, did they learn, did they draw?"""

from __future__ import annotations

import math
from collections.abc import Iterable

from audit.judge.estimates import find, primary_conditions
from audit.judge.exclusion import COLLAPSED, INACTIVE, NOT_FINITE, broken_cells
from audit.judge.finding import Finding, described, figure, listed
from audit.judge.gains import BASE, clean_name, missing_cells
from audit.records import Results


def paired_replicates(results: Results) -> int:
    """Fewest complete pairs with clean among the primary conditions; of clean alone without any."""
    metric, primary = results.plan.primary_metric, primary_conditions(results)
    if not primary:
        return find(results, "gain", clean_name(results), metric).n
    return min(find(results, "gain_difference", name, metric).n for name in primary)


def counted(results: Results) -> tuple[str, ...]:
    """Conditions whose trainings the overall verdict rests on."""
    return (clean_name(results), *primary_conditions(results))


def too_many(results: Results, cells: Iterable[tuple[str, int]]) -> bool:
    """Whether these cells are over the plan's share of some condition that counts, or base is among them."""
    conditions = [name for name, _ in cells]
    limit = results.plan.margins.max_dropped * results.replicates
    return BASE in conditions or any(conditions.count(name) > limit for name in counted(results))


def cells_complete(results: Results) -> Finding:
    """Red if over the plan's share of replicates is gone for a primary condition, or under two are left.

    A replicate that lacks one of its two cells is dropped for that comparison and counted here.
    """
    gone = missing_cells(results, results.plan.primary_metric)
    pairs, planned = paired_replicates(results), results.replicates
    needed = max(min(2, planned), math.ceil(planned * (1 - results.plan.margins.max_dropped) - 1e-9))
    names = [f"{name} r{replicate} ({why})" for (name, replicate), why in gone.items()]
    missing = f"missing: {listed(names)}" if names else "no cell is missing"
    detail = f"{missing}; {pairs} of {planned} replicates paired, at least {needed} needed"
    return Finding(pairs >= needed, detail, exceptions=bool(gone))


def enough_replicates(results: Results) -> Finding:
    """Red below margins.min_replicates complete pairs of the scarcest primary condition."""
    pairs, needed = paired_replicates(results), results.plan.margins.min_replicates
    return Finding(pairs >= needed, f"{pairs} paired replicates, at least {needed} needed")


def model_learned_style(results: Results) -> Finding:
    """Red if the gain of clean is not above 0 or too small a share of the way to the real works.

    With fewer pairs than a verdict needs, an interval that reaches 0 says only that there are few:
    then the answer is None as long as the means themselves are large enough.
    """
    clean, metric, margins = clean_name(results), results.plan.primary_metric, results.plan.margins
    gain, share = find(results, "gain", clean, metric), find(results, "learned_share", clean, metric)
    detail = (
        f"{described(gain)}, lower bound must be above 0; {described(share)}, "
        f"must be at least {figure(margins.learned_share)}"
    )
    if gain.value is None:
        return Finding(None, detail)
    enough = gain.value > 0 and (share.value is None or share.value >= margins.learned_share)
    if not enough:
        return Finding(False, detail)
    sure = gain.low is not None and gain.low > 0
    if sure:
        return Finding(True if share.value is not None else None, detail)
    return Finding(False if gain.n >= margins.min_replicates else None, detail)


def losses_finite(results: Results) -> Finding:
    """Red if too many trainings had a loss that was not a finite number."""
    return _sound(results, NOT_FINITE, "all losses finite")


def adapter_active(results: Results) -> Finding:
    """Red if too many adapters are zero or leave most pictures as base draws them."""
    share = figure(results.plan.exclusion.changed_share)
    rule = f"all norms above 0 and more than {share} of the pictures other than base's"
    return _sound(results, INACTIVE, rule)


def _sound(results: Results, reason: str, rule: str) -> Finding:
    trained = [cell for cell in results.cells if cell.adapter is not None]
    bad = broken_cells(results, reason)
    detail = f"left out: {listed([f'{name} r{r}' for name, r in bad])}" if bad else f"{len(trained)} trainings, {rule}"
    limit = f"; at most {figure(results.plan.margins.max_dropped)} of a condition's trainings may be left out"
    return Finding(not too_many(results, bad) if trained else None, detail + limit, exceptions=bool(bad))


def pictures_not_blank(results: Results) -> Finding:
    """Red if base, or too many models, drew mostly blank pictures or one picture again and again."""
    bad = broken_cells(results, COLLAPSED)
    names = [f"{name} r{r} ({figure(cell.generations.blank_share)} blank)" for (name, r), cell in bad.items()]
    most = figure(max((c.generations.blank_share for c in results.cells), default=None))
    detail = f"left out: {listed(names)}" if bad else f"{len(results.cells)} models, greatest share blank {most}"
    rules = results.plan.exclusion
    limit = (
        f"; a model may draw at most {figure(rules.blank_share)} blank pictures, and more than "
        f"{figure(rules.distinct_share)} must be distinct"
    )
    return Finding(not too_many(results, bad) if results.cells else None, detail + limit, exceptions=bool(bad))
