"""How the test works, the rule for the verdict, and every setting."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.locale import ReportLocale
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.method.settings import settings
from audit.report.table import Table


@dataclass(frozen=True)
class Method:
    lines: tuple[str, ...]
    rule: str
    settings: tuple[Table, ...]


def build(view: ResultsView, _: Shelf) -> Method:
    """In plain words, then for experts."""
    plan = view.results.plan
    words = _plain_words(view.locale, full=plan.training.method == "full", drawn=bool(plan.draws))
    anew = _anew(view.locale, drawn=bool(plan.draws))
    scope = tuple(view.locale.render(said) for said in view.readings.scope_details)
    return Method((*words, anew, *scope), _rule(view), settings(view))


def _anew(loc: ReportLocale, *, drawn: bool) -> str:
    """What chance draws anew for every run, and what stays."""
    if drawn:
        return loc.say(
            "Drawn anew for every run: which works are set aside, which works are trained on, the prompts (from one "
            "list), first weights, order and noise. The same in all runs: the base model, the list of prompts and the "
            "settings."
        )
    return loc.say(
        "Drawn anew for every run: first weights, order and noise. The same in all runs: which works are set aside, "
        "the prompts, the base model and the settings."
    )


def _rule(view: ResultsView) -> str:
    loc, m = view.locale, view.results.plan.margins
    rule = loc.say(
        "Fixed before the run: held if the low end of the range is above {held}; did not hold if the high end is below "
        "{did_not_hold}; held only in part if the low end is above {partly}; else not clear. With fewer than {least} "
        "paired trainings there is no verdict. Where models drew noisier pictures, the answer must stand with as much "
        "noise in all pictures, too. Ranges are at the {level} level. The whole audit takes the worst of its primary "
        "conditions.",
        held=loc.percent(m.held), did_not_hold=loc.percent(m.did_not_hold), partly=loc.percent(m.partly),
        least=m.min_replicates, level=loc.percent(m.level),
    )  # fmt: skip
    return f"{rule} {_chosen(view)}"


def _chosen(view: ResultsView) -> str:
    """Which index decides, and what that leaves unsaid."""
    loc = view.locale
    if not view.results.plan.grid.others:
        return loc.say(
            "All models were trained with one setting; with more steps or another learning rate the answer may differ."
        )
    return loc.say(
        "What counts is the index at the mimic's best: each half of the runs is judged with the settings that paid "
        "best in the other half, and the protection also under its countermeasures."
    )


def _plain_words(loc: ReportLocale, *, full: bool, drawn: bool) -> tuple[str, ...]:
    """How the test works, for anyone.

    Args:
        full: whole models were trained, not add-ons.
        drawn: every run held out works and asked for prompts of its own draw.
    """
    trained = loc.say(
        "Then we trained small add-ons for one picture generator. One add-on learned from your originals. "
        "Others learned from the protected pictures. All else was the same: the same works, the same order, the "
        "same noise."
    )
    if full:
        trained = loc.say(
            "Then we trained copies of one picture generator. One copy learned from your originals. Others learned "
            "from the protected pictures. All else was the same: the same works, the same order, the same noise."
        )
    aside = loc.say("We took your works and set some aside. No model saw those.")
    asked = loc.say(
        "Each model then drew the same prompts from the same noise. We did this with the base model too, which "
        "never saw your art."
    )
    again = loc.say(
        "The protection index says where the protected model falls between the two. We repeat the whole thing "
        "with new draws, because trainings differ by chance. The range comes from these repeats, not from "
        "counting pictures."
    )
    if drawn:
        aside = loc.say(
            "For each run, chance picked works of yours to set aside. No model of that run saw those. So the answer "
            "does not hang on one choice of works."
        )
        asked = loc.say(
            "Each model of a run then drew the same prompts from the same noise. We did this with the base model too, "
            "which never saw your art."
        )
        again = loc.say(
            "The protection index says where the protected model falls between the two. We repeat the whole thing "
            "with other works set aside and all other draws new, because each of these changes the answer by chance. "
            "The range comes from these repeats, not from counting pictures."
        )
    return (
        aside,
        trained,
        asked,
        loc.say(
            "A program scored how near each picture comes to the works we set aside. The score of the base model is "
            "the floor. The score of the model trained on originals is the other end."
        ),
        again,
    )
