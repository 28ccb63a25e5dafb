"""`score` judged: gates, then one word by a margin that was fixed before, in plain sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from audit.judge.finding import Finding, figure
from audit.judge.score_estimates import brought_together, estimate_scores, find_score, groups, unit_means
from audit.records import (
    SCHEMA_VERSION,
    Check,
    Estimate,
    GroupMeans,
    ScoreGroup,
    ScoreLabel,
    ScoreMargins,
    ScoreReadings,
    ScoreResults,
    ScoreVerdict,
)

CHANCE = 0.5

WORDS: dict[ScoreLabel, str] = {
    "closer": "Closer with the name",
    "not-closer": "Not closer with the name",
    "unclear": "Not clear",
    "described": "No comparison",
    "exploratory": "First look only",
    "not-valid": "Test not valid",
}
SENTENCES: dict[ScoreLabel, str] = {
    "closer": "On this test, pictures asked for with the name came closer to the artist's works. {Covered}.",
    "not-closer": "On this test, pictures asked for with the name came no closer to the artist's works, up to the "
    "margin set before. {Covered}.",
    "unclear": "This test was too small or too noisy to tell if the name brings pictures closer. {Covered}.",
    "described": "There was nothing to compare with, so this page only says what the pictures look like to the score.",
    "exploratory": "This is a first look, not a verdict. {Covered}.",
    "not-valid": "This test gives no answer: {reason}",
}
COVERED = "The name covered about {share} of the way (likely {low} to {high})"
COVERED_ALONE = "The name covered about {share} of the way"
NOT_COVERED = "No figure could be worked out"


@dataclass(frozen=True)
class ScoreGate:
    """One question asked before the word. The sentences are for the artist."""

    slug: str
    ask: Callable[[ScoreResults], Finding]
    red: ScoreLabel | None
    """What a red gate puts in the place of the word; None when it is only shown."""
    yes: str
    no: str
    unknown: str


def judge_score(results: ScoreResults) -> ScoreResults:
    """A copy with `estimates`, `checks` and `verdict` filled; judging twice gives the same copy."""
    blank = {"schema_version": SCHEMA_VERSION, "checks": (), "verdict": None}
    estimated = results.model_copy(update={**blank, "estimates": estimate_scores(results)})
    checked = estimated.model_copy(update={"checks": tuple(_asked(gate, estimated) for gate in SCORE_GATES)})
    return with_score_readings(checked.model_copy(update={"verdict": _decide(checked), "readings": None}))


def with_score_readings(results: ScoreResults) -> ScoreResults:
    """A judged score with its readings, which an earlier version did not write; its answers stay as they are."""
    if results.verdict is None or results.readings is not None:
        return results
    shown = ScoreReadings(groups=tuple(_group_means(results, group) for group in groups(results)))
    return results.model_copy(update={"readings": shown})


def _group_means(results: ScoreResults, group: ScoreGroup) -> GroupMeans:
    scored = next((s for s in results.scores if s.metric == results.plan.primary_metric), None)
    means = {} if scored is None else unit_means(results, group, scored.values)
    pictures = sum(p.group == group for p in results.plan.pictures)
    return GroupMeans(group=group, pictures=pictures, means=tuple(means.values()))


def reading(share: Estimate | None, margins: ScoreMargins) -> ScoreLabel:
    """The word for one share of the way, from its bounds alone: above, below or astride the margin."""
    if share is None or share.low is None or share.high is None:
        return "unclear"
    if share.low > margins.closer:
        return "closer"
    return "not-closer" if share.high < margins.closer else "unclear"


def covered(share: Estimate | None, say: Callable[..., str]) -> str:
    """What the name covered, as a sentence without full stop; `say` fills (and may translate) a message."""
    if share is None or share.value is None:
        return say(NOT_COVERED)
    value = whole(share.value)
    if share.low is None or share.high is None:
        return say(COVERED_ALONE, share=value)
    return say(COVERED, share=value, low=whole(share.low), high=whole(share.high))


def sentence(results: ScoreResults, label: ScoreLabel, say: Callable[..., str], *, reason: str) -> str:
    """The verdict's sentence; `reason` is the failed check's, for `not-valid`."""
    text = covered(find_score(results, "closeness_share", "control"), say)
    return say(SENTENCES[label], Covered=text, reason=reason)


def failed(results: ScoreResults) -> Check | None:
    """The first red check that makes the test not valid."""
    red = {c.slug: c for c in results.checks if c.passed is False}
    return next((red[g.slug] for g in SCORE_GATES if g.slug in red and g.red == "not-valid"), None)


def whole(share: float) -> str:
    """A share in whole per cents, as the sentence shows it."""
    percent = round(share * 100)
    return f"{percent} %" if percent >= 0 else f"\N{MINUS SIGN}{-percent} %"


def messages() -> Iterable[str]:
    """Every fixed text of this module, for the catalogue of translations."""
    yield from WORDS.values()
    yield from SENTENCES.values()
    yield from (COVERED, COVERED_ALONE, NOT_COVERED)
    for gate in SCORE_GATES:
        yield from (gate.yes, gate.no, gate.unknown)


# --- gates -------------------------------------------------------------------------------------------


def _separates(results: ScoreResults) -> Finding:
    row, least = find_score(results, "auc", ""), results.plan.margins.min_auc
    if row is None or row.value is None or row.low is None:
        return Finding(None, "no scores of real works by the artist and by others")
    facts = next((m for m in results.metrics if m.name == row.metric), None)
    detail = (
        f"auc by {row.metric}: {figure(row.value)} [{figure(row.low)}, {figure(row.high)}]; at least {figure(least)} "
        f"and a lower bound above {figure(CHANCE)} needed; {facts.others_artists if facts else 0} other artists"
    )
    return Finding(row.value >= least and row.low > CHANCE, detail)


def _own_references(results: ScoreResults) -> Finding:
    count = len(results.plan.reference_artists)
    return Finding(count > 0, f"{count} reference artists given (--reference-artists)")


def _controls(results: ScoreResults) -> Finding:
    count = sum(p.group == "control" for p in results.plan.pictures)
    return Finding(count > 0, f"{count} control pictures given (--controls)")


def _enough(results: ScoreResults) -> Finding:
    scored = next((s for s in results.scores if s.metric == results.plan.primary_metric), None)
    if scored is None or "control" not in groups(results):
        return Finding(None, "nothing to compare")
    both = brought_together(*(unit_means(results, g, scored.values) for g in ("named", "control")))
    least = results.plan.margins.min_units
    how = "paired" if both.paired else "unpaired"
    return Finding(both.units() >= least, f"{both.units()} {how} units ({results.plan.unit}), at least {least} needed")


def _other_name(results: ScoreResults) -> Finding:
    """Red where the name would be called closer, and not surely more so than another artist's."""
    row = find_score(results, "score_difference", "other-name")
    if row is None or row.low is None:
        return Finding(None, "no pictures asked for with another artist's name, or too few")
    detail = f"named minus other-name by {row.metric}: {figure(row.value)} [{figure(row.low)}, {figure(row.high)}]"
    if row.low > 0:
        return Finding(True, detail)
    own = reading(find_score(results, "closeness_share", "control"), results.plan.margins)
    return Finding(False if own == "closer" else None, f"{detail}; the lower bound must be above 0")


