"""Fields of the court edition that an expert fills in: rules of court ask for them, and no program knows them."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView


@dataclass(frozen=True)
class ExpertFields:
    fields: tuple[tuple[str, str, str], ...]
    """Name, what belongs there, and what is known already; '' where nothing is."""
    why: str


def build(view: ResultsView, _: Shelf) -> ExpertFields:
    """The fields, with what the run knows of the material."""
    loc, plan = view.locale, view.results.plan
    material = loc.say(
        "{works} works; plan with the canonical digest {digest}, fixed on {time}",
        works=len(plan.works), digest=view.results.provenance.plan_sha256,
        time=loc.minute(view.results.provenance.plan_fixed or view.results.provenance.started),
    )  # fmt: skip
    return ExpertFields(
        (
            (loc.say("Instructed by"), loc.say("who asked for this test, and the substance of the instructions"), ""),
            (loc.say("Test run by"), loc.say("who ran it, where, and their tie to the parties"), ""),
            (loc.say("Material"), loc.say("where the works and the protected files came from, and when"), material),
            (loc.say("Expert"), loc.say("qualifications, publications, earlier testimony, payment"), ""),
            (
                loc.say("Range of opinion"),
                loc.say("where the matter is disputed: the views held, and the reasons for the one taken here"),
                "",
            ),
            (
                loc.say("Statement of truth"),
                loc.say(
                    "in the words that the court asks for, on the duty to the court too, with place, date and signature"
                ),
                "",
            ),
        ),
        loc.say(
            "To be filled in by the expert who presents this report; a program cannot. Such fields are named in 28 "
            "U.S.C. § 1746 and Rule 26(a)(2)(B) of the Federal Rules of Civil Procedure (United States), and in Part "
            "35 of the Civil Procedure Rules with its practice direction (England and Wales)."
        ),
    )
