"""Finished audits in a real browser: two of them compared, the page of one; and first pictures of one under way."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from audit.images import encode_png
from tests.browser.machines import seen
from tests.report import scenes
from tests.test_many import write_run
from tests.ui.commands import said, standing, until
from tests.ui.conftest import Served, served  # noqa: F401
from tests.works import work

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("width", "lang"), [(1280, "en-GB"), (390, "de-DE")])
def test_pages_of_runs(browser: Browser, served: Served, width, lang):  # noqa: F811
    for name, artist in (("held", "Ada Quill"), ("exploratory", "Bob")):
        write_run(served.reports / f"2026-01-01-{name}", scenes.run(artist=artist, **scenes.STATES[name]))
    address = f"http://127.0.0.1:{served.port}"
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=lang)
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(f"{address}/enter?token={served.door.token()}")
    page.wait_for_url(f"{address}/")
    page.wait_for_selector("[data-again]", state="detached")
    page.locator("summary").click()
    seen(page, f"past-{lang}")
    page.locator("form[action='/compare'] button").click()
    page.wait_for_load_state()
    assert page.evaluate("self.origin") == "null"
    assert "Ada Quill" in page.inner_text("body")
    page.go_back()
    page.locator(".audits .open a").first.click()
    page.wait_for_selector("#court")
    seen(page, f"run-{lang}")
    service = served.post("/audits", {"kind": "service"})[1]["location"]
    page.goto(f"{address}{service}")
    page.locator("button[value=begin]").click()
    page.get_by_role("alert").wait_for()
    seen(page, f"service-{lang}")
    page.goto(f"{address}/models/sd15")
    seen(page, f"model-{lang}")
    with standing(served) as commands:
        draft = served.post("/audits", {"kind": "example"})[1]["location"].split("/")[2]
        served.post(f"/audits/{draft}/plan", {"action": "begin", "preset": "quick"})
        (job,) = commands.waiting("audits")
        images = write_run(Path(job.out), scenes.run(artist="Ada", **scenes.STATES["exploratory"])) / "images"
        images.mkdir()
        for condition in ("base", "clean", "encoder-pgd-16"):
            for prompt in range(4):
                name = f"ai-generated-{condition}-r01-p0{prompt}-n0-0000000{prompt}.png"
                (images / name).write_bytes(encode_png(work(prompt)))
        commands.begins(job, {"at": said("stage.train"), "done": 3, "all": 24, "left": 70.0})
        page.goto(f"{address}/audits/{draft}")
        page.locator(".first img").last.scroll_into_view_if_needed()
        until(lambda: page.locator(".first img").last.evaluate("one => one.naturalWidth") > 0)
        seen(page, f"first-{lang}")
    context.close()
