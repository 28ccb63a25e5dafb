"""How it was done, the rule for the word, and every setting."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import ServicePicture
from audit.report.estimates import named
from audit.report.pictures import Shelf
from audit.report.score.view import ScoreView, group_name
from audit.report.table import Table


@dataclass(frozen=True)
class ScoreMethod:
    lines: tuple[str, ...]
    tables: tuple[Table, ...]


def build(view: ScoreView, _: Shelf) -> ScoreMethod:
    """In plain words, then for experts."""
    return ScoreMethod(_plain_words(view), _tables(view))


def _plain_words(view: ScoreView) -> tuple[str, ...]:
    """How it was done, in plain words, and the rule for the word."""
    loc, results = view.locale, view.results
    m, plan = results.plan.margins, results.plan
    held_out = sum(w.split == "reference" for w in plan.works)
    counted = (
        loc.say(
            "Pictures of one prompt hang together, so they are averaged first. Prompts are counted, never pictures."
        )
        if plan.unit == "prompt"
        else loc.say("Pictures of one prompt and session are averaged first. Pairs of prompt and session are counted.")
    )
    return (
        loc.say(
            "Of {all} works, {held_out} were held out. All pictures, real or made, were brought to {side} pixels and "
            "scored by how near they come to these.",
            all=len(plan.works),
            held_out=held_out,
            side=plan.side,
        ),
        counted,
        loc.say(
            "0 % of the way means as near to the artist as pictures without the name. 100 % means as near as the "
            "artist's other works."
        ),
        loc.say(
            "Fixed before the scoring: closer if the low end of the range is above {closer}; not closer if the high "
            "end is below it; else not clear. With fewer than {least} prompts there is no verdict. Ranges are at the "
            "{level} level.",
            closer=loc.percent(m.closer),
            least=m.min_units,
            level=loc.percent(m.level),
        ),
    )


def _tables(view: ScoreView) -> tuple[Table, ...]:
    loc, results = view.locale, view.results
    plan, p = results.plan, results.provenance
    value = (loc.say("Setting"), loc.say("Value"))
    own = tuple((named(loc, "setting", name), f"{number:g}") for name, number in plan.margins)
    general = (
        (loc.say("Counted"), plan.unit),
        (loc.say("Size at which pictures are compared"), f"{plan.side} px"),
        (loc.say("Seed"), str(plan.seed)),
        (loc.say("Metrics"), ", ".join(loc.say("{metric} (primary)", metric=m) if m == plan.primary_metric else m
                                     for m in plan.metrics)),
        (loc.say("Reference artists"), ", ".join(a.name for a in plan.reference_artists) or loc.say("none")),
        *own,
    )  # fmt: skip
    where = (
        ("CloakCheck", plan.tool_version),
        (loc.say("System"), p.platform),
        ("Python", p.python),
        (loc.say("Time taken"), loc.duration(p.seconds)),
    )
    files = tuple(
        (group_name(loc, x.group), x.prompt, x.session or loc.say("none"), _file(view, x), x.sha256)
        for x in plan.pictures
    )
    works = tuple((w.id, w.name, w.sha256) for w in plan.works)
    of_file = loc.say("SHA-256 of the file")
    head = (loc.say("Pictures"), loc.say("Prompt"), loc.say("Session"), loc.say("File name"), of_file)
    return (
        Table(loc.say("Settings"), value, general),
        Table(loc.say("Where and with what this ran"), (loc.say("What"), loc.say("Value")), where),
        Table(loc.say("Packages"), (loc.say("Package"), loc.say("Version")), tuple(sorted(p.packages.items()))),
        Table(loc.say("Pictures as delivered"), head, files),
        Table(loc.say("Works as delivered"), (loc.say("Work"), loc.say("File name"), of_file), works),
    )


def _file(view: ScoreView, picture: ServicePicture) -> str:
    """A picture's file, and for a frame its moment."""
    if picture.clip is None:
        return picture.name
    return view.locale.say("{name}, at {at} s", name=picture.name, at=f"{picture.clip.at:.2f}")
