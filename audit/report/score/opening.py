"""The first screen: the verdict, the share of the way, how often pictures are recognised, and the first pictures."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Estimate
from audit.records.rounding import wide
from audit.report.estimates import rounded
from audit.report.locale import Spoken
from audit.report.pictures import Shelf
from audit.report.score.see import evidence
from audit.report.score.view import ScoreView, group_words
from audit.report.sections.opening import Evidence


@dataclass(frozen=True)
class ScoreOpening:
    artist: str
    service: str
    label: str
    word: str
    answer: Spoken
    """First sentence of the verdict."""
    figures: str
    """The rest of it, in the same language; may be empty."""
    share: Estimate | None
    """Share of the way to show; None when it is withheld or missing."""
    known: bool
    """Whether the share may stand large: an answer rests on it, and its range is not so wide that it says nothing."""
    told: str
    """The share in words."""
    counted: str
    recognised: tuple[str, ...]
    evidence: Evidence | None
    """None where no picture can be shown."""


def build(view: ScoreView, shelf: Shelf) -> ScoreOpening:
    """Everything on the first screen."""
    plan, label = view.results.plan, view.verdict.label
    answer, figures = view.locale.parted(view.verdict.said)
    share = view.estimate("closeness_share", "control")
    withheld = label in ("not-valid", "described")
    return ScoreOpening(
        artist=plan.artist,
        service=plan.service,
        label=label,
        word=view.word,
        answer=answer,
        figures=figures,
        share=None if withheld or share is None or share.value is None else share,
        known=share is not None and label in ("closer", "not-closer") and not wide(share),
        told=rounded(view.locale, share),
        counted=_counted(view),
        recognised=tuple(_recognised(view)),
        evidence=evidence(view, shelf, start=0),
    )


def _counted(view: ScoreView) -> str:
    loc = view.locale
    named = [p for p in view.results.plan.pictures if p.group == "named"]
    units = len(view.unit_means("named"))
    if view.results.plan.unit == "prompt":
        return loc.many(units, "{n} prompt counted, {count} pictures", "{n} prompts counted, {count} pictures",
                      count=len(named))  # fmt: skip
    return loc.many(
        units, "{n} pair of prompt and session counted, {count} pictures",
        "{n} pairs of prompt and session counted, {count} pictures", count=len(named),
    )  # fmt: skip


def _recognised(view: ScoreView) -> list[str]:
    loc, known = view.locale, view.recognition
    if known is None:
        return []
    lines = []
    for group in view.groups:
        rate = view.estimate("recognised_rate", group)
        if rate is None or rate.value is None:
            continue
        text = loc.say(
            "{pictures}: {share} recognised as the artist's among {count} artists",
            pictures=group_words(loc, group), share=rounded(loc, rate), count=len(known.artists) + 1,
        )  # fmt: skip
        if rate.low is not None and rate.high is not None:
            text += " " + loc.say("(likely {low} to {high})", low=loc.percent(rate.low), high=loc.percent(rate.high))
        lines.append(f"{text}.")
    lines.append(
        loc.say(
            "For comparison, of the artist's real works {own} are recognised, and of works by others {false} are taken "
            "for the artist's.",
            own=loc.percent(known.own_rate),
            false=loc.percent(known.false_rate),
        )
    )
    return lines
