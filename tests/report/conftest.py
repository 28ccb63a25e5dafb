"""Rendered pages, made once for the whole session: drawing figures takes most of the time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from audit import records as r
from audit.report import render
from tests.report import scenes


@dataclass(frozen=True)
class Rendered:
    results: r.Results
    html: str
    folder: Path


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rendered]:
    """One page for every verdict label."""
    found = {}
    for label, results in scenes.states().items():
        folder = tmp_path_factory.mktemp(label)
        scenes.draw(results, folder / "images")
        found[label] = Rendered(results, render(results, images=folder / "images"), folder)
    return found
