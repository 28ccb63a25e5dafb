"""Checks on the models: were they trained, did they learn, did they draw?"""

from __future__ import annotations

import math
from collections.abc import Iterable

from audit.base.messages import Said, say
from audit.judge.arms import arms_where
from audit.judge.broken_models import broke_by_collapse, collapsed_runs
from audit.judge.estimates import find, primary_conditions
from audit.judge.exclusion import Fault, broken_cells
from audit.judge.gains import clean_name, missing_cells, named_cells
from audit.judge.questions import Finding, clauses, estimate_line
from audit.records import BASE, Cell, Results


def paired_replicates(results: Results, conditions: tuple[str, ...]) -> int:
    """Fewest complete pairs with clean among these conditions; of clean alone without any.

    Where so many models collapsed that this is the outcome, they count: they were trained, and that is what was seen.
    """
    metric = results.plan.primary_metric
    if not conditions:
        return find(results, "gain", clean_name(results), metric).n
    seen = {n: len(collapsed_runs(results, n)) if broke_by_collapse(results, n) else 0 for n in conditions}
    return min(find(results, "gain_difference", name, metric).n + seen[name] for name in conditions)


def counted(results: Results) -> tuple[str, ...]:
    """Conditions whose trainings the overall verdict rests on."""
    return (clean_name(results), *primary_conditions(results))


def too_many(results: Results, cells: Iterable[tuple[str, int]]) -> bool:
    """Whether these cells are over the plan's share of some condition that counts, or base for all is among them."""
    gone = list(cells)
    conditions = [name for name, _ in gone]
    limit = results.plan.margins.max_dropped * results.replicates
    return (BASE, 0) in gone or any(conditions.count(name) > limit for name in (BASE, *counted(results)))


def cells_complete(results: Results) -> Finding:
    """Red if over the plan's share of replicates is gone for a primary condition, or under two are left.

    Of the protections alone where that is so. A replicate that lacks one of its two cells is dropped for that
    comparison and counted here.
    """
    gone = missing_cells(results, results.plan.primary_metric)
    pairs, planned = paired_replicates(results, primary_conditions(results)), results.replicates
    needed = max(min(2, planned), math.ceil(planned * (1 - results.plan.margins.max_dropped) - 1e-9))
    missing = say("figures.missing", cells=named_cells(gone)) if gone else say("figures.none-missing")
    paired = say("figures.paired-of", n=pairs, all=planned, least=needed)
    short = arms_where(results, lambda names: paired_replicates(results, names) < needed)
    return Finding(pairs >= needed, clauses(missing, paired), exceptions=bool(gone), of=short)


def run_finished(results: Results) -> Finding | None:
    """Red in a first report, while models of other conditions are still being trained; else not asked."""
    return Finding(False, say("figures.pending", names=results.pending)) if results.pending else None


def enough_replicates(results: Results) -> Finding:
    """Red below margins.min_replicates complete pairs of the scarcest primary condition; of the protections alone where
    that is so."""
    pairs = paired_replicates(results, primary_conditions(results))
    needed = results.plan.margins.min_replicates
    short = arms_where(results, lambda names: paired_replicates(results, names) < needed)
    return Finding(pairs >= needed, say("figures.paired", n=pairs, least=needed), of=short)


def model_learned_style(results: Results) -> Finding:
    """Red if the gain of clean is not above 0 or too small a share of the way to the real works.

    With fewer pairs than a verdict needs, an interval that reaches 0 says only that there are few:
    then the answer is None as long as the means themselves are large enough.
    """
    clean, metric, margins = clean_name(results), results.plan.primary_metric, results.plan.margins
    gain, share = find(results, "gain", clean, metric), find(results, "learned_share", clean, metric)
    figures = clauses(
        say("figures.lower-above-0", row=estimate_line(gain)),
        say("figures.at-least", row=estimate_line(share), limit=margins.learned_share),
    )
    if gain.value is None:
        return Finding(None, figures)
    enough = gain.value > 0 and (share.value is None or share.value >= margins.learned_share)
    if not enough:
        return Finding(False, figures)
    sure = gain.low is not None and gain.low > 0
    if sure:
        return Finding(True if share.value is not None else None, figures)
    return Finding(False if gain.n >= margins.min_replicates else None, figures)


def losses_finite(results: Results) -> Finding:
    """Red if too many trainings had a loss that was not a finite number."""
    return _sound(results, "not-finite", say("figures.losses", n=len(_trained(results))))


def adapter_active(results: Results) -> Finding:
    """Red if too many adapters are zero or leave most pictures as base draws them."""
    share = results.plan.exclusion.changed_share
    return _sound(results, "inactive", say("figures.adapters", n=len(_trained(results)), share=share))


def _trained(results: Results) -> list[Cell]:
    return [cell for cell in results.cells if cell.adapter is not None]


def _sound(results: Results, fault: Fault, all_well: Said) -> Finding:
    bad = broken_cells(results, fault)
    found = say("figures.left-out", cells=named_cells(dict.fromkeys(bad))) if bad else all_well
    limit = say("figures.dropped", share=results.plan.margins.max_dropped)
    passed = not too_many(results, bad) if _trained(results) else None
    return Finding(passed, clauses(found, limit), exceptions=bool(bad))


def pictures_not_blank(results: Results) -> Finding:
    """Red if base, or too many models of clean, drew mostly blank pictures or one picture again and again.

    Where those of a protection did and clean's did not, that is an outcome: `models-broke`.
    """
    bad = broken_cells(results, "collapsed")
    shares = {key: say("figures.share-blank", share=cell.generations.blank_share) for key, cell in bad.items()}
    most = max((c.generations.blank_share for c in results.cells), default=None)
    all_well = say("figures.blank", n=len(results.cells), most=most)
    found = say("figures.left-out", cells=named_cells(shares)) if bad else all_well
    rules = results.plan.exclusion
    limit = say("figures.blank-rule", share=rules.blank_share, least=rules.distinct_share)
    outcome = primary_conditions(results)
    passed = not too_many(results, [at for at in bad if at[0] not in outcome]) if results.cells else None
    return Finding(passed, clauses(found, limit), exceptions=bool(bad))
