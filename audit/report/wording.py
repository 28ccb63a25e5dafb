"""The judge's words in the page's language: conditions, changes, ranges and the verdict's sentence.

In English the judge's own sentences are shown as they are. For another language they are said again from the
same facts; `tests/report/test_wording.py` holds both to one text. A sentence that cannot be said again, because
the judge has learned a new one, stays English and is marked so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce

from audit.base.text import printable
from audit.judge import (
    exclusion,
    intervals,
    score_estimates,
    scored,
    separation,
    sequential,
    variance_components,
    verdict,
)
from audit.judge.checks import GATES
from audit.judge.words import COUNTERMEASURES, LABEL_WORDS, SUBJECTS, TELLS_NOTHING
from audit.records import Check, Estimate, Results, VerdictLabel
from audit.report.locale import SOURCE, ReportLocale, Spoken, report_locale


def condition(loc: ReportLocale, name: str) -> str:
    """Name of a condition as a noun phrase; the judge's `condition_words` in the page's language."""
    subject, *treatments = printable(name, limit=80).split("+")
    words = _part(loc, subject, SUBJECTS, unknown=_reference)
    if not treatments:
        return words
    steps = [_part(loc, treatment, COUNTERMEASURES, unknown=_treatment) for treatment in treatments]
    chain = reduce(lambda first, second: loc.say("{first} and then {second}", first=first, second=second), steps)
    return loc.say("{pictures} after {treatment}", pictures=words, treatment=chain)


def change(loc: ReportLocale, index: float) -> str:
    """A protection index as a change of what was learned: "35 % less", "5 % more", "the same amount"."""
    size = _size(loc, index)
    if not size:
        return loc.say("the same amount")
    return loc.say("{share} less", share=size) if index > 0 else loc.say("{share} more", share=size)


def bounds(loc: ReportLocale, low: float, high: float) -> str:
    """Bounds of a protection index, `low` <= `high`: "between 10 % and 60 % less"."""
    first, second = (low, high) if high > 0 else (high, low)
    start, end = _size(loc, first), _size(loc, second)
    if change(loc, first) == change(loc, second):
        same = change(loc, first)
        return same if round(abs(first) * 100) > 95 else loc.say("near {change}", change=same)
    if not start:
        if second > 0:
            return loc.say("between the same amount and {share} less", share=end)
        return loc.say("between the same amount and {share} more", share=end)
    if not end:
        return loc.say("between {share} more and the same amount", share=start)
    if first < 0 < second:
        return loc.say("between {more} more and {less} less", more=start, less=end)
    if second > 0:
        return loc.say("between {least} and {most} less", least=start, most=end)
    return loc.say("between {least} and {most} more", least=start, most=end)


def learned(loc: ReportLocale, index: Estimate) -> str:
    """What a model learned, as a clause without capital or full stop."""
    if index.value is None:
        return loc.say("no figure could be worked out")
    value = shown(index)
    size = _size(loc, value)
    if not size and index.low is not None and index.high is not None and index.high - index.low >= TELLS_NOTHING:
        text = loc.say("no clear difference showed in how much of the style the model learned")
    elif not size:
        text = loc.say("the model learned about as much of the style as from the originals")
    elif round(abs(value) * 100) > 95:
        text = loc.say("the model learned {change} of the style than from the originals", change=change(loc, value))
    else:
        text = loc.say(
            "the model learned about {change} of the style than from the originals", change=change(loc, value)
        )
    if index.low is None or index.high is None:
        return text
    return loc.say("{learned} (likely {range})", learned=text, range=bounds(loc, index.low, index.high))


def shown(index: Estimate) -> float:
    """The index as the verdict's sentence rounds it: to 5 % when its range is wide."""
    assert index.value is not None
    wide = index.low is not None and index.high is not None and index.high - index.low >= 0.2
    return round(index.value * 20) / 20 if wide else index.value


