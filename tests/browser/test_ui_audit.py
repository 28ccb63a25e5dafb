"""The whole way in a real browser: from the start page to a finished audit of a tiny model; the server is killed.

The server is the command itself, in a process of its own; what it starts goes on without it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.machines import Machine, seen, watched
from tests.e2e.folders import write_protected, write_spec

pytestmark = pytest.mark.slow
LONG = 180_000


def to_a_plan(page: Page, machine: Machine, model: Path) -> None:
    """From the start page to the plan of a test with settings that take seconds."""
    page.get_by_role("button", name="Choose folders").click()
    page.get_by_role("button", name="Choose the originals").click()
    page.get_by_role("link", name="Art", exact=True).click()
    page.get_by_role("link", name="originals", exact=True).click()
    seen(page, "picker")
    page.get_by_role("button", name="Take the folder").click()
    page.get_by_role("button", name="Choose the protected copies").click()
    page.get_by_label("type its path").fill(str(machine.home / "Art" / "glazed"))
    page.get_by_role("button", name="Take it").click()
    page.get_by_label("A name for the report").fill("Ada <b>Test")
    page.get_by_role("button", name="Go on to the pictures").click()
    assert "declaration" in page.get_by_role("alert").inner_text()
    page.get_by_label("These works are mine").check()
    seen(page, "folders")
    page.get_by_role("button", name="Go on to the pictures").click()
    page.wait_for_selector("ol.pairs", timeout=LONG)
    # Its policy forbids the page to evaluate text, so no `wait_for_function`.
    page.locator(".pairs img").first.scroll_into_view_if_needed()
    until = time.monotonic() + 180
    while not page.locator(".pairs img").first.evaluate("one => one.complete && one.naturalWidth > 0"):
        assert time.monotonic() < until
        page.wait_for_timeout(100)
    seen(page, "pairs")
    page.get_by_role("button", name="Go on to the plan").click()
    page.get_by_text("Base model and other settings").click()
    page.get_by_label("Or the path of a checkpoint").fill(str(model))
    page.get_by_label("Trainings per condition").fill("2")
    page.get_by_label("Path of a settings file").fill(str(machine.home / "audit.toml"))
    page.get_by_role("button", name="Use these").click()
    page.wait_for_selector("text=Begin the quick look", timeout=LONG)
    seen(page, "plan")


def test_from_the_start_page_to_a_report(browser: Browser, machine: Machine, tiny_model: Path):
    write_protected(machine.home / "Art")
    write_spec(machine.home / "audit.toml")
    page, heard = watched(browser, patience=LONG)
    context = page.context
    page.goto(machine.start())
    page.wait_for_selector("text=What do you want to test?")
    seen(page, "start")
    to_a_plan(page, machine, tiny_model)
    page.get_by_role("button", name="Begin the quick look").click()
    page.wait_for_selector(".s-running")

    # Another tab stops it, and this one sees that by itself.
    other = context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".s-stopped", timeout=LONG)
    other.close()
    page.get_by_role("button", name="Go on", exact=True).click()
    page.wait_for_selector(".s-running", timeout=LONG)
    page.wait_for_selector("progress", timeout=LONG)
    seen(page, "progress")

    # The server is gone in the middle; the test goes on, and is found again by the next one.
    address = page.url.rpartition("/")[2]
    machine.kill()
    page.goto(machine.start())
    heard.clear()  # of the time without a server
    page.wait_for_selector("text=What do you want to test?")
    page.goto(page.url + f"audits/{address}")
    page.wait_for_selector(".s-done", timeout=LONG)
    page.wait_for_selector("text=Open the report")
    assert page.title().startswith("✓ Finished · Ada <b>Test")
    seen(page, "done")
    (run,) = (p for p in machine.reports.iterdir() if p.is_dir())
    assert json.loads((run / "results.json").read_text())["plan"]["artist"] == "Ada <b>Test"
    page.get_by_role("link", name="Open the report").click()
    page.wait_for_url("**/report.html")
    assert page.evaluate("self.origin") == "null"
    page.go_back()

    # What can be had of it, on a small screen, in German, without script.
    small = browser.new_context(
        viewport={"width": 390, "height": 844},
        java_script_enabled=False,
        color_scheme="dark",
        storage_state=context.storage_state(),
    )
    small.set_default_timeout(LONG)  # fmt: skip
    page = small.new_page()
    page.goto(f"http://127.0.0.1:{machine_port(machine)}/")
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_role("link", name="Tabellen").click()
    with page.expect_download(timeout=LONG) as got:
        page.get_by_role("button", name="Die Tabellen herunterladen").click()
    assert got.value.suggested_filename.endswith("-tables.zip")
    page.get_by_role("button", name="Diesen Test löschen").click()
    assert "Nichts wurde gelöscht" in page.get_by_role("alert").inner_text()
    page.get_by_label("Ich bin sicher").check()
    page.get_by_role("button", name="Diesen Test löschen").click()
    page.wait_for_url("**/", timeout=LONG)
    assert not (run / "results.json").exists()
    assert page.locator(".audits li").count() == 0
    small.close()
    assert heard == []
    context.close()


def machine_port(machine: Machine) -> int:
    return int(json.loads((machine.state / "server.json").read_text())["port"])


@pytest.mark.parametrize("lang", ["en", "de"])
def test_pages_on_a_phone(browser: Browser, machine: Machine, lang):
    write_protected(machine.home / "Art")
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale=lang, color_scheme="dark")
    context.set_default_timeout(LONG)
    page = context.new_page()
    page.goto(machine.start())
    page.wait_for_selector("h1:has-text('test')" if lang == "en" else "h1:has-text('testen')")
    seen(page, f"phone-start-{lang}")
    page.locator("button[value=own]").click()
    page.goto(page.url + "?for=originals&root=0&at=Art%2Foriginals")
    seen(page, f"phone-picker-{lang}")
    page.locator("#picker button.main").click()
    page.goto(page.url + "?for=arm&root=0&at=Art%2Fglazed")
    page.locator("#picker button.main").click()
    page.locator("#declare").check()
    seen(page, f"phone-folders-{lang}")
    page.locator("button[value=next]").click()
    page.wait_for_selector("ol.pairs", timeout=LONG)
    seen(page, f"phone-pairs-{lang}")
    context.close()
