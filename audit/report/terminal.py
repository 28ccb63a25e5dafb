"""The verdict in a terminal: the report's own sentence, number and scale in a few lines."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from audit.base.messages import render
from audit.records import WITHOUT_NUMBER, Results
from audit.report import notes
from audit.report.results_view import ResultsView

WIDTH = 50
"""Characters of the scale."""


@dataclass(frozen=True)
class Marks:
    """What the scale is drawn with."""

    track: str = "─"
    range: str = "━"
    below: str = "◀"
    above: str = "▶"
    at: str = "●"


LINES = Marks()
PLAIN = Marks("-", "=", "<", ">", "o")
"""For consoles whose code page has no lines."""


def show(results: Results, console: Console) -> None:
    """Print the summary of judged results; colours only where the console has them."""
    console.print(summary(results, PLAIN if console.options.ascii_only else LINES))


def summary(results: Results, marks: Marks = LINES) -> Group:
    """Verdict word, sentence, number with its range, and the scale between the two ends."""
    view = ResultsView(results)
    verdict, headline = view.verdict, view.headline
    told = (notes.lab_note(results.plan), notes.claimed(results.plan))
    parts = [
        *(Text(render(said)) for said in told if said),
        Text(view.word(verdict.label) + (f" ({view.by})" if view.by else ""), style="bold"),
        Text(verdict.sentence),
    ]
    index = view.index(headline.name) if headline else None
    if verdict.label not in WITHOUT_NUMBER and index is not None and index.value is not None:
        number = view.locale.say("{change} of the style was learned", change=view.change(index, of_style=True))
        spread = view.likely(index)
        parts += [Text(f"{number}, {spread}" if spread else number, style="bold"), *scale(view, marks)]
    return Group(*(Padding(part, (0, 0, 0, 2), expand=False) for part in parts))


def scale(view: ResultsView, marks: Marks = LINES) -> list[Text]:
    """Two lines: the track with range and mark, and what its ends mean. The ends are 0 % and 100 %.

    A mark or range beyond an end is drawn as an arrow at that end.
    """
    headline = view.headline
    index = view.index(headline.name) if headline else None
    if index is None or index.value is None:
        return []
    track = [marks.track] * WIDTH
    if index.low is not None and index.high is not None and index.high >= 0 and index.low <= 1:
        for at in range(_cell(index.low), _cell(index.high) + 1):
            track[at] = marks.range
    track[_cell(index.value)] = marks.below if index.value < 0 else marks.above if index.value > 1 else marks.at
    loc = view.locale
    left = f"{loc.percent(0.0)} {loc.say('as if unprotected')}"
    right = f"{loc.say('never saw your art')} {loc.percent(1.0)}"
    ends = left + right.rjust(WIDTH - len(left))
    return [Text("".join(track), style="cyan"), Text(ends, style="dim")]


def _cell(share: float) -> int:
    return round(min(max(share, 0.0), 1.0) * (WIDTH - 1))