def _agree(results: ScoreResults) -> Finding:
    found = {
        m: reading(find_score(results, "closeness_share", "control", metric=m), results.plan.margins)
        for m in results.plan.metrics
    }
    if len(found) < 2 or "control" not in groups(results):
        return Finding(None, "one metric, or no comparison")
    return Finding(len(set(found.values())) == 1, ", ".join(f"{word} by {m}" for m, word in found.items()))


SCORE_GATES: tuple[ScoreGate, ...] = (
    ScoreGate(
        "score-separates",
        _separates,
        "not-valid",
        yes="The style score tells the artist's real works from those of other artists.",
        no="The style score does not tell the artist's real works from those of other artists well enough.",
        unknown="There were no works by other artists to test the style score with.",
    ),
    ScoreGate(
        "score-other-name",
        _other_name,
        "not-valid",
        yes="The artist's own name brought pictures closer than another artist's name did.",
        no="Another artist's name may bring pictures about as close, so the effect may be that of any name.",
        unknown="It was not tried, or is not sure, if the artist's own name does more than another's.",
    ),
    ScoreGate(
        "score-controls",
        _controls,
        "described",
        yes="There were pictures from the same service without the name to compare with.",
        no="There were no pictures from the same service without the name to compare with.",
        unknown="It is not known if there were pictures to compare with.",
    ),
    ScoreGate(
        "score-enough-prompts",
        _enough,
        "exploratory",
        yes="There were enough prompts for a verdict.",
        no="There were too few prompts for a verdict.",
        unknown="There was nothing to compare, so prompts were not counted.",
    ),
    ScoreGate(
        "score-references",
        _own_references,
        "exploratory",
        yes="The style score was tested on works by other artists that you chose.",
        no="The style score was tested on icon sets alone, which are unlike most art, so this is a first look only.",
        unknown="It is not known which works the style score was tested on.",
    ),
    ScoreGate(
        "score-metrics-agree",
        _agree,
        None,
        yes="The ways to score style give the same answer.",
        no="The ways to score style give different answers.",
        unknown="There was one way to score style only, or nothing to compare.",
    ),
)


def _asked(gate: ScoreGate, results: ScoreResults) -> Check:
    found = gate.ask(results)
    said = gate.unknown if found.passed is None else gate.yes if found.passed else gate.no
    return Check(slug=gate.slug, passed=found.passed, sentence=said, detail=found.detail)


def _decide(results: ScoreResults) -> ScoreVerdict:
    red = {c.slug for c in results.checks if c.passed is False}
    given = [gate.red for gate in SCORE_GATES if gate.slug in red and gate.red is not None]
    own = reading(find_score(results, "closeness_share", "control"), results.plan.margins)
    separates = next(c for c in results.checks if c.slug == SCORE_GATES[0].slug)
    if separates.passed is None:
        given.append("described")
    # What withholds most comes first.
    label = next((word for word in ("not-valid", "described", "exploratory") if word in given), own)
    check = failed(results)
    reason = "" if check is None else check.sentence[:1].lower() + check.sentence[1:]
    return ScoreVerdict(label=label, sentence=sentence(results, label, _english, reason=reason))


def _english(message: str, /, **values: object) -> str:
    return message.format(**values)
