"""Was the test fair, how sure is the answer, and does it change with the way of scoring."""

from __future__ import annotations

from dataclasses import dataclass

from audit.judge.significance import smallest_chance
from audit.judge.verdict import softened
from audit.records import Estimate
from audit.report import figures
from audit.report.locale import Text
from audit.report.recognition import calibration_note, calibration_table, recognition_sentences, recognition_table
from audit.report.results_view import ResultsView
from audit.report.results_view import change as change_in_words
from audit.report.retold import retold
from audit.report.table import Drawing, Table
from audit.report.tables import check_numbers, numbers, other_readings
from audit.report.variations import Variation, groups


@dataclass(frozen=True)
class Checked:
    """One gate as the page shows it."""

    slug: str
    passed: bool | None
    sentence: Text
    detail: Text


@dataclass(frozen=True)
class Fairness:
    summary: str
    checks: tuple[Checked, ...]
    """Failed ones first, then those that could not be made, then the passed ones."""
    table: Table
    deviations: tuple[Text, ...]
    """Where the run differs from its plan."""
    notes: tuple[Text, ...]
    """What was found while the pictures were collected, each sentence once."""
    losses: Drawing | None
    calibration: Table | None
    """What tests of planted truths showed about this setup."""
    calibration_note: str


@dataclass(frozen=True)
class Sureness:
    sentences: tuple[str, ...]
    slopes: Drawing | None
    chance: Drawing | None
    scores: Drawing | None
    no_drawing: str
    table: Table
    readings: Table | None
    """Estimates that no other table holds; None without any."""
    gaps: str
    """Sentence about trainings without scores; may be empty."""


@dataclass(frozen=True)
class Change:
    sentences: tuple[str, ...]
    forest: Drawing | None
    sensitivity: Drawing | None
    recognition: Table | None


def fairness(facts: ResultsView) -> Fairness:
    """The checks in the order a reader needs them."""
    v = facts.voice
    checks = sorted(facts.results.checks, key=lambda c: {False: 0, None: 1, True: 2}[c.passed])
    tally = {state: sum(c.passed is state for c in checks) for state in (True, False, None)}
    parts = [v.many(tally[True], "{n} check passed", "{n} checks passed")] if tally[True] else []
    parts += [v.many(tally[False], "{n} check failed", "{n} checks failed")] if tally[False] else []
    parts += [v.many(tally[None], "{n} could not be made", "{n} could not be made")] if tally[None] else []
    summary = f"{v.join(parts)}." if parts else v.say("No checks were made on this run.")
    if facts.verdict.label == "not-valid":
        summary = v.say("{checks} So the report gives no verdict.", checks=summary)
    return Fairness(
        summary=summary,
        checks=tuple(Checked(c.slug, c.passed, v.known(c.sentence), retold(v, c.detail)) for c in checks),
        table=check_numbers(facts),
        deviations=tuple(retold(v, d.sentence) for d in facts.results.deviations),
        notes=tuple(retold(v, text) for text in dict.fromkeys(n.sentence for n in facts.results.notes)),
        losses=figures.losses(facts, key="losses"),
        calibration=calibration_table(facts),
        calibration_note=calibration_note(facts),
    )


def sureness(facts: ResultsView) -> Sureness:
    """Range, chance and smallest visible effect of the headline condition; numbers of all in a table."""
    v, plan = facts.voice, facts.results.plan
    slopes = figures.slopes(facts, key="slopes")
    return Sureness(
        sentences=tuple(_sentences(facts)),
        slopes=slopes,
        chance=figures.chance(facts, key="chance"),
        scores=figures.scores(facts, key="scores"),
        no_drawing="" if slopes else v.say("There is no pair of trainings to draw."),
        table=numbers(facts),
        readings=other_readings(facts),
        gaps=_gaps(
            facts,
            [
                v.say("{condition} (run {run})", condition=facts.short(c.name), run=r)
                for c in plan.conditions
                for r in range(1, facts.results.replicates + 1)
                if facts.mean_score(c.name, r) is None
            ],
        ),
    )


