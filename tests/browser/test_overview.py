"""The page over many audits in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from audit.base.progress import Progress
from audit.commands.overview import write_overview
from tests.browser.test_contrast import assert_stands_out
from tests.browser.test_report import OPEN_ALL, TOO_WIDE
from tests.builders import make_work
from tests.report import scenes
from tests.test_many import write_run

pytestmark = pytest.mark.slow

LABELS = ("held", "did-not-hold", "inconclusive", "not-valid", "exploratory")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("overview")
    for number, label in enumerate(LABELS):
        works = tuple(make_work(i + 100 * (number + 1), split="reference" if i % 3 == 0 else "pool") for i in range(24))
        results = scenes.run(artist=f"Artist of {label}", works=works, **scenes.STATES[label])
        scenes.draw(results, write_run(root / label, results) / "images")
    out = root / "overview.html"
    write_overview([root], out=out, lang="en", pseudonyms=False, pictures=True, progress=Progress())
    return out


@pytest.fixture
def opened(browser: Browser, page_file: Path):
    contexts = []

    def open_it(*, width: int = 1280, scheme: str = "light", script: bool = True) -> tuple[Page, list[str]]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script, offline=True
        )
        contexts.append(context)
        page, heard = context.new_page(), []
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.goto(page_file.as_uri())
        return page, heard

    yield open_it
    for context in contexts:
        context.close()


def test_it_fits_every_width_and_says_nothing_to_the_console(opened):
    page, heard = opened()
    page.evaluate(OPEN_ALL)
    for width in (320, 390, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(TOO_WIDE) == [], width
    assert heard == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(opened, width, scheme):
    page, _ = opened(width=width, scheme=scheme)
    page.evaluate(OPEN_ALL)
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    said = [
        f"{v['id']}: {n['html'][:160]} {n['failureSummary']}"
        for v in found.response["violations"]
        for n in v["nodes"][:3]
    ]
    assert said == []


def test_cards_are_filtered_without_script_and_all_are_printed(opened, tmp_path):
    page, _ = opened(script=False)
    assert page.locator(".card:visible").count() == len(LABELS)
    page.get_by_label("Did not hold", exact=True).check()
    assert page.locator(".card:visible h3").all_inner_texts() == ["Artist of did-not-hold"]
    page.get_by_label("all").first.check()
    assert page.locator(".card:visible").count() == len(LABELS)
    page.get_by_label("Held", exact=True).check()
    path = tmp_path / "page.pdf"
    page.pdf(path=path, format="A4")
    sheets = [sheet.extract_text() for sheet in PdfReader(path).pages]
    firsts = [at for at, text in enumerate(sheets) if any(f"Artist of {label}\n" in text for label in LABELS[:1])]
    # One page for each artist, whatever was chosen on the screen.
    cards = [sum(f"Audit {n} " in text and "Protection" in text for n in range(1, 6)) for text in sheets]
    assert firsts
    assert cards.count(1) >= len(LABELS)


def test_a_field_of_the_map_leads_to_its_forest(opened):
    page, _ = opened()
    page.locator(".heat a[href^='#forest-']").first.click()
    assert page.locator("#forest-1").bounding_box()["y"] < 300


def test_rows_are_sorted_by_keyboard(opened):
    page, heard = opened()
    head = page.locator(".sortable th", has_text="Protection index")
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    keys = page.locator(".sortable tbody tr").evaluate_all("all => all.map(row => row.cells[5].dataset.key ?? '')")
    numbers = [float(key) for key in keys if key]
    assert numbers == sorted(numbers)
    assert len(numbers) > 3
    # What has no number stands last, in either order.
    assert all(keys[: len(numbers)])
    page.keyboard.press("Enter")
    again = page.locator(".sortable tbody tr").evaluate_all("all => all.map(row => row.cells[5].dataset.key ?? '')")
    assert again[: len(numbers)] == keys[: len(numbers)][::-1]
    assert heard == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_shape_of_a_card_or_figure_stands_out(opened, scheme: str) -> None:
    page, _ = opened(scheme=scheme)
    page.evaluate(OPEN_ALL)
    assert_stands_out(page)
