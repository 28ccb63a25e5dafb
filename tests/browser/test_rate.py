"""The page for raters in a real browser: by keyboard alone, left and taken up again, saved and collected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from audit.commands.rate import collect, write_page
from audit.judge.people import shown_to
from audit.records import RatingSheet
from audit.runfolder import claim
from audit.stages.finish import finish
from tests.browser.test_report import TOO_WIDE
from tests.made_conditions import conditions
from tests.report import scenes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rated") / "run"
    results = scenes.run(protection={scenes.CLOAK: 0.9}, conditions=conditions("clean", scenes.CLOAK))
    claim(folder, results.plan)
    scenes.draw(results, folder / "images")
    finish(results, folder)
    return folder


@pytest.fixture(scope="module")
def sheet(run: Path) -> RatingSheet:
    return write_page(run, out=run / "rate.html", condition=None, raters=5, pairs=6, lang="en")


@pytest.fixture
def opened(browser: Browser, run: Path, sheet: RatingSheet) -> Iterator[tuple[Page, list[str]]]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page, heard = context.new_page(), []
    address = (run / "rate.html").as_uri()
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else heard.append(r.url))
    page.goto(address)
    yield page, heard
    context.close()


def begin(page: Page, rater: int) -> None:
    page.keyboard.press("Tab")  # from the heading, which has the focus, to the number
    page.keyboard.type(str(rater))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def respond(page: Page, side: str) -> None:
    """Style as given, quality "no difference", and on: by Tab, arrows, space and Enter."""
    moves = {"left": [], "none": ["ArrowRight"], "right": ["ArrowRight", "ArrowRight"]}[side]
    for keys in (["Space", *moves], ["Space", "ArrowRight"]):
        page.keyboard.press("Tab")
        for key in keys:
            page.keyboard.press(key)
    page.keyboard.press("Enter")


def test_the_whole_page_by_keyboard_with_a_break_then_collected(
    opened: tuple[Page, list[str]], run: Path, sheet: RatingSheet, tmp_path: Path
) -> None:
    page, heard = opened
    files = []
    for rater in range(1, 6):
        begin(page, rater)
        for at, pair in enumerate(shown_to(sheet, rater)):
            if at == 4:
                page.reload()  # what was answered stays
            assert page.locator("#trial-h").inner_text() == f"Pair {at + 1} of {len(sheet.items)}"
            same = sheet.items[pair.item].kind == "same"
            respond(page, "none" if same else "left" if pair.clean_left else "right")
        with page.expect_download() as download:
            page.locator("#save").press("Enter")
        files.append(tmp_path / download.value.suggested_filename)
        download.value.save_as(files[-1])
        assert page.locator("#text").input_value() == files[-1].read_text()
        page.once("dialog", lambda dialog: dialog.accept())
        page.locator("#erase").press("Enter")
        assert page.evaluate("localStorage.length") == 0
    assert heard == []
    assert set(json.loads(files[0].read_text())) == {"schema_version", "sheet", "rater", "answers"}
    people = collect(run, files).readings.people  # type: ignore[union-attr]
    assert people is not None
    assert (people.given, people.dropped, people.answer) == (5, (), "apart")
    assert people.counts == {"clean": 30}


def test_a_pair_is_not_left_half_answered(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    begin(page, 2)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert page.locator("#missing").inner_text() == "Please answer both questions."
    assert page.evaluate("document.activeElement.name") == "quality"


def test_axe_finds_nothing_and_nothing_is_too_wide(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(TOO_WIDE) == []
    assert Axe().run(page).violations_count == 0
    begin(page, 3)
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(TOO_WIDE) == []
    assert Axe().run(page).violations_count == 0