def sentence(loc: ReportLocale, results: Results) -> Spoken:
    """The verdict's sentence; results must be judged."""
    assert results.verdict is not None
    written = results.verdict.sentence
    if loc.code == SOURCE:
        return Spoken(written, foreign=False)
    ways: list[Callable[[ReportLocale], str]] = [lambda to: to.known(verdict.NO_PROTECTION).text]
    ways += [_not_valid(check) for check in results.checks]
    if results.verdict.condition is not None:
        given, label = verdict.deciding_index(results, results.verdict.condition), results.verdict.label
        ways.append(lambda to: _claim(to, label, given))
        count = sum(c.primary and c.role != "clean" for c in results.plan.conditions)
        ways.append(lambda to: _weakest(to, count, _claim(to, label, given)))
    return next(
        (Spoken(way(loc), foreign=False) for way in ways if way(report_locale()) == written), loc.as_written(written)
    )


def label(loc: ReportLocale, name: VerdictLabel) -> str:
    """A verdict label in a word or two."""
    return loc.known(LABEL_WORDS[name]).text


def messages_of_the_judge() -> Iterable[str]:
    """Every fixed text that the judge writes and a page shows, for the catalogue."""
    for gate in GATES:
        yield from (text for text in (gate.yes, gate.some, gate.no, gate.unknown) if text)
    yield from LABEL_WORDS.values()
    for table in (SUBJECTS, COUNTERMEASURES):
        for pair in table.values():
            yield from pair
    yield from verdict.SENTENCES.values()
    yield verdict.NO_PROTECTION
    yield from (*exclusion.REASONS, sequential.TOO_EARLY)
    yield from scored.messages()
    for module in (intervals, score_estimates, separation, variance_components):
        texts = (text for name, text in vars(module).items() if name.isupper() and isinstance(text, str))
        yield from (text for text in texts if " " in text)


def _claim(loc: ReportLocale, label: VerdictLabel, index: Estimate) -> str:
    clause = learned(loc, index)
    return loc.say(
        verdict.SENTENCES[label],
        words=condition(loc, index.condition), learned=clause, Learned=clause[:1].upper() + clause[1:], reason="",
    )  # fmt: skip


def _weakest(loc: ReportLocale, count: int, claim: str) -> str:
    # Only English goes on in lower case after a colon.
    first = claim[:1].lower() if loc.code == SOURCE else claim[:1]
    return loc.say("The weakest of {count} results counts: {claim}", count=count, claim=first + claim[1:])


def _not_valid(check: Check) -> Callable[[ReportLocale], str]:
    def way(loc: ReportLocale) -> str:
        reason = loc.known(check.sentence).text
        first = reason[:1].lower() if loc.code == SOURCE else reason[:1]
        template = verdict.SENTENCES["not-valid"]
        return loc.say(template, reason=first + reason[1:])

    return way


def _size(loc: ReportLocale, index: float) -> str:
    """The size of a change; '' when it rounds to nothing. Never "100 %": no test can claim that."""
    percent = round(abs(index) * 100)
    if percent == 0:
        return ""
    return f"{percent} %" if percent <= 95 else loc.say("over {share} %", share=95)


def _part(
    loc: ReportLocale, part: str, table: dict[str, tuple[str, str]], *, unknown: Callable[[ReportLocale, str, str], str]
) -> str:
    name, _, arg = part.partition(":")
    if name not in table:
        return unknown(loc, name, arg)
    without, with_argument = table[name]
    return loc.say(with_argument, arg=arg) if arg else loc.say(without)


def _reference(loc: ReportLocale, name: str, arg: str) -> str:
    if not arg:
        return loc.say("the reference protection {name}", name=name)
    if arg.replace(".", "", 1).isdecimal():
        return loc.say("the reference protection {name} at strength {arg} of 255", name=name, arg=arg)
    return loc.say("the reference protection {name} ({arg})", name=name, arg=arg)


def _treatment(loc: ReportLocale, name: str, arg: str) -> str:
    if arg:
        return loc.say("the treatment {name} ({arg})", name=name, arg=arg)
    return loc.say("the treatment {name}", name=name)
