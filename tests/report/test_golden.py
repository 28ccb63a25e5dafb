"""Every designed state says what it was last agreed to say, is valid HTML, and shows the numbers of the results."""

from __future__ import annotations

import re
from pathlib import Path

import html5lib
import pytest

from audit.records import Estimate
from audit.report import render
from tests.report import golden
from tests.report.conftest import Rendered
from tests.report.test_figures import as_told


@pytest.mark.parametrize("state", list(golden.STATES))
def test_words_of_every_state(state: str) -> None:
    kept = (golden.FOLDER / f"{state}.txt").read_text(encoding="utf-8")
    assert golden.page(state) == kept, "agree on the change, then: python -m tests.report.golden"


def test_words_in_german() -> None:
    kept = (golden.FOLDER / "partly-held.de.txt").read_text(encoding="utf-8")
    assert golden.page("partly-held", lang="de") == kept


def test_hostile_names_do_nothing() -> None:
    html = render(golden.STATES["hostile-names"](), images=Path("nowhere"))
    assert html.count("<script") == 1
    assert "<img src=x" not in html
    assert "\u202e" not in html
    assert "49gnp" not in html


@pytest.mark.parametrize("edition", ["artist", "court"])
@pytest.mark.parametrize("label", ["held", "not-valid", "exploratory"])
def test_html_is_valid(pages: dict[str, Rendered], label: str, edition: str) -> None:
    rendered = pages[label]
    html = rendered.html
    if edition == "court":
        html = render(rendered.results, images=rendered.folder / "images", edition="court")
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(html)
    assert parser.errors == []


@pytest.mark.parametrize("label", ["held", "partly-held", "exploratory"])
def test_tables_show_the_numbers_of_the_results(pages: dict[str, Rendered], label: str) -> None:
    """Read back from the page and held against results.json, with rounding of its own."""
    results, html = pages[label].results, pages[label].html
    primary = results.plan.primary_metric
    rows = _rows(html, f"All estimates by {primary}, with their ranges")
    assert len(rows) == len(results.plan.conditions)
    columns = (
        ("gain", 1), ("gain_difference", 1), ("protection_index", 100), ("protection_index_bootstrap", 100),
        ("p_sign_flip", 1), ("p_holm", 1), ("mde_protection_index", 100),
    )  # fmt: skip
    seen = 0
    for row, condition in zip(rows, results.plan.conditions, strict=True):
        for cell, (name, factor) in zip(row[1:], columns, strict=False):
            found = [e for e in results.estimates if (e.name, e.condition, e.metric) == (name, condition.name, primary)]
            seen += sum(_shows(cell, estimate, factor) for estimate in found)
    assert seen > (10 if label != "exploratory" else 5)


def _shows(cell: str, estimate: Estimate, factor: int) -> bool:
    numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", cell.replace("\u2212", "-"))]
    wanted = [x for x in (as_told(estimate) if factor == 100 else _plain(estimate)) if x is not None]
    if not wanted or estimate.value is None:
        return False
    if "below" in cell:
        return bool(wanted[0] < 0.001)
    digits = 0.51 if factor == 100 else 0.00051
    assert len(numbers) == len(wanted), (cell, wanted)
    assert all(abs(n - w * factor) <= digits for n, w in zip(numbers, wanted, strict=True)), (cell, wanted)
    return True


def _plain(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.low, estimate.high


def _rows(html: str, caption: str) -> list[list[str]]:
    table = html.split(f"</a> {caption}</caption>")[1].split("</table>")[0].split("<tbody>")[1]
    return [re.findall(r"<bdi>(.*?)</bdi>", row, re.DOTALL) for row in table.split("</tr>") if "<bdi>" in row]
