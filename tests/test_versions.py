"""A step's key changes when its code version changes, whichever version that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.conditions import TREATMENTS
from audit.conditions.treating import TreatPictures
from audit.records import ProtectSettings
from audit.style import ENCODERS, METRICS, equal_tone, score
from audit.style.score import features_key

A, B = "a" * 64, "b" * 64

# Versions of the treatments and metrics that lie in stores since, where they are no longer 1; one that changes here is
# computed anew everywhere.
TREATED = {
    "denoiser-pgd": 2,
    "encoder-pgd": 3,
    "fused-pgd": 2,
    "impress": 2,
    "placebo": 2,
    "placebo-lpips": 3,
    "sds-pgd": 2,
    "style-cloak": 3,
    "surrogate-pgd": 2,
    "surrogate-target-pgd": 2,
}
MEASURED: dict[str, int] = {}


def key_of(name: str) -> str:
    row = TREATMENTS[name]
    step = name if row.default is None else f"{name}:{row.default:g}"
    return TreatPictures(step, (A,), (B,), seed=0, asked=ProtectSettings(), model=A, attacked=B, own_weights=B).key


@pytest.mark.parametrize("name", sorted(TREATMENTS))
def test_a_treatments_version_is_in_its_key(name, monkeypatch):
    before, version = key_of(name), TREATED.get(name, 1)
    assert TREATMENTS[name].version == version
    monkeypatch.setitem(TREATMENTS, name, replace(TREATMENTS[name], version=version + 1))
    assert key_of(name) != before


@pytest.mark.parametrize("name", sorted({*METRICS, *ENCODERS}))
def test_a_metrics_version_is_in_the_key_of_its_features(name, monkeypatch, tmp_path):
    table = METRICS if name in METRICS else ENCODERS
    weights = tmp_path / "weights"
    weights.write_bytes(b"made up")
    row = replace(table[name], weights=lambda: [weights])
    assert row.version == MEASURED.get(name, 1)
    monkeypatch.setitem(table, name, row)
    before = features_key(name, [A], 64)
    monkeypatch.setitem(table, name, replace(row, version=MEASURED.get(name, 1) + 1))
    assert features_key(name, [A], 64) != before


def test_the_version_of_equal_tone_is_in_the_key_of_features_at_equal_tone(monkeypatch):
    def keys():
        return [features_key("channel_stats", [A], 64, even=even) for even in (False, True)]

    (plain, even), version = keys(), equal_tone.VERSION
    assert version == 1
    monkeypatch.setattr(score, "VERSION", version + 1)
    assert [plain == keys()[0], even == keys()[1]] == [True, False]
