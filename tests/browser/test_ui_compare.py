"""Two protections compared in a real browser, from the start page to the report: pairs mended, two tabs, back."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser.machines import Machine, seen, watched
from tests.e2e.folders import drawing, write_protected, write_spec

pytestmark = pytest.mark.slow


def write_art(machine: Machine) -> None:
    """Works and two sets of copies; in the first one file lost its name, and another picture bears it."""
    art = write_protected(machine.home / "Art")
    shutil.copytree(art / "glazed", art / "shaded")
    glazed = sorted((art / "glazed").glob("piece-4-*"))[0]
    glazed.rename(art / "glazed" / "export (2).png")
    Image.fromarray(drawing(300)).save(glazed)
    write_spec(machine.home / "audit.toml")


def choose(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("button", name="Take the folder").click()


def item(page: Page, name: str):
    return page.locator(".pairs li").filter(has_text=name)


def unfold(row):
    """What can be done about it; of those that need an eye it is open already."""
    if row.locator("details[open]").count() == 0:
        row.locator("summary").click()
    return row


def test_two_protections_are_compared(browser: Browser, machine: Machine, tiny_model):
    write_art(machine)
    page, heard = watched(browser, patience=100_000)
    page.goto(machine.start())
    page.get_by_role("button", name="Compare protections").click()
    page.get_by_role("button", name="Choose the originals").click()
    choose(page, "Art", "originals")
    page.get_by_role("button", name="Choose the first protection").click()
    choose(page, "Art", "glazed")
    page.get_by_text("Now choose the next one").wait_for()
    seen(page, "compare-one")
    page.get_by_label("These works are mine").check()
    page.get_by_role("button", name="Go on to the pictures").click()
    assert "two or more" in page.get_by_role("alert").inner_text()
    heard.clear()  # the browser notes the answer's status
    page.get_by_role("button", name="Add another protection").click()
    choose(page, "Art", "shaded")
    page.get_by_role("button", name="Take out the copies").nth(1).wait_for()
    page.get_by_label("Name of this protection").first.fill("glaze-2.1")
    page.get_by_label("These works are mine").check()
    seen(page, "compare-folders")
    page.get_by_role("button", name="Go on to the pictures").click()

    page.wait_for_selector("ol.pairs")
    folders = page.url.replace("pairs", "folders")
    # Another tab takes a protection out and puts it back; this one, going back, does not mix up names.
    other = page.context.new_page()
    other.goto(folders)
    other.get_by_role("button", name="Take out the copies called “glaze-2.1”").click()
    page.go_back()
    page.reload()
    assert page.locator(".arm").count() == 1
    assert page.get_by_label("Name of this protection").input_value() == "shaded"
    other.close()
    page.get_by_role("button", name="Add another protection").click()
    choose(page, "Art", "glazed")
    page.get_by_label("Name of this protection").last.fill("glaze-2.1")
    page.get_by_role("button", name="Go on to the pictures").click()
    page.wait_for_selector("ol.pairs")
    # The right file is chosen by hand, the wrong one left out, and so is one work.
    seen(page, "compare-pairs")
    one = unfold(item(page, "piece-4.png").filter(has_text="glaze-2.1").first)
    one.get_by_label("Another protected file").fill("export (2).png")
    one.get_by_role("button", name="This one is its copy").click()
    page.get_by_text("You chose export (2).png").wait_for()
    last = unfold(item(page, "piece-11.png").filter(has_text="shaded").first)
    last.get_by_role("button", name="Leave out piece-11.png").click()
    page.get_by_role("button", name="Look again with your changes").wait_for()
    page.locator(".mended").nth(1).wait_for()
    seen(page, "compare-mended")
    page.get_by_role("button", name="Look again with your changes").click()
    page.get_by_text("Paired by hand.").first.wait_for()
    assert item(page, "piece-11.png").count() == 0
    assert "export (2).png" in item(page, "Paired by hand.").inner_text()

    page.get_by_role("button", name="Go on to the plan").click()
    page.get_by_text("Base model and other settings").click()
    page.get_by_label("Or the path of a checkpoint").fill(str(tiny_model))
    page.get_by_label("Trainings per condition").fill("1")
    page.get_by_label("Path of a settings file").fill(str(machine.home / "audit.toml"))
    page.get_by_role("button", name="Use these").click()
    page.wait_for_selector("text=Begin the quick look")
    seen(page, "compare-plan")
    page.get_by_role("button", name="Begin the quick look").click()
    page.wait_for_selector(".state")
    # Back to the plan, and begun once more by somebody who is not sure: it is the same test.
    begun = page.url
    page.go_back()
    page.get_by_role("button", name="Begin the quick look").click()
    page.wait_for_url(begun)
    page.wait_for_selector(".s-done")
    (run,) = (p for p in machine.reports.iterdir() if p.is_dir())
    plan = json.loads((run / "results.json").read_text())["plan"]
    text = json.dumps(plan)
    assert "glaze-2.1" in text
    assert "shaded" in text
    page.get_by_role("link", name="Open the report").click()
    page.wait_for_url("**/report.html")
    assert "glaze-2.1" in page.inner_text("body")
    assert heard == []
    page.context.close()
