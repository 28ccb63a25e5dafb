"""A real run on a tiny model: sealed, verified, run again; and what counts as standing."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from audit.base.errors import BadInput, BadModel
from audit.base.progress import Progress
from audit.cli import app
from audit.collect import collect_references
from audit.collect.other import other_works
from audit.commands.bringing import bring
from audit.commands.reproduce import _bring_works, _same_model, anew, compare
from audit.images import open_picture, pixels_digest
from audit.judge import judge
from audit.models.loader import describe
from audit.plan.making import with_draws
from audit.plan.spec import Spec
from audit.records import ArtistSet
from audit.store import Store
from tests.builders import make_plan, make_results
from tests.e2e.folders import write_protected, write_references, write_spec


def call(*args: object, codes: tuple[int, ...] = (0,)) -> str:
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code in codes, (done.output, done.exception)
    return done.stdout + done.stderr


def drawn_by(plan, *, alike=()):
    return with_draws(plan.model_copy(update={"alike": alike}), seed=5, asked=4)


def judged(index: float, *, seed: int = 0):
    return judge(make_results(plan=make_plan(), protection={"encoder-pgd:16": index}, seed=seed))


def test_the_same_world_measured_again_stands():
    found = {a.condition: a for a in compare(judged(0.8), judged(0.8, seed=1))}
    assert found["encoder-pgd:16"].stands is True
    assert "inside the stated interval" in found["encoder-pgd:16"].sentence


def test_another_world_does_not_stand():
    found = {a.condition: a for a in compare(judged(0.8), judged(0.1, seed=1))}
    assert found["encoder-pgd:16"].stands is False
    assert "OUTSIDE" in found["encoder-pgd:16"].sentence


@pytest.mark.parametrize(("now", "stands"), [(0.78, True), (0.3, False)])
def test_under_another_seed_two_ranges_are_held_against_each_other(now, stands):
    found = {a.condition: a for a in compare(judged(0.8), judged(now, seed=1), new_seed=True)}
    assert found["encoder-pgd:16"].stands is stands
    assert ("NOT compatible" in found["encoder-pgd:16"].sentence) is not stands


def test_another_seed_draws_anew_and_keeps_the_rest():
    plan = drawn_by(make_plan(prompts=tuple(f"subject {i}" for i in range(9))), alike=(("w000", "w001"),))
    other = anew(plan)
    assert other.seed != plan.seed
    assert all(a.held_out != b.held_out or a.prompts != b.prompts for a, b in zip(plan.draws, other.draws, strict=True))
    assert all(("w000" in d.held_out) == ("w001" in d.held_out) for d in (*plan.draws, *other.draws))
    kept = {"seed": 0, "seed_source": "", "draws": ()}
    assert plan.model_copy(update=kept) == other.model_copy(update=kept)
    with pytest.raises(BadInput, match="look almost the same"):
        anew(plan.model_copy(update={"alike": None}))


def test_without_figures_nothing_is_claimed():
    bare = make_results(plan=make_plan())
    assert {a.stands for a in compare(bare, bare)} == {None}


@pytest.mark.slow
def test_a_bundle_is_run_again_from_its_plan(tiny_model, tmp_path):
    art = write_protected(tmp_path / "art")
    spec = write_spec(tmp_path / "audit.toml")
    store, out, key = tmp_path / "store", tmp_path / "out", tmp_path / "key.pem"
    run = ["--originals", art / "originals", "--protected", art / "glazed"]
    call("run", *run, "--spec", spec, "--model", tiny_model, "--out", out, "--store", store, "--preset", "quick",
         "--declare", codes=(0, 3))  # fmt: skip
    results = json.loads((out / "results.json").read_text())
    assert results["provenance"]["declaration"].startswith("These are my own works")
    assert not any(n["slug"] == "rights-not-declared" for n in results["notes"])
    bundle = tmp_path / "bundle"
    said = call("bundle", out, "--out", bundle, "--key", key, "--store", store, "--profile", "full", *run)
    assert "adapters deleted" in said
    assert not list(store.rglob("adapter.safetensors"))
    assert "This bundle verifies" in call("verify", bundle)
    # Of a full bundle nothing else is needed; the adapters are trained again.
    again = ["reproduce", bundle, "--model", tiny_model, "--store", tmp_path / "other-store", "--out", tmp_path / "new"]
    said = call(*again, "--json")
    found = json.loads(said[said.index('{"conditions"') :].splitlines()[0])
    # A random model learns nothing, so there is no interval to stand in; the pictures must be the same here.
    assert {a["condition"]: a["stands"] for a in found["conditions"]} == {"protected": None}
    first, second = (json.loads((f / "results.json").read_text()) for f in (out, tmp_path / "new"))
    assert [c["generations"]["pixels"] for c in first["cells"]] == [c["generations"]["pixels"] for c in second["cells"]]
    # Refusals: no out, another model, no works, a broken bundle.
    assert "[out-missing]" in call(*again[:-2], codes=(2,))
    other = shutil.copytree(tiny_model, tmp_path / "model")
    config = other / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text() + "\n")
    args = [*again[:-1], tmp_path / "x", "--model", other]
    assert "[model-differs]" in call(*args, codes=(2,))
    redacted = tmp_path / "redacted"
    call("bundle", out, "--out", redacted, "--key", key, "--store", store)
    args = ["reproduce", redacted, "--model", tiny_model, "--out", tmp_path / "x", "--store", tmp_path / "s"]
    assert "[works-differ]" in call(*args, codes=(2,))
    (bundle / "bag/data/report.html").write_text("")
    assert "[bundle-unverified]" in call(*again, codes=(2,))
    assert not (tmp_path / "x").exists()


def test_reference_artists_are_brought_from_their_folder_and_missed_without_it(tmp_path):
    folder = write_references(tmp_path / "others")
    there = Store(tmp_path / "there")
    references = collect_references(folder, works=(), save=there.put_pixels)
    plan = make_plan().model_copy(update={"works": (), "reference_artists": references})
    store = Store(tmp_path / "store")
    with pytest.raises(BadInput, match="reference-artists"):
        _bring_works(plan, tmp_path, Spec(originals=tmp_path), store, Progress())
    _bring_works(plan, tmp_path, Spec(originals=tmp_path, reference_artists=folder), store, Progress())
    assert all(store.blob_path(d).exists() for a in references for d in a.pixels)
    _bring_works(plan, tmp_path, Spec(originals=tmp_path), store, Progress())


def test_works_of_every_kind_are_found_by_their_pixels_and_broken_files_are_passed_over(tmp_path):
    drawn = np.random.default_rng(3).integers(0, 256, (90, 90, 4), np.uint8)
    Image.fromarray(drawn[..., :3]).save(tmp_path / "a.tif")
    Image.fromarray(drawn).save(tmp_path / "b.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    wanted = [open_picture(tmp_path / "a.tif")[0], open_picture(tmp_path / "b.png", ground="black")[0]]
    store = Store(tmp_path / "store")
    assert bring({pixels_digest(p) for p in wanted} | {"0" * 64}, [tmp_path], store, Progress()) == {"0" * 64}
    assert np.array_equal(store.get_pixels(pixels_digest(wanted[1])), wanted[1])


def test_works_of_the_other_artist_are_brought_from_the_built_in_ones_or_their_folder(tmp_path, make_others):
    """No bundle holds them, and `court` always trains on them."""
    for control, folder in (("other-artist", None), (f"other-artist:{make_others}", make_others)):
        there = Store(tmp_path / f"there-{folder is None}")
        artist = ArtistSet(artist="A", works=(), protected=(), notes=())
        works = other_works(folder, artist=artist, least=1, save=there.put_pixels)
        plan = make_plan().model_copy(update={"works": (), "other_works": works})
        store = Store(tmp_path / f"here-{folder is None}")
        if folder is not None:
            with pytest.raises(BadInput, match="other-artist"):
                _bring_works(plan, tmp_path, Spec(originals=tmp_path), store, Progress())
        _bring_works(plan, tmp_path, Spec(originals=tmp_path, control=(control,)), store, Progress())
        assert all(store.blob_path(w.pixels).exists() for w in works)


@pytest.fixture
def make_others(tmp_path):
    return next(p for p in sorted(write_references(tmp_path / "others").iterdir()) if p.is_dir())


def test_a_surrogate_of_the_plan_must_be_given_and_be_the_same(tiny_model):
    facts = describe(str(tiny_model))
    _same_model("model-role.surrogate", facts, str(tiny_model), option="--surrogate")
    for given, wanted in ((None, facts), (str(tiny_model), facts.model_copy(update={"sha256": "0" * 64}))):
        with pytest.raises(BadModel, match="--surrogate PATH") as caught:
            _same_model("model-role.surrogate", wanted, given, option="--surrogate")
        assert caught.value.slug == "model-differs"
