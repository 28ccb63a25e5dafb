"""Every figure has a title, a description and a table; every number in these tables is that of the results."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import fmean

import pytest

from audit import records as r
from audit.base.messages import as_written
from audit.base.messages import render as said
from audit.report import assets, render
from audit.report.estimates import rounded, share
from audit.report.locale import report_locale
from tests.report import golden
from tests.report.conftest import Rendered


def figures(html: str) -> list[str]:
    # A row of a forest plot has its numbers as its name; it is no figure by itself.
    return re.findall(r'<svg(?=[^>]*role="img")(?=[^>]*aria-labelledby)[^>]*>.*?</svg>', html, re.DOTALL)


def table(html: str, caption: str) -> list[list[str]]:
    """Rows of the table of that caption, header first, as plain text."""
    body = html.split(f"</a> {caption}</caption>")[1].split("</table>")[0]
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
    assert len(found) == 5
    for svg in found:
        title, description = (re.findall(rf'<{tag} id="([^"]+)">([^<]+)</{tag}>', svg) for tag in ("title", "desc"))
        assert len(title) == len(description) == 1
        named = re.findall(r'aria-labelledby="([^"]+)"', svg)[0].split()
        assert named == [title[0][0], description[0][0]]
        assert len(description[0][1]) > 40
    summary = "The numbers behind this figure" if lang == "en" else "Die Zahlen zu dieser Abbildung"
    assert html.count(f">{summary}<") == len(found) + html.count('class="forest"')


@pytest.mark.parametrize("label", ["held", "did-not-hold", "inconclusive", "exploratory"])
def test_numbers_of_the_scale(pages: dict[str, Rendered], label: str) -> None:
    results, html = pages[label].results, pages[label].html
    assert results.verdict is not None
    rows = {row[0]: row[1:] for row in table(html, "The numbers of the scale")}
    for name, condition in (("this result", results.verdict.condition), ("random noise", "placebo:16")):
        index = estimate(results, "protection_index", str(condition))
        for shown, value in zip(rows[name], as_told(index), strict=True):
            assert value is not None
            seen = number(shown)
            assert seen is None or abs(seen - 100 * value) <= 0.51, (name, shown, value)
    assert rows["held above"][0].replace("\xa0", " ") == f"{results.plan.margins.held:.0%}".replace("%", " %")


def as_told(index: r.Estimate) -> tuple[float | None, float | None, float | None]:
    """The figures as every part of the page gives them: the middle one to 5 % where the range is 20 points wide."""
    value = index.value
    if value is not None and index.low is not None and index.high is not None and index.high - index.low >= 0.2:
        value = round(value * 20) / 20
    return value, index.low, index.high


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
        for shown, value in zip(row[2:5], as_told(index), strict=True):
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
        name = short.get(condition.name, said(condition.label))
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
    assert [number(x) for x in rows[0][1:4]] == [round(100 * x) for x in as_told(index) if x]
    assert rows[0][4] == "Held only in part"
    other = estimate(results, "protection_index", str(results.verdict.condition), "openclip")
    assert number(rows[1][1]) == round(100 * (as_told(other)[0] or 0))


def test_a_wide_range_keeps_the_ends_under_their_marks() -> None:
    html = render(golden.STATES["exploratory"](), images=Path("nowhere"))
    svg = next(s for s in figures(html) if "scale-t" in s)
    places = {text: x for x, text in re.findall(r'<text x="([\d.]+)%"[^>]*>([^<]+)</text>', svg)}
    assert places["as if unprotected"] == places["0\xa0%"]
    assert places["never saw your art"] == places["100\xa0%"]


def test_one_result_has_one_figure_everywhere(pages: dict[str, Rendered]) -> None:
    """First screen, list of all, scale and forest plot give the headline's index as the verdict's sentence does."""
    results, html = pages["exploratory"].results, pages["exploratory"].html
    assert results.verdict is not None
    index = estimate(results, "protection_index", str(results.verdict.condition))
    value = as_told(index)[0]
    assert value is not None
    shown = f"{100 * value:.0f}\xa0%"
    told = re.findall(rf'<data[^>]*value="{index.value}">([^<]+)</data>', html)
    assert len(told) == 2
    assert all(shown in text for text in told)
    assert [row[1] for row in table(html, "The numbers of the scale") if row[0] == "this result"] == [shown]
    plotted = re.findall(r'<td class="value">([^<]+)</td>', html)
    assert any(text.startswith(f"{shown} (") for text in plotted)


def test_a_figure_with_a_wide_range_is_rounded_in_tables_as_in_sentences() -> None:
    wide = r.Estimate(
        name="protection_index", condition="x", metric="m", value=0.03, low=-0.1, high=0.14, level=0.95, n=6,
        unit="share", how=as_written("by hand"), why=None,
    )  # fmt: skip
    narrow = wide.model_copy(update={"low": -0.05})
    assert [rounded(report_locale(), e).replace("\xa0", " ") for e in (wide, narrow)] == ["5 %", "3 %"]
    assert str(share(report_locale(), wide)).replace("\xa0", " ") == "5 % (\u221210 % to 14 %)"


def test_a_forest_plot_holds_any_number_of_rows_and_no_words_in_its_lines() -> None:
    html = render(golden.STATES["forty-conditions"](), images=Path("nowhere"))
    plot = html.split("Protection index by condition and way of scoring</caption>")[1].split("</table>")[0]
    lines = re.findall(r"<tr[^>]*><th scope=\"row\">.*?</tr>", plot, re.DOTALL)
    assert len(lines) == 40 * 2
    assert not any("<text" in line for line in lines)


def _light(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_graphics_stand_out_from_the_paper_in_both_themes() -> None:
    """WCAG 2.2, 1.4.11: 3 to 1."""
    css = (assets.templates_folder() / "report.css").read_text(encoding="utf-8")
    themes = css.split(":root")[1:3]
    for theme in themes:
        colours = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6});", theme.split("}")[0]))
        for name in ("track", "held", "range", "muted", "accent", "clean", "base", *(f"c{i}" for i in range(6))):
            bright, dark = sorted((_light(colours[name]), _light(colours["paper"])), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 3, name
