"""What a page inside a bundle knows beyond the results: what was left out, what was stamped, what became of add-ons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.records import Results
from audit.report.locale import ReportLocale


@dataclass(frozen=True)
class Custody:
    """The state of a run at the moment its bundle was made.

    Attributes:
        addons: what became of the trained add-ons; `absent`: the store at hand did not hold them.
        shows: `all` pictures, only the `generated` ones, or `none`.
        plan_attested: when an authority says that the plan existed, ISO 8601; '' without a stamp.
        authority: its name; '' without a stamp.
    """

    addons: Literal["deleted", "kept", "absent"]
    shows: Literal["all", "generated", "none"]
    plan_attested: str = ""
    authority: str = ""


def hidden(results: Results, custody: Custody | None) -> frozenset[str]:
    """File names of the pictures that a page must not show."""
    if custody is None or custody.shows == "all":
        return frozenset()
    own = {*results.work_images.values(), *(n for m in results.treated_images.values() for n in m.values())}
    generated = {n for c in results.cells for n in c.generations.files} if custody.shows == "none" else set()
    return frozenset(own | generated)


def no_picture(loc: ReportLocale, custody: Custody | None) -> str:
    """Why a picture is not there."""
    if custody is None or custody.shows == "all":
        return loc.say("picture not found")
    return loc.say("left out of this bundle")


def nothing_to_compare(loc: ReportLocale, custody: Custody | None) -> str:
    """Why no protected picture is shown beside its original."""
    if custody is None or custody.shows == "all":
        return loc.say("There are no pictures to compare in this run folder.")
    return loc.say("The artist's own pictures were left out of this bundle, so there is nothing to compare here.")


def addons(loc: ReportLocale, custody: Custody | None) -> str:
    """What became of the trained add-ons."""
    if custody is None:
        return loc.say(
            "kept by the machine that ran the test, until they are deleted with cloakcheck bundle or cloakcheck forget"
        )
    if custody.addons == "deleted":
        return loc.say("deleted after their digests were taken, when this bundle was made")
    if custody.addons == "kept":
        return loc.say("kept on request: they are in this bundle")
    return loc.say("not at hand when this bundle was made; only their digests are known")


def time_sentence(loc: ReportLocale, custody: Custody | None) -> str:
    """For the open part: whose word the times are."""
    if custody is None or not custody.plan_attested:
        return loc.say("The time is not independently attested.")
    return loc.say("A time-stamp service says when the plan was there. All other times are not independently attested.")


def time_source(loc: ReportLocale, custody: Custody | None) -> str:
    """For the table: the same with names."""
    machine = loc.say("not independently attested: taken from the clock of the machine that ran the test")
    if custody is None or not custody.plan_attested:
        return machine
    return loc.say(
        "the plan: {time}, says {authority}; the rest: {machine}",
        time=loc.minute(custody.plan_attested), authority=custody.authority, machine=machine,
    )  # fmt: skip
