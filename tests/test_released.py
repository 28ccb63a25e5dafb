"""The released pictures of robust-style-mimicry: their layout, the pairs, the units, and a planted loss."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from audit.base.errors import BadInput
from audit.base.rng import rng
from audit.cli import app
from audit.collect.publication import find_cases
from audit.records import Released

ARTISTS = ("wikiart_ann", "wikiart_bob", "wikiart_cy", "wikiart_dee", "wikiart_eve")


def picture(artist: int, *, key: object, strength: float = 1.0) -> Image.Image:
    """Stripes in the artist's colour and width; less strength is more of a stranger's."""
    generator = rng("released", artist, key)
    y, x = np.mgrid[0:72, 0:72]
    stripes = np.sin((x * np.cos(artist) + y * np.sin(artist)) * (0.15 + 0.2 * artist) + generator.uniform(0, 6))
    colour = np.array([(artist * 67) % 255, (artist * 131) % 255, (artist * 29) % 255])
    own = 128 + stripes[..., None] * 60 + (colour - 128) * 0.6
    stranger = generator.uniform(60, 200, 3) + generator.normal(0, 25, (72, 72, 1))
    return Image.fromarray((strength * own + (1 - strength) * stranger).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five artists, one protection that takes much and one that takes nothing."""
    root = tmp_path_factory.mktemp("released")
    for number, artist in enumerate(ARTISTS):
        at = root / "training_images" / "original" / artist
        at.mkdir(parents=True)
        for index in range(12):
            picture(number, key=index).save(at / f"work_{index}.png")
        for case, strength in (
            ("mist/naive", 0.3),
            ("glaze/noisy_upscaling", 1.0),
            ("no-protections/mist/naive", 1.0),
            ("no-protections/glaze/noisy_upscaling", 1.0),
        ):
            at = root / "generated_images" / case / artist
            at.mkdir(parents=True)
            for index in range(6):
                picture(number, key=(case, index), strength=strength).save(at / f"{index:04d}.png")
    return root


def test_cases_meet_their_baselines(folder):
    artists, cases = find_cases(folder)
    assert [a.name for a in artists] == list(ARTISTS)
    assert {c.name for c in cases} == {"mist/naive", "glaze/noisy_upscaling"}
    assert all(c.same_seeds and "no-protections" in c.baseline.parts for c in cases)
    assert all(c.baseline.name == c.made.name == c.artist for c in cases)


def test_a_case_without_a_baseline_of_its_own_gets_one_of_its_protection(folder, tmp_path):
    case = folder / "generated_images" / "naive-mimicry" / "glaze" / ARTISTS[0]
    case.mkdir(parents=True)
    (found,) = [c for c in find_cases(folder)[1] if c.name == "naive-mimicry/glaze"]
    assert not found.same_seeds
    assert "glaze" in found.baseline.parts
    case.rmdir()
    case.parent.rmdir()
    case.parent.parent.rmdir()


def test_another_layout_is_refused(tmp_path, folder):
    for path in (tmp_path, folder / "generated_images"):
        with pytest.raises(BadInput) as caught:
            find_cases(path)
        assert caught.value.slug == "released-layout"


def test_a_planted_loss_is_found_and_nothing_else(folder, tmp_path):
    out = tmp_path / "released.json"
    args = ["released", str(folder), "--out", str(out), "--store", str(tmp_path / "store"), "--device", "cpu"]
    done = CliRunner().invoke(app, [*args, "--primary-metric", "channel_stats"])
    assert done.exit_code == 0, done.stderr
    found = Released.model_validate_json(out.read_text())
    assert all(a.separated and a.works == 12 for a in found.artists)
    rows = {(e.name, e.condition): e for e in found.estimates if e.metric == "channel_stats"}
    lost, kept = rows["score_lost", "mist/naive"], rows["score_lost", "glaze/noisy_upscaling"]
    assert lost.n == kept.n == 5
    assert lost.low is not None
    assert lost.low > 0
    assert kept.low is not None
    assert kept.low <= 0.05
    assert rows["score_lost", "mist/naive | wikiart_ann"].n == 6
    assert str(tmp_path) not in json.dumps(found.model_dump(mode="json"))
    assert done.stdout.splitlines()[-1] == str(out)
