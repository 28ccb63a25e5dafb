"""Shared fixtures: one tiny model folder for the whole session, small pictures, quick hypothesis."""

from __future__ import annotations

import os
from pathlib import Path

# Libraries of the Hugging Face family must not look for a network in tests.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch
from hypothesis import settings

from tests.tiny import write_tiny_model, write_tiny_upscaler
from tests.works import WORDS, cloak, put, work

# The suite draws the same examples every time, so that one commit has one result; the search for new
# counterexamples is a run of its own: `pytest --hypothesis-profile search`.
settings.register_profile("suite", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1_000)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Folder of a random model in plain diffusers layout."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Twelve works and their protected copies under the same names."""
    for seed, word in enumerate(WORDS):
        put(tmp_path / "art" / f"{word}.png", work(seed))
        put(tmp_path / "cloaked" / f"{word}.png", cloak(work(seed)))
    return tmp_path / "art", tmp_path / "cloaked"


@pytest.fixture
def upscaler(tmp_path_factory, monkeypatch):
    """A models folder that holds nothing but a random x4 upscaler."""
    folder = tmp_path_factory.getbasetemp() / "models-with-upscaler"
    if not (folder / "sd-x4-upscaler" / "model_index.json").exists():
        write_tiny_upscaler(folder)
    monkeypatch.setenv("CLOAKCHECK_MODELS", str(folder))
    return folder


@pytest.fixture(autouse=True, scope="session")
def _threads():
    """One thread for all: tiny models are slower on many, and sums are only bit-equal on equally many."""
    torch.set_num_threads(1)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The names of what failed are the last lines: where only the end of a log is kept, long diffs hide the rest."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    for kind in ("failed", "error"):
        for report in reporter.stats.get(kind, ()):
            # A file that cannot be imported has no time.
            print(f"{kind} in {report.when} after {getattr(report, 'duration', 0):.0f} s: {report.nodeid}")
