"""A real browser for the report's tests: whichever Chromium, Chrome or Edge is installed, driven by Playwright."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from audit import records as r
from audit.report import find_browser, write_report
from audit.report.shell import Edition
from audit.runfolder import read_results
from tests import score_scenes
from tests.browser.machines import Machine
from tests.report import golden, scenes

WHY_SKIPPED = (
    "no Chromium, Chrome or Edge on this machine: install one (Debian: apt install chromium; without root: "
    ".venv/bin/playwright install chromium) and name it in $CLOAKCHECK_BROWSER if it is not on the PATH"
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        own = Path(driver.chromium.executable_path)
        found = find_browser() or (str(own) if own.is_file() else None)
        if found is None:
            pytest.skip(WHY_SKIPPED)
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        running = driver.chromium.launch(executable_path=found, args=["--no-sandbox"] if root else [])
        yield running
        running.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.end()


Files = Callable[[str], Path]
SAMPLE = Path(__file__).parents[2] / "reports" / "sample"
STATES: dict[str, Callable[[], r.Results]] = {
    **{label: partial(scenes.state, label) for label in scenes.STATES},
    "one": lambda: scenes.run(protection={scenes.CLOAK: 0.5}, replicates=1),
    "missing": lambda: scenes.run(protection={scenes.CLOAK: 0.5}, missing=frozenset({(scenes.CLOAK, 2), ("clean", 5)})),
    "no-number": lambda: scenes.run(clean_gain=-0.1),
    "hostile": golden.STATES["hostile-names"],
}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Reports on disk, each made when first asked for.

    A verdict's label or another of `STATES`, with `-de` for German; `many` conditions; or the same small run as
    `small`, `court` edition and `german`. `sample` is the shipped run; `score-` and a label, a score of pictures.
    """

    @cache
    def made(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        if name == "sample":
            return write_report(read_results(SAMPLE), run_folder=SAMPLE, target=folder / "report.html")
        if name.startswith("score-"):
            return score_scenes.written(name.removeprefix("score-"), folder)
        if name == "many":
            conditions = scenes.many(40)
            shares = {c.name: 0.02 * i for i, c in enumerate(conditions)}
            results = scenes.run(protection=shares, conditions=conditions, replicates=9)
        else:
            results = STATES.get(name.removesuffix("-de"), scenes.small)()
        if name.removesuffix("-de") != "hostile":  # its names are none that a file can have
            scenes.draw(results, folder / "images")
        edition: Edition = "court" if name == "court" else "artist"
        lang = "de" if name == "german" or name.endswith("-de") else "en"
        return write_report(results, run_folder=folder, edition=edition, lang=lang)

    return made


Opened = tuple[Page, list[str]]
Opener = Callable[..., Opened]


@pytest.fixture
def opener(browser: Browser, files: Files) -> Iterator[Opener]:
    """Opens a report; also returns a list that gathers console messages, errors and requests beyond the file."""
    contexts: list[BrowserContext] = []

    def open_report(name: str, *, width: int = 1280, scheme: str = "light", script: bool = True) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script, offline=True
        )
        contexts.append(context)
        page, heard = context.new_page(), []
        address = files(name).as_uri()
        page.on("console", lambda message: heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("request", lambda r: None if r.url == address or r.url.startswith("data:") else heard.append(r.url))
        page.goto(address)
        return page, heard

    yield open_report
    for context in contexts:
        context.close()
