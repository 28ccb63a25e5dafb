"""The page of `cloakcheck ui` in a real browser: in by a file with the address, to a report, and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.ui.conftest import Served, served  # noqa: F401

pytestmark = pytest.mark.slow
SAMPLE = Path(__file__).parents[2] / "reports" / "sample"


@pytest.mark.parametrize(("width", "scheme", "lang"), [(1280, "light", "en-GB"), (390, "dark", "de-DE")])
def test_from_the_address_to_a_report_and_back(browser: Browser, served: Served, width, scheme, lang):  # noqa: F811
    shutil.copytree(SAMPLE, served.reports / "sample")
    address = f"http://127.0.0.1:{served.port}"
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale=lang)
    # Slow processors run two such tests at once.
    context.set_default_timeout(120_000)
    page, heard = context.new_page(), []
    page.goto(address)
    assert page.locator(".audits").count() == 0
    assert Axe().run(page).violations_count == 0
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    opener = served.reports / "open.html"
    leads = f"{address}/enter?token={served.door.token()}"
    opener.write_text(f'<meta http-equiv="refresh" content="0; url={leads}">')
    page.goto(opener.as_uri())
    page.wait_for_url(f"{address}/", timeout=60_000)
    # It is read meanwhile; the page fetches itself again until it is.
    page.wait_for_selector(".audits .open", timeout=120_000)
    page.wait_for_selector("[data-again]", state="detached", timeout=120_000)
    assert Axe().run(page).violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".audits a").first.click()
    page.wait_for_load_state()
    assert page.evaluate("self.origin") == "null"
    page.go_back()
    assert page.locator(".audits .open").count() == 1
    assert heard == []
    context.close()