def change(facts: ResultsView) -> Change:
    """The headline condition by every metric and under every variation, in words and as forest plots."""
    v, sentences = facts.voice, []
    withheld = facts.verdict.label == "not-valid"
    if withheld:
        sentences.append(v.say("There is no answer that could change. The numbers are kept for experts."))
    readings = [
        (m, e)
        for m in facts.results.plan.metrics
        if facts.headline is not None
        and (e := facts.estimate("protection_index", facts.headline.name, metric=m)) is not None
        and e.value is not None
    ]
    if not withheld and len(readings) > 1:
        said = v.join(
            [v.say("{metric} gives {change}", metric=m, change=change_in_words(facts, e)) for m, e in readings]
        )
        sentences.append(
            v.many(
                len(readings),
                "The pictures were scored in {n} way: {said}.",
                "The pictures were scored in {n} ways, built on different features: {said}.",
                said=said,
            )
        )
        sentences.append(
            v.say(
                "We show them side by side and never average them. The one that counts, {metric}, was chosen before "
                "the run.",
                metric=facts.primary,
            )
        )
        sentences += _overlap(facts, [e for _, e in readings])
    varied = groups(facts)
    if not withheld and facts.verdict.label != "exploratory":
        sentences += _steadiness(facts, [x for g in varied for x in g.variations])
    if not withheld:
        sentences += recognition_sentences(facts)
    return Change(
        tuple(sentences),
        figures.forest(facts, key="forest"),
        figures.sensitivity(facts, varied, key="vary"),
        recognition_table(facts),
    )


def _overlap(facts: ResultsView, readings: list[Estimate]) -> list[str]:
    ranges = [(e.low, e.high) for e in readings if e.low is not None and e.high is not None]
    if len(ranges) < 2:
        return []
    meet = max(low for low, _ in ranges) <= min(high for _, high in ranges)
    if meet:
        return [facts.voice.say("Their ranges overlap.")]
    return [facts.voice.say("Their ranges do not overlap: read the answer with care.")]


def _steadiness(facts: ResultsView, variations: list[Variation]) -> list[str]:
    """How many of the ways to work the result out give the planned answer."""
    if len(variations) < 3:
        return []
    v, planned, rest = facts.voice, variations[0], variations[1:]
    other = [x for x in rest if x.verdict != planned.verdict]
    if not other:
        return [
            v.say(
                "We worked the result out in {ways} other ways, most with one run or one prompt left out. The "
                "answer would read the same in all of them.",
                ways=len(rest),
            )
        ]
    named = v.join([x.label for x in other[:4]] + ([v.say("{n} more", n=len(other) - 4)] if len(other) > 4 else []))
    return [
        v.say(
            "We worked the result out in {ways} other ways, most with one run or one prompt left out. The "
            "answer would read the same in {same} of them. It changes for: {named}.",
            ways=len(rest), same=len(rest) - len(other), named=named,
        )
    ]  # fmt: skip


def _gaps(facts: ResultsView, gone: list[str]) -> str:
    if not gone:
        return ""
    v = facts.voice
    named = v.join(gone[:12]) if len(gone) <= 12 else v.say("{names} and more", names=", ".join(gone[:12]))
    return v.many(
        len(gone),
        "{n} training could not be used. It is left out, never counted as zero: {named}.",
        "{n} trainings could not be used. They are left out, never counted as zero: {named}.",
        named=named,
    )


