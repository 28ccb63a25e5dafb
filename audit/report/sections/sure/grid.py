"""What a mimic who chooses his settings gets: in words, setting by setting, and against the length of training."""

from __future__ import annotations

import numpy as np

from audit.records import ChosenSetting, Condition, Estimate, Setting
from audit.report.drawing import FAINT, MARKS, SMALL, TEXT, canvas
from audit.report.estimates import rounded, score, share
from audit.report.locale import ReportLocale, Spoken
from audit.report.results_view import ResultsView
from audit.report.svg import INKS, inline_svg
from audit.report.table import Drawing, Table

FEWEST_LENGTHS = 2
"""Of trainings, from which there is a line to draw."""


def grid_sentences(view: ResultsView, headline: Condition) -> list[str]:
    """Who chooses, and what that does to the index; nothing where there was nothing to choose."""
    loc, plan = view.locale, view.results.plan
    best, usual = (view.estimate(name, headline.name) for name in ("index_at_best", "protection_index"))
    if not plan.grid.others or best is None or usual is None:
        return []
    ways = view.reading(headline.name).ways_around
    said = [
        loc.say(
            "A mimic keeps what works best. Here he could choose between {settings} ways to train, with your "
            "unprotected works as with the protected ones.",
            settings=len(plan.grid.settings),
        )
    ]
    if ways:
        said.append(
            loc.many(
                ways,
                "He could also go {n} way around the protection.",
                "He could also go {n} ways around the protection.",
            )
        )
    if best.value is not None and usual.value is not None:
        said.append(
            loc.say(
                "Each half of the runs was judged with what the other half would choose: the protection index is then "
                "{best}. With the usual setting alone it is {usual}. Figures of single runs, of chance and of smallest "
                "effects are about the usual setting.",
                best=share(loc, best), usual=share(loc, usual),
            )
        )  # fmt: skip
    kept = view.estimate("index_best_of_runs", headline.name)
    if kept is not None and kept.value is not None:
        said.append(
            loc.say(
                "Against a mimic who trains several times with the usual setting and keeps the best by this score, the "
                "protection index is {share}.",
                share=rounded(loc, kept),
            )
        )
    if plan.grid.prompts is not None:
        said.append(
            loc.many(
                plan.grid.prompts,
                "Models of other settings were asked for {n} prompt of each run; what a setting changes is taken from "
                "it.",
                "Models of other settings were asked for the first {n} prompts of each run; what a setting changes is "
                "taken from these.",
            )
        )
    return said


def grid_table(view: ResultsView) -> Table | None:
    """Gains and index of the headline by setting, and who chose what; None where there was nothing to choose."""
    loc, plan, headline = view.locale, view.results.plan, view.headline
    if headline is None or not plan.grid.others:
        return None
    reading = view.reading(headline.name)
    rows: list[tuple[str | Spoken, ...]] = [
        (
            setting_words(loc, setting),
            score(loc, _at(view, "gain_at_setting", view.clean, setting)),
            score(loc, _at(view, "gain_at_setting", headline.name, setting)),
            share(loc, _at(view, "index_at_setting", headline.name, setting)),
            _chosen(view, reading.chosen_clean, setting),
            _chosen(view, reading.chosen, setting),
        )
        for setting in plan.grid.settings
    ]
    head = (
        loc.say("Setting"),
        loc.say("Gain, unprotected"),
        loc.say("Gain, protected"),
        loc.say("Protection index"),
        loc.say("Chosen for unprotected works"),
        loc.say("Chosen for protected works"),
    )
    return Table(loc.say("What each setting gives, by {metric}", metric=view.primary), head, tuple(rows))


def grid_figure(view: ResultsView, *, key: str) -> Drawing | None:
    """The headline's index against the length of training; None with fewer than two lengths."""
    loc, plan, headline = view.locale, view.results.plan, view.headline
    if headline is None:
        return None
    along = sorted((s for s in plan.grid.settings if (s.rate, s.rank) == (1, 1)), key=lambda s: s.steps)
    rows = [(s, _at(view, "index_at_setting", headline.name, s)) for s in along]
    found = [(s, e, e.value) for s, e in rows if e is not None and e.value is not None]
    if len(found) < FEWEST_LENGTHS:
        return None
    slot, best = view.slot(headline.name), view.estimate("index_at_best", headline.name)
    figure, axes = canvas(2.3, left=0.55, right=0.2, top=0.2, bottom=0.5)
    axes.axhline(0, color=INKS["muted"], linewidth=0.8, zorder=1)
    if best is not None and best.value is not None:
        axes.axhline(best.value, color=INKS[slot], linewidth=1, dashes=(4, 3), zorder=2)
    at = np.log2([s.steps for s, *_ in found])
    axes.plot(at, [value for *_, value in found], color=INKS[slot], linewidth=1, zorder=2)
    for x, (_, e, value) in zip(at, found, strict=True):
        if e.low is not None and e.high is not None:
            axes.plot([x, x], [e.low, e.high], color=INKS[slot], linewidth=2, alpha=FAINT, zorder=2)
        axes.plot(
            [x], [value], linestyle="none", marker=MARKS[slot], markersize=5.5, color=INKS[slot],
            markeredgecolor=INKS["paper"], markeredgewidth=0.8, zorder=3,
        )  # fmt: skip
    axes.set_xlim(at[0] - 0.3, at[-1] + 0.3)
    axes.set_xticks(at, [loc.number(s.steps * plan.training.steps, digits=0) for s, *_ in found])
    low, high = axes.get_ylim()
    ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    axes.set_yticks(ticks, [loc.percent(float(tick)) for tick in ticks])
    axes.set_xlabel(loc.say("training steps"), fontsize=SMALL, color=INKS["muted"])
    axes.set_title(loc.say("protection index"), fontsize=TEXT, color=INKS["muted"], loc="left")
    text = loc.say(
        "The protection index with its range after each length of training, unprotected and protected trained alike. "
        "The dashed line is the index where each mimic chooses."
    )
    head = (loc.say("Training steps"), loc.say("Protection index"))
    told = tuple((loc.number(s.steps * plan.training.steps, digits=0), share(loc, e)) for s, e, _ in found)
    title = loc.say("Index and length of training")
    svg = inline_svg(figure, key=key, title=title, description=text)
    return Drawing(svg, text, Table(title, head, told))


def setting_words(loc: ReportLocale, setting: Setting) -> str:
    """A setting for a reader: "0.5 × the steps, 3 × the learning rate"."""
    parts = []
    if setting.steps != 1:
        parts.append(loc.say("{times} × the steps", times=f"{setting.steps:g}"))
    if setting.rate != 1:
        parts.append(loc.say("{times} × the learning rate", times=f"{setting.rate:g}"))
    if setting.rank != 1:
        parts.append(loc.say("{times} × the rank", times=setting.rank))
    return ", ".join(parts) or loc.say("as usual")


def _at(view: ResultsView, name: str, condition: str, setting: Setting) -> Estimate | None:
    wanted = (name, condition, view.primary, setting.name)
    return next((e for e in view.results.estimates if (e.name, e.condition, e.metric, e.setting) == wanted), None)


def _chosen(view: ResultsView, choices: tuple[ChosenSetting, ...], setting: Setting) -> str:
    """How many of the halves took a setting, and by which way around."""
    loc, taken = view.locale, [choice for choice in choices if choice.setting == setting.name]
    ways = dict.fromkeys(view.short(choice.way) for choice in taken)
    if not taken:
        return loc.say("no")
    return loc.many(len(taken), "by {n} half: {ways}", "by {n} halves: {ways}", ways=", ".join(ways))
