"""Golden pages: the words of a report for every designed state, kept as text in golden/.

    python -m tests.report.golden

writes them anew. Verdict, checks and estimates are fixed here, not judged, so that the texts change with the report
alone. Tables and figures are left out: other tests hold their numbers against the results.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from audit import records as r
from audit.base.messages import as_written, say, words
from audit.judge.tables import tables
from audit.judge.words import learned
from audit.report import render
from tests.builders import make_plan, make_results
from tests.report import scenes

FOLDER = Path(__file__).parent / "golden"
_LEFT_OUT = {"table", "svg", "style", "script", "nav", "head", "dialog"}
_BLOCKS = {"p", "li", "h1", "h2", "h3", "dt", "dd", "figcaption", "summary", "section", "div"}
_LABELS: dict[str, tuple[float, float | None, float | None]] = {
    "held": (0.72, 0.61, 0.83),
    "held-plain": (0.72, 0.61, 0.83),
    "partly-held": (0.3, 0.24, 0.36),
    "did-not-hold": (0.02, -0.03, 0.07),
    "inconclusive": (0.25, -0.2, 0.7),
    "models-broke": (0.9, 0.8, 1.0),
    "not-valid": (0.3, 0.2, 0.4),
    "exploratory": (0.4, -0.6, 1.4),
}


def fixed(label: r.VerdictLabel, *, conditions: tuple[r.Condition, ...] = scenes.CONDITIONS[:4], replicates: int = 6,
          artist: str = "Ada Quill", missing: frozenset[tuple[str, int]] = frozenset(),
          bounds: bool = True) -> r.Results:  # fmt: skip
    """A run with a verdict, three checks and one index per condition, all set by hand."""
    plan = make_plan(conditions=conditions, replicates=replicates, artist=artist, prompts=scenes.SUBJECTS[:4])
    results = make_results(plan=plan, missing=missing)
    value, low, high = _LABELS[label]
    kept = (low, high) if bounds else (None, None)
    tested = [c for c in conditions if c.role != "clean"]
    estimates = tuple(
        r.Estimate(
            name="protection_index", condition=c.name, metric=metric, value=value, low=kept[0], high=kept[1],
            level=0.95, n=replicates, unit="share", how=as_written("by hand"),
            why=None if bounds else as_written("one training run only"),
        )
        for c in tested
        for metric in plan.metrics
    )  # fmt: skip
    decided = tested[0].name
    if label == "not-valid":
        said = say("verdict.not-valid", reason=as_written("A check failed."))
    elif label == "models-broke":
        said = say("verdict.models-broke", words=tested[0].words)
    else:
        more = {"tried": say("tried.some")} if label == "held-plain" else {}
        said = say(f"verdict.{label}", words=tested[0].words, learned=learned(estimates[0]), **more)
    given = r.ConditionVerdict(label=label, said=said)
    checks = (
        _check("a-check", "A check was made.", "1 of 1", passed=label != "not-valid"),
        _check("no-data", "A check could not be made.", "", passed=None),
    )
    verdict = r.Verdict(
        label=label, said=said, condition=None if label == "not-valid" else decided,
        per_condition={c.name: given for c in tested if c.primary},
    )  # fmt: skip
    found = results.model_copy(update={"estimates": estimates, "checks": checks, "verdict": verdict})
    return found.model_copy(update={"readings": tables(found)})


def _check(slug: str, sentence: str, detail: str, *, passed: bool | None) -> r.Check:
    return r.Check(slug=slug, passed=passed, said=as_written(sentence), figures=as_written(detail))


NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egnp.exe{{ 7*7 }}{artist}$x^2$\x00"
HOSTILE = r.Condition(
    name=NASTY, role="protected", steps=("x",), primary=True, words=words("the reference protection {name}", name=NASTY)
)
STATES: dict[str, Callable[[], r.Results]] = {
    "held": lambda: fixed("held"),
    "held-plain": lambda: fixed("held-plain"),
    "partly-held": lambda: fixed("partly-held"),
    "did-not-hold": lambda: fixed("did-not-hold"),
    "inconclusive": lambda: fixed("inconclusive"),
    "models-broke": lambda: fixed("models-broke"),
    "not-valid": lambda: fixed("not-valid"),
    "exploratory": lambda: fixed("exploratory", replicates=2),
    "missing-cells": lambda: fixed("partly-held", missing=frozenset({(scenes.CLOAK, 2), ("clean", 5)})),
    "one-replicate": lambda: fixed("exploratory", replicates=1, bounds=False),
    "forty-conditions": lambda: fixed("partly-held", conditions=scenes.many(40)),
    "hostile-names": lambda: fixed(
        "partly-held",
        artist=NASTY,
        conditions=(scenes.CONDITIONS[0], HOSTILE),
    ),
}


def page(name: str, *, lang: str = "en") -> str:
    """The words of a state's page, one block to a line."""
    reader = _Lines()
    reader.feed(render(STATES[name](), images=Path("nowhere"), lang=lang))
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    # The digest covers all of the results, so that any new field would change it.
    return re.sub(r"\b[0-9a-f]{12}\b", "<digest>", "\n".join(line for line in lines if line)) + "\n"


class _Lines(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _LEFT_OUT
        self.parts.append("\n" if tag in _BLOCKS else "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _LEFT_OUT
        self.parts.append("\n" if tag in _BLOCKS else "")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data.replace("\n", " "))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for state in STATES:
        (FOLDER / f"{state}.txt").write_text(page(state), encoding="utf-8")
    (FOLDER / "partly-held.de.txt").write_text(page("partly-held", lang="de"), encoding="utf-8")
