"""A step's key changes when its code version changes, whichever version that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.conditions import TREATMENTS
from audit.conditions.treating import TreatPictures
from audit.records import ProtectSettings
from audit.style import ENCODERS, METRICS
from audit.style.score import features_key

A, B = "a" * 64, "b" * 64

# Versions of the treatments that lie in stores since; one that changes here is computed anew everywhere.
TREATED = {
    "as-published:artstation": 1,
    "as-published:cara": 1,
    "as-published:deviantart": 1,
    "as-published:instagram": 1,
    "as-published:pixiv": 1,
    "as-published:x": 1,
    "bilateral": 1,
    "bits": 1,
    "blur": 1,
    "denoiser-pgd": 2,
    "diffusion": 1,
    "encoder-pgd": 3,
    "fused-pgd": 2,
    "identity": 1,
    "impress": 2,
    "jpeg": 1,
    "median": 1,
    "mixed": 1,
    "noise": 1,
    "noisy-upscale": 1,
    "null": 1,
    "placebo": 2,
    "placebo-lpips": 3,
    "resize": 1,
    "sds-pgd": 2,
    "style-cloak": 3,
    "surrogate-pgd": 2,
    "surrogate-target-pgd": 2,
    "tv": 1,
    "vae": 1,
    "x4-upscale": 1,
}


def key_of(name: str) -> str:
    row = TREATMENTS[name]
    step = name if row.default is None else f"{name}:{row.default:g}"
    return TreatPictures(step, (A,), (B,), seed=0, asked=ProtectSettings(), model=A, attacked=B, outside=B).key


@pytest.mark.parametrize("name", sorted(TREATMENTS))
def test_a_treatments_version_is_in_its_key(name, monkeypatch):
    before = key_of(name)
    assert TREATMENTS[name].version == TREATED[name]
    monkeypatch.setitem(TREATMENTS, name, replace(TREATMENTS[name], version=TREATED[name] + 1))
    assert key_of(name) != before


@pytest.mark.parametrize("name", sorted({*METRICS, *ENCODERS}))
def test_a_metrics_version_is_in_the_key_of_its_features(name, monkeypatch, tmp_path):
    table = METRICS if name in METRICS else ENCODERS
    weights = tmp_path / "weights"
    weights.write_bytes(b"made up")
    row = replace(table[name], weights=lambda: [weights])
    assert row.version == 1
    monkeypatch.setitem(table, name, row)
    before = features_key(name, [A], 64)
    monkeypatch.setitem(table, name, replace(row, version=2))
    assert features_key(name, [A], 64) != before
