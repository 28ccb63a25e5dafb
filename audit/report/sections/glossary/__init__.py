"""What the words mean."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.locale import ReportLocale
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView


@dataclass(frozen=True)
class Word:
    """One word and what it means."""

    place: str
    """The id of its place in the page."""
    word: str
    meaning: str


@dataclass(frozen=True)
class Glossary:
    words: tuple[Word, ...]


def build(view: ResultsView, _: Shelf) -> Glossary:
    """The same words for every run."""
    found = _words(view.locale)
    return Glossary(tuple(Word(f"word-{n}", word, meaning) for n, (word, meaning) in enumerate(found, 1)))


def terms(locale: ReportLocale) -> dict[str, str]:
    """Word -> its place. A run is left out: the page says of many other things that they run."""
    found = {word: f"word-{n}" for n, (word, _) in enumerate(_words(locale), 1)}
    del found[locale.say("Run")]
    return found


def _words(loc: ReportLocale) -> tuple[tuple[str, str], ...]:
    return (
        (
            "AUC",
            loc.say(
                "How well a score tells your real works from those of others. 1 is always, 0.5 is no better than dice."
            ),
        ),
        (loc.say("Base model"), loc.say("The picture generator before it sees your work.")),
        (
            "channel_stats, openclip",
            loc.say("Names of style scores: programs that read a picture's style, each built on other features."),
        ),
        (loc.say("Condition"), loc.say("What was done to the pictures before a model trained on them.")),
        (
            loc.say("Held-out work"),
            loc.say(
                "A work of yours that no model of a run trains on. The pictures of that run are scored against it."
            ),
        ),
        (
            "LPIPS",
            loc.say("How far apart two versions of a picture look to people. 0 is no difference, 1 a great one."),
        ),
        ("LoRA", loc.say("A small add-on that teaches a picture generator something new, such as a style.")),
        (
            loc.say("Paired training"),
            loc.say("Trainings that share all that is drawn: works, order, noise. Only pixels differ."),
        ),
        (
            loc.say("Placebo"),
            loc.say("Random noise as strong as the protection. A real protection should do better than that."),
        ),
        (
            loc.say("Prompt"),
            loc.say("The words that a picture is asked for with. All models of a run get the same ones."),
        ),
        (
            loc.say("Protection index"),
            loc.say(
                "0 % means the model learned as much as from the originals. 100 % means it learned nothing. It can "
                "fall below 0 %, when the model learned more."
            ),
        ),
        (
            loc.say("Range"),
            loc.say(
                "The values that fit the data: a confidence interval, at the 95 % level unless said otherwise. "
                "“Likely” stands before its two ends. A wide range means that little is known."
            ),
        ),
        (
            "PSNR",
            loc.say("How small the change of a picture is, in decibels. Higher is smaller; it knows nothing of eyes."),
        ),
        (
            loc.say("Reference protection"),
            loc.say("A protection written anew from its publication, to compare with; not the tool of any name."),
        ),
        (
            loc.say("Run"),
            loc.say("One set of paired trainings. The count of runs decides how sure the answer can be."),
        ),
        (loc.say("Style score"), loc.say("How near a picture comes to your held-out works. Higher is nearer.")),
    )
