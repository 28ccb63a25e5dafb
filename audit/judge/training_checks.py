"""Gates on the models: were they trained, did they learn, did they draw?"""

from __future__ import annotations

from audit.judge.estimates import find, primary_conditions
from audit.judge.finding import Finding, described, figure, listed
from audit.judge.gains import clean_name, missing_cells
from audit.records import Cell, Results

CHANGED_SHARE = 0.5
"""An adapter is active if more than this share of its pictures differ from base's."""
BLANK_SHARE = 0.5
"""A model has collapsed if more than this share of its pictures is blank."""


def paired_replicates(results: Results) -> int:
    """Fewest complete pairs with clean among the primary conditions; of clean alone without any."""
    metric, primary = results.plan.primary_metric, primary_conditions(results)
    if not primary:
        return find(results, "gain", clean_name(results), metric).n
    return min(find(results, "gain_difference", name, metric).n for name in primary)


def cells_complete(results: Results) -> Finding:
    """Red if a primary condition has fewer than two pairs left (one, if one was planned)."""
    gone = missing_cells(results, results.plan.primary_metric)
    pairs, needed = paired_replicates(results), min(2, results.plan.replicates)
    names = [f"{name} r{replicate} ({why})" for (name, replicate), why in gone.items()]
    missing = f"missing: {listed(names)}" if names else "no cell is missing"
    return Finding(pairs >= needed, f"{missing}; {pairs} paired replicates, at least {needed} needed")


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


def adapter_active(results: Results) -> Finding:
    """Red if an adapter is zero or leaves most pictures as base draws them."""
    trained = [cell for cell in results.cells if cell.adapter is not None]
    dead = [_name(cell) for cell in trained if _inactive(cell)]
    detail = f"inactive: {listed(dead)}" if dead else f"{len(trained)} adapters, all norms above 0"
    rule = f"; more than {figure(CHANGED_SHARE)} of the pictures must differ from base's"
    return Finding(not dead if trained else None, detail + rule)


def losses_finite(results: Results) -> Finding:
    """Red if a training loss was not a finite number."""
    adapters = [cell.adapter for cell in results.cells if cell.adapter is not None]
    bad = [f"{a.condition} r{a.replicate}" for a in adapters if not a.finite or None in a.losses]
    detail = f"not finite: {listed(bad)}" if bad else f"{len(adapters)} trainings, all losses finite"
    return Finding(not bad if adapters else None, detail)


def pictures_not_blank(results: Results) -> Finding:
    """Red if a model, base included, drew mostly blank pictures."""
    shares = {_name(cell): cell.generations.blank_share for cell in results.cells}
    blank = [f"{name} ({figure(share)})" for name, share in shares.items() if not share <= BLANK_SHARE]
    most = figure(max(shares.values(), default=None))
    detail = f"blank: {listed(blank)}" if blank else f"{len(shares)} models, greatest share blank {most}"
    return Finding(not blank if shares else None, f"{detail}; limit {figure(BLANK_SHARE)}")


def _inactive(cell: Cell) -> bool:
    changed = cell.generations.changed_share
    dead = cell.adapter is not None and not cell.adapter.norm > 0
    return dead or (changed is not None and not changed > CHANGED_SHARE)


def _name(cell: Cell) -> str:
    return f"{cell.condition} r{cell.replicate}"
