"""Every figure has a title, a description and a table; every number in these tables is that of the results."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import fmean

import pytest

from audit import records as r
from audit.report import render
from tests.report import golden
from tests.report.conftest import Rendered


def figures(html: str) -> list[str]:
    return re.findall(r'<svg[^>]*role="img".*?</svg>', html, re.DOTALL)


def table(html: str, caption: str) -> list[list[str]]:
    """Rows of the table of that caption, header first, as plain text."""
    body = html.split(f">{caption}</caption>")[1].split("</table>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("</tr>")]
    return [[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in rows if row]


def number(text: str) -> float | None:
    """A shown number; None for words, and for the tiny ones that are not said exactly."""
    found = re.fullmatch(r"(-?\d+(?:\.\d+)?)(\s?%)?", text.replace("\u2212", "-").replace("\xa0", " "))
    return float(found[1]) if found else None


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize("edition", ["artist", "court"])
def test_every_figure_has_title_description_and_table(pages: dict[str, Rendered], edition: str, lang: str) -> None:
    rendered = pages["partly-held"]
    html = render(rendered.results, images=rendered.folder / "images", edition=edition, lang=lang)  # type: ignore[arg-type]
    found = figures(html)
    assert len(found) == 7
    for svg in found:
        title, description = (re.findall(rf'<{tag} id="([^"]+)">([^<]+)</{tag}>', svg) for tag in ("title", "desc"))
        assert len(title) == len(description) == 1
        named = re.findall(r'aria-labelledby="([^"]+)"', svg)[0].split()
        assert named == [title[0][0], description[0][0]]
        assert len(description[0][1]) > 40
    summary = "The numbers behind this figure" if lang == "en" else "Die Zahlen zu dieser Abbildung"
    assert html.count(f">{summary}<") == len(found)


@pytest.mark.parametrize("label", ["held", "did-not-hold", "inconclusive", "exploratory"])
def test_numbers_of_the_scale(pages: dict[str, Rendered], label: str) -> None:
    results, html = pages[label].results, pages[label].html
    assert results.verdict is not None
    rows = {row[0]: row[1:] for row in table(html, "The numbers of the scale")}
    for name, condition in (("this result", results.verdict.condition), ("random noise", "placebo:16")):
        index = estimate(results, "protection_index", str(condition))
        for shown, value in zip(rows[name], (index.value, index.low, index.high), strict=True):
            assert value is not None
            seen = number(shown)
            assert seen is None or abs(seen - 100 * value) <= 0.51, (name, shown, value)
    assert rows["held above"][0].replace("\xa0", " ") == f"{results.plan.margins.held:.0%}".replace("%", " %")


def estimate(results: r.Results, name: str, condition: str, metric: str = "") -> r.Estimate:
    wanted = (name, condition, metric or results.plan.primary_metric)
    return next(e for e in results.estimates if (e.name, e.condition, e.metric) == wanted)


@pytest.mark.parametrize("label", ["held", "inconclusive", "exploratory"])
def test_numbers_of_the_forest_plot(pages: dict[str, Rendered], label: str) -> None:
    results, html = pages[label].results, pages[label].html
    rows = table(html, "Protection index by condition and metric")[1:]
    wanted = [
        estimate(results, "protection_index", c.name, m)
        for c in sorted((c for c in results.plan.conditions if c.role != "clean"), key=lambda c: not c.primary)
        for m in results.plan.metrics
    ]
    assert len(rows) == len(wanted)
    for row, index in zip(rows, wanted, strict=True):
        assert row[1] == index.metric
        for shown, value in zip(row[2:5], (index.value, index.low, index.high), strict=True):
            seen = number(shown)
            assert (value is None) == (shown == "not measured")
            assert seen is None or (value is not None and abs(seen - 100 * value) <= 0.51)
        assert row[5] == str(index.n)


@pytest.mark.parametrize("label", ["held", "exploratory"])
def test_numbers_of_the_slopegraph(pages: dict[str, Rendered], label: str) -> None:
    results, html = pages[label].results, pages[label].html
    rows = table(html, "Mean style score of each training, by channel_stats")[1:]
    primary, seen = results.plan.primary_metric, 0
    short = {"clean": "unprotected", "placebo:16": "random noise", "null": "tiny change"}
    for condition in results.plan.conditions:
        name = short.get(condition.name, condition.name.replace("+", " + "))
        row = next(row for row in rows if row[0] == name)
        for run, shown in zip(range(1, results.replicates + 1), row[1:], strict=False):
            cell = next(c for c in results.cells if (c.condition, c.replicate) == (condition.name, run))
            mean = fmean(s.value for s in cell.scores if s.metric == primary and s.value is not None)
            value = number(shown)
            assert value is not None
            assert abs(value - mean) <= 0.00051
            seen += 1
    assert seen == len(results.plan.conditions) * results.replicates


def test_numbers_of_the_variations_start_with_the_planned_one(pages: dict[str, Rendered]) -> None:
    results, html = pages["partly-held"].results, pages["partly-held"].html
    assert results.verdict is not None
    rows = table(html, "The result worked out in other ways")[1:]
    index = estimate(results, "protection_index", str(results.verdict.condition))
    assert [number(x) for x in rows[0][1:4]] == [round(100 * x) for x in (index.value, index.low, index.high) if x]
    assert rows[0][4] == "Held only in part"
    other = estimate(results, "protection_index", str(results.verdict.condition), "openclip")
    assert number(rows[1][1]) == round(100 * (other.value or 0))


def test_a_wide_range_keeps_the_ends_under_their_marks() -> None:
    html = render(golden.STATES["exploratory"](), images=Path("nowhere"))
    svg = next(s for s in figures(html) if "scale-t" in s)
    places = {text: x for x, text in re.findall(r'<text x="([\d.]+)%"[^>]*>([^<]+)</text>', svg)}
    assert places["as if unprotected"] == places["0\xa0%"]
    assert places["never saw your art"] == places["100\xa0%"]
