"""Check on what was stored: no two conditions may share what differs by construction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from audit.base.messages import say
from audit.judge.arms import protection_of, protections
from audit.judge.exclusion import broken
from audit.judge.questions import Finding, clauses
from audit.records import Cell, Condition, Plan, Results

Pair = tuple[str, str]
SHARE = 0.5
"""Of a protection's pictures that may not be another condition's; two trainings do not draw one picture to the bit."""


def no_shared_models(results: Results) -> Finding | None:
    """Red if conditions that were trained on different pictures share a model or its pictures; None where none do.

    Asked of sound models, since broken ones may all draw base's pictures, or blank ones. `identity` is clean by
    construction, and so are sets of protected copies that hold the same pictures. A countermeasure that left every
    picture as it was shares its model by rights: passed in part.
    """
    conditions = {c.name: c for c in results.plan.conditions}
    alike: Counter[Pair] = Counter()
    for cells in (results.cells, *(at.cells for at in results.settings)):
        trained = [c for c in cells if c.adapter is not None and c.condition in conditions]
        sound = [c for c in trained if broken(c, results.plan.exclusion) is None]
        alike.update(_alike(sound, results.plan))
    if not alike:
        return None
    figures = clauses(*(say("figures.apart", names=list(dict.fromkeys(pair)), n=n) for pair, n in alike.items()))
    wrong = [pair for pair in alike if not _changed_nothing(results, pair, conditions)]
    if not wrong:
        return Finding(True, figures, exceptions=True)
    arms = set(protections(results))
    about = [arms & {protection_of(conditions[name]) for name in pair} for pair in wrong]
    of = tuple(name for name in protections(results) if any(name in found for found in about))
    return Finding(False, figures, of=of if all(about) else ())


def _alike(cells: Sequence[Cell], plan: Plan) -> Iterator[Pair]:
    conditions = {c.name: c for c in plan.conditions}
    groups: dict[object, list[Cell]] = {}
    for cell in cells:
        assert cell.adapter is not None
        groups.setdefault(cell.adapter.sha256, []).append(cell)
        if cell.generations.pixels:
            groups.setdefault(cell.generations.pixels, []).append(cell)
    pairs = [pair for group in groups.values() for pair in combinations(group, 2)]
    replicates: dict[int, list[Cell]] = {}
    for cell in cells:
        replicates.setdefault(cell.replicate, []).append(cell)
    pairs += [p for own in replicates.values() for p in combinations(own, 2) if _share(*p, conditions)]
    places = {(one.condition, one.replicate, other.condition, other.replicate) for one, other in pairs}
    for first, r, second, q in sorted(places):
        both = conditions[first], conditions[second]
        planted = sorted((c.truth == "same-pixels") + 2 * (c.role == "clean") for c in both) == [1, 2]
        if not (r == q and (planted or _same_files(plan, *both))):
            yield first, second


def _same_files(plan: Plan, first: Condition, second: Condition) -> bool:
    """Whether both are made in the same way of protected files that are the same pictures, work by work."""
    made = [(c.source, c.steps) for c in (first, second)]
    if first.arm == second.arm or made[0] != made[1] or first.source != "protected-files":
        return False
    one, other = ({file.work: file.pixels for file in plan.copies(c.arm)} for c in (first, second))
    return one == other


def _share(one: Cell, other: Cell, conditions: Mapping[str, Condition]) -> bool:
    """Whether a protection's pictures are to a good part another condition's of the same replicate."""
    mine, others = one.generations.pixels, other.generations.pixels
    if not any(conditions[c.condition].primary for c in (one, other)) or not mine or len(mine) != len(others):
        return False
    return sum(a == b for a, b in zip(mine, others, strict=True)) >= SHARE * len(mine)


def _changed_nothing(results: Results, pair: Pair, conditions: Mapping[str, Condition]) -> bool:
    """Whether one of two is the other under a countermeasure that left every picture at the distance it had."""
    first, second = (conditions[name] for name in pair)
    if first.name == second.name or protection_of(first) != protection_of(second):
        return False
    seen = [{v.work: (v.linf, v.rms) for v in results.visibility if v.condition == name} for name in pair]
    if "clean" in (first.role, second.role):
        return any(seen) and not any(any(row) for of in seen for row in of.values())
    return bool(seen[0]) and seen[0] == seen[1]
