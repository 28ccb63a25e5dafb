"""The verdict in a terminal: the report's own sentence, number and scale in a few lines."""

from __future__ import annotations

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from audit.records import Results
from audit.report.results_view import ResultsView

WIDTH = 50
"""Characters of the scale."""


def show(results: Results, console: Console) -> None:
    """Print the summary of judged results; colours only where the console has them."""
    console.print(summary(results))


def summary(results: Results) -> Group:
    """Verdict word, sentence, number with its range, and the scale between the two ends."""
    view = ResultsView(results)
    verdict, headline = view.verdict, view.headline
    parts = [
        Text(view.word(verdict.label), style="bold"),
        Text(verdict.sentence),
    ]
    index = view.index(headline.name) if headline else None
    if verdict.label != "not-valid" and index is not None and index.value is not None:
        number = f"{view.change(index)} of the style was learned"
        spread = view.likely(index)
        parts += [Text(f"{number}, {spread}" if spread else number, style="bold"), *scale(view)]
    return Group(*(Padding(part, (0, 0, 0, 2), expand=False) for part in parts))


def scale(view: ResultsView) -> list[Text]:
    """Two lines: the track with range and mark, and what its ends mean. The ends are 0 % and 100 %.

    A mark or range beyond an end is drawn as an arrow at that end.
    """
    headline = view.headline
    index = view.index(headline.name) if headline else None
    if index is None or index.value is None:
        return []
    track = ["─"] * WIDTH
    if index.low is not None and index.high is not None and index.high >= 0 and index.low <= 1:
        for at in range(_cell(index.low), _cell(index.high) + 1):
            track[at] = "━"
    track[_cell(index.value)] = "◀" if index.value < 0 else "▶" if index.value > 1 else "●"
    percent = view.locale.percent
    left, right = f"{percent(0.0)} as if unprotected", f"never saw your art {percent(1.0)}"
    ends = left + right.rjust(WIDTH - len(left))
    return [Text("".join(track), style="cyan"), Text(ends, style="dim")]


def _cell(share: float) -> int:
    return round(min(max(share, 0.0), 1.0) * (WIDTH - 1))
