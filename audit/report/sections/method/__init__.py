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
    full = view.results.plan.training.method == "full"
    return Method(_plain_words(view.locale, full=full), _rule(view), settings(view))


def _rule(view: ResultsView) -> str:
    loc, m = view.locale, view.results.plan.margins
    return loc.say(
        "Fixed before the run: held if the low end of the range is above {held}; did not hold if the high end is below "
        "{did_not_hold}; held only in part if the low end is above {partly}; else not clear. With fewer than {least} "
        "paired trainings there is no verdict. Where models drew noisier pictures, the answer must stand with as much "
        "noise in all pictures, too. Ranges are at the {level} level. The whole audit takes the worst of its primary "
        "conditions.",
        held=loc.percent(m.held), did_not_hold=loc.percent(m.did_not_hold), partly=loc.percent(m.partly),
        least=m.min_replicates, level=loc.percent(m.level),
    )  # fmt: skip


def _plain_words(loc: ReportLocale, *, full: bool = False) -> tuple[str, ...]:
    """How the test works, for anyone; `full`: whole models were trained, not add-ons."""
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
    return (
        loc.say("We took your works and set some aside. No model saw those."),
        trained,
        loc.say(
            "Each model then drew the same prompts from the same noise. We did this with the base model too, which "
            "never saw your art."
        ),
        loc.say(
            "A program scored how near each picture comes to the works we set aside. The score of the base model is "
            "the floor. The score of the model trained on originals is the other end."
        ),
        loc.say(
            "The protection index says where the protected model falls between the two. We repeat the whole thing "
            "with new draws, because trainings differ by chance. The range comes from these repeats, not from "
            "counting pictures."
        ),
    )
