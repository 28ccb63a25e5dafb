"""The built-in artist in a real browser, from the start page to the report: two minutes, so it runs when asked."""

from __future__ import annotations

import json
import os

import pytest
from playwright.sync_api import Browser

from tests.browser.machines import Machine, seen, watched

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("CLOAKCHECK_FULL_SIZE"), reason="takes minutes: CLOAKCHECK_FULL_SIZE=1"),
]


def test_the_example_to_its_report(browser: Browser, machine: Machine):
    page, heard = watched(browser, patience=900_000)
    page.goto(machine.start())
    page.get_by_role("button", name="Try the example").click()
    page.wait_for_selector("text=Begin the quick look")
    seen(page, "example-plan")
    page.get_by_role("button", name="Begin the quick look").click()
    page.wait_for_selector(".first img")
    seen(page, "example-progress")
    page.wait_for_selector(".s-done")
    seen(page, "example-done")
    (run,) = (p for p in machine.reports.iterdir() if p.is_dir())
    assert json.loads((run / "results.json").read_text())["plan"]["preset"] == "quick"
    page.get_by_role("link", name="Open the report").click()
    page.wait_for_url("**/report.html")
    assert page.evaluate("self.origin") == "null"
    assert "built-in example" in page.title()
    assert heard == []
    page.context.close()
