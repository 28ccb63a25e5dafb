"""Which pictures raters compare, and which side is whose: all of it from the plan, the condition and a rater's number.

No picture stands in two pairs, so that nobody can work out by elimination which of a pair is clean's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from audit.base.errors import BadInput
from audit.base.record import canonical_json
from audit.judge.estimate_rows import generator
from audit.judge.exclusion import broken
from audit.judge.gains import clean_name
from audit.records import BASE, Cell, Choice, ItemKind, Plan, RatedItem, RatingSheet, Results, Side

STREAM = "cloakcheck rate"
TOLD, SAME, AGAIN = 6, 3, 6
"""Pairs of each kind beside those of the rated condition."""
WORKS = 4
"""Held-out works beside a pair."""


@dataclass(frozen=True)
class ShownItem:
    """A pair as one rater sees it.

    Attributes:
        item: its place in the sheet.
        clean_left: whether the first of its two pictures, clean's, stands on the left.
    """

    item: int
    clean_left: bool


def make_sheet(results: Results, *, condition: str, raters: int, items: int) -> RatingSheet:
    """What a panel is shown: pairs spread evenly over the training runs, and the catch pairs among them.

    Args:
        results: of a finished run.
        condition: whose pictures stand against those of clean.
        items: pairs of clean and the condition.

    Raises:
        BadInput: `rate-too-few`, the run has not as many pictures; `rate-no-works`, no picture of a held-out work.
    """
    plan, cells = results.plan, _sound(results)
    # Judging again with other margins changes the plan's digest, and must not change what people were shown.
    fixed = results.provenance.plan_sha256
    again = next((c.name for c in plan.conditions if c.truth == "same-works"), None)
    runs = [
        r for r in range(1, results.replicates + 1) if _has(results, cells, r, clean_name(results), condition, BASE)
    ]
    kinds: list[ItemKind] = ["pair"] * items
    kinds += ["told"] * TOLD
    kinds += ["same"] * SAME
    if again is not None and all(_has(results, cells, r, again) for r in runs):
        kinds += ["again"] * AGAIN
    draw = generator(STREAM, fixed, condition, "items")
    decks = {r: draw.permutation(_count(results, cells, r)).tolist() for r in runs}
    room = max(0, sum(map(len, decks.values())) - (len(kinds) - items))
    shown: set[tuple[int, int]] = set()
    made: list[RatedItem] = []
    # Base's pictures are the same for all runs where plans drew nothing for each, so its pairs choose first.
    for kind in ("told", "pair", "same", "again"):
        for number in range(kinds.count(kind)):
            turn = runs[number % len(runs)] if runs else 0
            found = _next_picture(plan, decks, turn, shown if kind == "told" else None)
            if found is None:
                there = 0 if kind == "told" else room
                raise BadInput("rate-too-few", condition=condition, asked=items, there=there)
            run, picture = found
            works = _works(results, run)
            chosen = tuple(works[i] for i in draw.permutation(len(works))[:WORKS])
            made.append(RatedItem(kind=kind, replicate=run, picture=picture, works=chosen))
    order = draw.permutation(len(made))
    rows = tuple(made[i] for i in order)
    return RatingSheet(
        plan_sha256=fixed,
        condition=condition,
        raters=raters,
        items=rows,
        pixels=_pixels(results, condition, rows),
    )


def _next_picture(
    plan: Plan, decks: dict[int, list[int]], turn: int, shown: set[tuple[int, int]] | None
) -> tuple[int, int] | None:
    """A run and one of its pictures that nobody was shown, off its deck: of the run whose turn it is, else of the one
    with most pictures left; None where there is none.

    Args:
        shown: base's pictures that stand in pairs, added to; None for pairs without base.
    """
    for run in (turn, *sorted(decks, key=lambda r: -len(decks[r]))):
        for picture in decks.get(run, ()):
            place = (plan.base_of(run), picture)
            if shown is None or place not in shown:
                decks[run].remove(picture)
                if shown is not None:
                    shown.add(place)
                return run, picture
    return None


def shown_to(sheet: RatingSheet, rater: int) -> tuple[ShownItem, ...]:
    """The pairs in a rater's order; clean stands on the left in half of each kind."""
    draw = generator(STREAM, sheet.plan_sha256, sheet.condition, "rater", rater)
    left: dict[int, bool] = {}
    for kind in ("pair", "told", "same", "again"):
        places = [i for i, item in enumerate(sheet.items) if item.kind == kind]
        sides = [bool((i + rater) % 2) for i in range(len(places))]
        left |= {place: sides[i] for place, i in zip(places, draw.permutation(len(places)), strict=True)}
    return tuple(ShownItem(int(i), left[int(i)]) for i in draw.permutation(len(sheet.items)))


def resolved(sheet: RatingSheet, rater: int, sides: Sequence[Side]) -> tuple[Choice, ...]:
    """Answers by side, in the order of the sheet's items -> by whose picture it was."""
    left = {pair.item: pair.clean_left for pair in shown_to(sheet, rater)}
    return tuple(
        "none" if side == "none" else "clean" if (side == "left") == left[item] else "other"
        for item, side in enumerate(sides)
    )


def pictures_of(results: Results, condition: str, item: RatedItem) -> tuple[str, str]:
    """Files of a pair, clean's first; both are the same file in a pair that shows one picture twice."""
    cells = _sound(results)
    other = _other(results, condition, item.kind)
    first, second = (_cell(results, cells, name, item.replicate) for name in (clean_name(results), other))
    return first.generations.files[item.picture], second.generations.files[item.picture]


def _other(results: Results, condition: str, kind: ItemKind) -> str:
    if kind == "again":
        return next(c.name for c in results.plan.conditions if c.truth == "same-works")
    return {"pair": condition, "told": BASE, "same": clean_name(results)}[kind]


def _pixels(results: Results, condition: str, items: Sequence[RatedItem]) -> str:
    cells, found = _sound(results), []
    for item in items:
        names = (clean_name(results), _other(results, condition, item.kind))
        found.append([_cell(results, cells, name, item.replicate).generations.pixels[item.picture] for name in names])
    return hashlib.sha256(canonical_json(found).encode("ascii")).hexdigest()


Cells = dict[tuple[str, int], Cell]


def _sound(results: Results) -> Cells:
    return {(c.condition, c.replicate): c for c in results.cells if broken(c, results.plan.exclusion) is None}


def _cell(results: Results, cells: Cells, name: str, replicate: int) -> Cell:
    return cells[name, results.plan.base_of(replicate) if name == BASE else replicate]


def _has(results: Results, cells: Cells, replicate: int, *names: str) -> bool:
    return all((name, results.plan.base_of(replicate) if name == BASE else replicate) in cells for name in names)


def _count(results: Results, cells: Cells, replicate: int) -> int:
    """Pictures that a replicate's models drew of the prompts, not of subjects that are only read."""
    files = [len(c.generations.files) for (_, r), c in cells.items() if r in (0, replicate)]
    return min(len(results.plan.asked(replicate)) * results.plan.sampling.per_prompt, *files)


def _works(results: Results, replicate: int) -> list[str]:
    """Held-out works of a replicate of which a picture lies in the run's folder."""
    found = [work.id for work in results.plan.held_out(replicate) if work.id in results.work_images]
    if not found:
        raise BadInput("rate-no-works", replicate=replicate)
    return found