def _placebo(facts: ResultsView) -> list[str]:
    """What random noise did by itself, where that is sure and too much to go unsaid."""
    noise = facts.estimate("protection_index", facts.placebo.name) if facts.placebo else None
    if noise is None or noise.low is None or noise.high is None or noise.low <= 0 <= noise.high:
        return []
    v = facts.voice
    values = {"low": v.percent(noise.low), "high": v.percent(noise.high)}
    if noise.high < 0:
        return [
            v.say(
                "Random noise in place of a protection surely brought the models nearer to your style here, by this "
                "score (an index from {low} to {high}), so a protection starts from below zero.",
                **values,
            )
        ]
    return [
        v.say(
            "Random noise in place of a protection surely kept some style away by itself (an index from {low} to "
            "{high}).",
            **values,
        )
    ]


def _sentences(facts: ResultsView) -> list[str]:
    v, headline = facts.voice, facts.headline
    if headline is None or facts.verdict.label == "not-valid":
        return [v.say("This cannot be said, because there is no verdict. The numbers are kept for experts.")]
    said = []
    index = facts.index(headline.name)
    if index is not None and index.low is not None and index.high is not None:
        said.append(
            v.say(
                "The range of the protection index runs from {low} to {high}. It is built so that, in {level} of tests "
                "like this with these prompts and this base model, the range covers the true value.",
                low=v.percent(index.low), high=v.percent(index.high), level=v.percent(index.level),
            )
        )  # fmt: skip
        wide = facts.estimate("index_over_prompts", headline.name)
        if wide is not None and wide.low is not None and wide.high is not None:
            said.append(
                v.say(
                    "It speaks of these prompts. If prompts, too, are counted as drawn by chance from others of their "
                    "kind, the range is {low} to {high}.",
                    low=v.percent(wide.low), high=v.percent(wide.high),
                )
            )  # fmt: skip
    elif index is not None and index.value is not None:
        reason = v.known(index.note).text or v.say("too few trainings")
        said.append(v.say("There is no range around {value}: {reason}.", value=v.percent(index.value), reason=reason))
    equal = facts.estimate("index_at_equal_noise", headline.name)
    if equal is not None and equal.low is not None and equal.high is not None:
        said.append(
            v.say(
                "Models trained on the protected works drew noisier pictures, and noise alone can move the score. With "
                "as much noise in all pictures the protection index would be {value} ({low} to {high}).",
                value=v.percent(equal.value),
                low=v.percent(equal.low),
                high=v.percent(equal.high),
            )
        )
        if softened(facts.results, headline.name):
            said.append(v.say("The answer above is what both figures allow."))
    same = facts.estimate("index_at_equal_treatment", headline.name)
    if same is not None and same.low is not None and same.high is not None:
        said.append(
            v.say(
                "Whoever trains may do the same to unprotected works. Against models trained on those, the protection "
                "index would be {value} ({low} to {high}).",
                value=v.percent(same.value), low=v.percent(same.low), high=v.percent(same.high),
            )
        )  # fmt: skip
    chance = facts.estimate("p_sign_flip", headline.name)
    if chance is not None and chance.value is not None:
        said.append(
            v.say(
                "If the protection did nothing, a difference at least this large would still turn up by chance with "
                "probability {p}; with {runs} pairs of trainings the smallest that can be found is {least}.",
                p=v.p_value(chance.value), runs=chance.n, least=v.p_value(smallest_chance(chance.n)),
            )
        )  # fmt: skip
    said += _placebo(facts)
    smallest = facts.estimate("mde_protection_index", headline.name)
    if smallest is not None and smallest.value is not None:
        said.append(
            v.say(
                "The smallest effect this run could be expected to notice is about {share}. A smaller one may be there "
                "unseen.",
                share=v.percent(smallest.value),
            )
        )
        runs, pictures = (facts.estimate(f"mde_twice_{name}", headline.name) for name in ("replicates", "pictures"))
        if runs is not None and runs.value is not None and pictures is not None and pictures.value is not None:
            said.append(
                v.say(
                    "With twice the trainings it would be about {runs}; with twice the pictures of each model about "
                    "{pictures}.",
                    runs=v.percent(runs.value), pictures=v.percent(pictures.value),
                )
            )  # fmt: skip
    return said
