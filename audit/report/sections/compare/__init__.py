"""Several protections in one audit: which kept more away, as far as their paired differences tell, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Condition, Contrast
from audit.report.estimates import rounded, share, with_range
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.compare.price import price
from audit.report.table import Drawing, Table

MOST_LINES = 6
"""Pairs told in a sentence each; of more only those that can be told apart."""


@dataclass(frozen=True)
class ArmsCompared:
    lines: tuple[str, ...]
    arms: Table
    figure: Drawing | None
    pairs: Table
    note: str


def build(view: ResultsView, _: Shelf) -> ArmsCompared | None:
    """None with fewer than two protections."""
    pairs = view.readings.contrasts
    if not pairs:
        return None
    names = dict.fromkeys(name for pair in pairs for name in (pair.more, pair.less))
    arms = [c for c in view.tested if c.name in names]
    return ArmsCompared(
        lines=tuple(_lines(view, pairs)),
        arms=_arms(view, arms),
        figure=price(view, arms, key="price"),
        pairs=_pairs(view, pairs),
        note=view.locale.say(
            "Protections share every draw, so each run compares them with itself; that tells them apart more sharply "
            "than two ranges side by side. A difference counts if its p, adjusted by Holm's method over all {n} pairs, "
            "is small enough and its range leaves 0 out.",
            n=len(pairs),
        ),
    )


def _lines(view: ResultsView, pairs: tuple[Contrast, ...]) -> list[str]:
    loc, sure = view.locale, [pair for pair in pairs if pair.sure]
    told = pairs if len(pairs) <= MOST_LINES else sure
    lines = [loc.render(pair.said) for pair in sorted(told, key=lambda pair: not pair.sure)]
    rest = len(pairs) - len(told)
    if rest and not told:
        lines.append(loc.say("None of the {n} pairs is told apart.", n=rest))
    elif rest:
        lines.append(loc.many(rest, "{n} other pair is not told apart.", "{n} other pairs are not told apart."))
    return lines


def _arms(view: ResultsView, arms: list[Condition]) -> Table:
    loc, verdicts = view.locale, view.verdict.per_condition
    rows = tuple(
        (
            view.short(arm.name),
            view.word(verdicts[arm.name].label) if arm.name in verdicts else loc.missing,
            share(loc, index) if (index := view.told_index(arm.name)) is not None else loc.say("no number"),
            loc.render(seen.eye) if (seen := view.reading(arm.name).seen) is not None and seen.eye else loc.missing,
            loc.number(seen.lpips) if seen is not None and seen.lpips is not None else loc.missing,
            f"{loc.number(seen.psnr, digits=1)} dB" if seen is not None and seen.psnr is not None else loc.missing,
        )
        for arm in arms
    )
    head = (
        loc.say("Protection"), loc.say("Verdict"), loc.say("Protection index"),
        loc.say("To the eye, as a rule of thumb"), loc.say("LPIPS, middle value"), loc.say("PSNR, middle value"),
    )  # fmt: skip
    return Table(loc.say("Protections side by side"), head, rows)


def _pairs(view: ResultsView, pairs: tuple[Contrast, ...]) -> Table:
    loc = view.locale
    rows = tuple(
        (
            view.short(pair.more),
            view.short(pair.less),
            loc.missing
            if pair.value is None or pair.withheld
            else with_range(
                loc, rounded(loc, pair), *("" if x is None else loc.percent(x) for x in (pair.low, pair.high))
            ),
            loc.missing if pair.p is None or pair.withheld else loc.p_value(pair.p),
            loc.missing if pair.p_holm is None or pair.withheld else loc.p_value(pair.p_holm),
            str(pair.n),
            loc.say("yes") if pair.sure else loc.say("no"),
        )
        for pair in pairs
    )
    head = (
        loc.say("Kept more away"), loc.say("Kept less away"), loc.say("Difference of indices"), loc.say("p"),
        loc.say("p, Holm"), loc.say("Runs"), loc.say("Told apart"),
    )  # fmt: skip
    return Table(loc.say("Differences between protections, by {metric}", metric=view.primary), head, rows)
