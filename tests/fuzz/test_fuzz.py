"""A short campaign of what scripts/fuzz runs for longer, and proof that it finds what it looks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.base.errors import BadInput
from tests.fuzz import run as fuzz
from tests.fuzz.targets import TARGETS, make_material


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return make_material(tmp_path_factory.mktemp("material"))


@pytest.mark.filterwarnings("ignore")
def test_no_case_crashes_hangs_leaks_or_writes_elsewhere(material, tmp_path):
    (tmp_path / "scratch").mkdir()
    found = fuzz.campaign(material, tmp_path / "scratch", cases=100, seed=1)
    assert found.findings == []
    assert sum(found.cases.values()) >= 100
    assert len(found.refused) > 5


def crashes(rng, at, material):
    raise KeyError("x")


def leaks(rng, at, material):
    raise BadInput("picture-truncated", file=str(at))


def writes(rng, at, material):
    (at.parent.parent / "elsewhere").write_text("x")


def writes_where_it_stands(rng, at, material):
    Path("elsewhere").write_text("x")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (crashes, "KeyError"),
        (leaks, "path of the sentence"),
        (writes, "outside the case's folder"),
        (writes_where_it_stands, "outside the case's folder"),
    ],
)
def test_what_is_wrong_is_found(target, said, material, tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(fuzz, "TARGETS", {"made-up": (target, 1.0)})
    found = fuzz.campaign(material, tmp_path / "scratch", cases=1, seed=0)
    assert any(said in finding for finding in found.findings)


def test_the_shares_are_whole():
    assert sum(share for _, share in TARGETS.values()) == pytest.approx(1.0)
