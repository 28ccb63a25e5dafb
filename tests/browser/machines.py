"""A server of the page in a process of its own, and a browser that hears whatever its pages complain of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]


class Machine:
    """A home folder with pictures, and a server that can be killed and started again."""

    def __init__(self, room: Path) -> None:
        self.home, self.state = room / "home", room / "state" / "cloakcheck" / "ui"
        self.reports = self.home / "reports"
        self.reports.mkdir(parents=True)
        self.running: subprocess.Popen[str] | None = None
        self._env = {
            **os.environ,
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(room / "state"),
            "CLOAKCHECK_STORE": str(room / "store"),
            "PYTHONPATH": str(ROOT),
        }

    def start(self) -> str:
        """The address that lets a browser in."""
        words = [sys.executable, "-P", "-m", "audit", "ui", "--no-browser", "--reports", str(self.reports)]
        self.running = subprocess.Popen(words, cwd=self.home, env=self._env, stdout=subprocess.PIPE, text=True)
        assert self.running.stdout is not None
        line = self.running.stdout.readline()
        return next(word for word in line.split() if word.startswith("http"))

    def kill(self) -> None:
        if self.running is not None:
            self.running.send_signal(signal.SIGKILL)
            self.running.communicate()
            self.running = None

    def end(self) -> None:
        """The server, and whatever it has started."""
        for job in (self.state / "jobs").glob("*"):
            (job / "stop").touch()
        self.kill()
        until = time.monotonic() + 180
        while any((j / "started").exists() and not (j / "code").exists() for j in (self.state / "jobs").glob("*")):
            assert time.monotonic() < until
            time.sleep(0.1)


def watched(browser: Browser, *, patience: int) -> tuple[Page, list[str]]:
    """A page on a desktop screen that waits so many milliseconds, and all that its console and scripts complain of."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(patience)
    page, heard = context.new_page(), list[str]()
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    return page, heard


def seen(page: Page, name: str) -> None:
    """What holds of every page: no finding of axe, nothing beyond the edge; and a picture where one is asked for."""
    assert Axe().run(page).violations_count == 0, name
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    if folder := os.environ.get("CLOAKCHECK_SCREENS"):
        page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
