"""The end of a test is told by the page's title, and by the browser where that was allowed; the queue's own page."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.machines import seen
from tests.ui.commands import said, standing
from tests.ui.conftest import Served, served  # noqa: F401

pytestmark = pytest.mark.slow
NOTED = """
window.noted = [];
window.Notification = class {
  static permission = "default";
  static async requestPermission() { window.Notification.permission = "granted"; }
  constructor(text) { window.noted.push(text); localStorage.setItem("noted", text); }
};
"""


@pytest.mark.parametrize("width", [1280, 390])
def test_the_end_of_a_test_is_told(browser: Browser, served: Served, width):  # noqa: F811
    address = f"http://127.0.0.1:{served.port}"
    context = browser.new_context(viewport={"width": width, "height": 900}, locale="en-GB")
    context.set_default_timeout(120_000)
    context.add_init_script(NOTED)
    page = context.new_page()
    page.goto(f"{address}/enter?token={served.door.token()}")
    page.wait_for_url(f"{address}/")
    with standing(served) as commands:
        for _ in range(3):
            page.goto(address)
            page.get_by_role("button", name="Try the example").click()
            draft = page.url.split("/")[-2]
            served.post(f"/audits/{draft}/plan", {"action": "begin", "preset": "quick"})
        first, second, _ = commands.waiting("audits")
        commands.begins(first, {"at": said("stage.train"), "done": 3, "all": 24, "left": 70.0})
        page.goto(address)
        page.get_by_role("button", name="Later: The example").first.click()
        assert commands.waiting("audits")[1].id == second.id
        page.get_by_role("button", name="Pause the queue").click()
        page.wait_for_selector("text=nothing else begins")
        seen(page, "queue")
        page.goto(f"{address}/audits/{first.draft}")
        page.get_by_role("button", name="Tell me when it has ended").click()
        page.get_by_role("button", name="Tell me when it has ended").wait_for(state="hidden")
        assert Axe().run(page).violations_count == 0
        commands.ends(first, {"error": said("ui-folders-missing")}, code=2)
        page.wait_for_selector(".s-failed")
        assert page.title() == "It could not go on · CloakCheck"
        assert page.evaluate("localStorage.getItem('noted')") == page.title()
    context.close()
