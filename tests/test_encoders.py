"""Large style encoders: crops, caching, refusals, and each one against its library's own forward pass."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import Dinov2Model, SiglipModel
from typer.testing import CliRunner

from audit.base.errors import BadInput, BadModel
from audit.base.files import file_digest
from audit.base.rng import rng
from audit.cli import app
from audit.store import Store
from audit.style import ENCODERS, METRICS, csd, dinov2, openclip_l14, siglip2, style_metric
from audit.style.choice import pick_metrics
from audit.style.crops import pooled, scales, squares
from audit.style.model_cache import release
from audit.style.score import View, features
from tests.e2e.folders import drawing
from tests.encoders import csd_checkpoint, write_dinov2, write_openclip, write_siglip2

CPU = torch.device("cpu")


def pictures(count: int, side: int) -> np.ndarray:
    return rng("encoder-pictures", side).integers(0, 256, (count, side, side, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Tiny encoders of the real classes, in the folder where weights belong."""
    folder = tmp_path_factory.mktemp("encoders")
    write_openclip(folder / "openclip_l14")
    write_dinov2(folder / "dinov2")
    write_siglip2(folder / "siglip2")
    csd_checkpoint(folder / "pytorch_model.bin")
    (folder / "csd").mkdir()
    (folder / "csd" / csd.FILE).write_bytes(csd.convert(folder / "pytorch_model.bin"))
    return folder


@pytest.fixture
def present(home, monkeypatch):
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(home))
    return home


@pytest.fixture
def absent(tmp_path, monkeypatch):
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(tmp_path / "none"))


# --- crops -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "found"),
    [(64, [224]), (224, [224]), (335, [224]), (512, [512, 224]), (768, [768, 384, 224]), (1024, [1024, 512, 224])],
)
def test_scales(side, found):
    assert scales(side, 224) == found


@given(st.integers(8, 60), st.integers(4, 12))
def test_squares_cover_the_picture_and_stay_inside(side, tile):
    picture = torch.arange(side * side, dtype=torch.float32).view(1, 1, side, side).expand(1, 3, -1, -1) / side**2
    for at in scales(side, tile)[:-1]:
        cut = squares(picture, at, tile)
        assert cut.shape[1:] == (3, tile, tile)
        if at == side:
            assert set(cut[:, 0].flatten().tolist()) == set(picture[0, 0].flatten().tolist())


def test_pooling_is_the_mean_over_scales_of_means_over_squares():
    pixels = pictures(2, 30)

    def embed(x):
        return torch.cat([x.mean(dim=(2, 3)), x.std(dim=(2, 3))], dim=1)

    found = pooled(pixels, embed, tile=8, device=CPU)
    for row, picture in zip(found, pixels, strict=True):
        whole = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        levels = [F.normalize(embed(squares(whole, s, 8)).double(), dim=1).mean(0) for s in scales(30, 8)]
        assert row == pytest.approx(F.normalize(sum(levels) / len(levels), dim=0).numpy(), abs=1e-6)


def test_texture_that_the_whole_does_not_show_is_seen_in_squares():
    """A fine chequer averages to grey at 224 px; at its own scale it is another picture than grey."""
    grey = np.full((1, 768, 768, 3), 128, np.uint8)
    chequer = grey + (np.indices((768, 768)).sum(0) % 2 * 60 - 30).astype(np.uint8)[None, ..., None]

    def embed(x):
        # Grey level beside local contrast.
        return torch.stack([x.mean(dim=(1, 2, 3)), x.std(dim=(1, 2, 3))], dim=1)

    apart = [1 - float(np.dot(*(pooled(p, embed, tile=224, device=CPU)[0] for p in (grey, chequer))))]
    small = [F.interpolate(torch.from_numpy(p).permute(0, 3, 1, 2).float(), (224, 224), mode="bicubic", antialias=True)
             for p in (grey, chequer)]  # fmt: skip
    rows = [F.normalize(embed(x / 255), dim=1)[0] for x in small]
    assert apart[0] > 20 * (1 - float(rows[0] @ rows[1]))


# --- each encoder against its library ----------------------------------------------------------------


def test_openclip_is_open_clips_own_embedding(present):
    pixels = pictures(3, 32)
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{present / 'openclip_l14'}")
    from PIL import Image

    own = model.eval().encode_image(torch.stack([transform(Image.fromarray(p)) for p in pixels]), normalize=True)
    assert openclip_l14.extract(pixels) == pytest.approx(own.detach().numpy(), abs=1e-5)


def test_openclip_opens_a_bare_checkpoint_of_the_published_size_only(present, tmp_path, monkeypatch):
    bare = tmp_path / "openclip_l14"
    bare.mkdir()
    shutil.copy(present / "openclip_l14" / "open_clip_model.safetensors", bare)
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(tmp_path))
    monkeypatch.setattr(openclip_l14, "ARCHITECTURE", "RN50")
    with pytest.raises(BadModel) as caught:
        openclip_l14.extract(pictures(1, 32))
    assert caught.value.slug == "encoder-unsuitable"


def test_csd_is_the_trunk_and_its_style_layer(present, tmp_path):
    tower = csd_checkpoint(tmp_path / "x.bin")
    pixels = pictures(2, 224)
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    x = (x - torch.tensor(csd.MEAN).view(1, 3, 1, 1)) / torch.tensor(csd.STD).view(1, 3, 1, 1)
    style, tower.proj = tower.proj, None
    with torch.no_grad():
        own = F.normalize(tower(x) @ style, dim=1)
    assert csd.extract(pixels) == pytest.approx(own.numpy(), abs=1e-5)


def test_dinov2_and_siglip2_are_transformers_own_features(present):
    x = torch.from_numpy(pictures(2, 224)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(c).view(1, 3, 1, 1) for c in (dinov2.MEAN, dinov2.STD))
    with torch.no_grad():
        own = Dinov2Model.from_pretrained(present / "dinov2").eval()(pixel_values=(x - mean) / std).pooler_output
    assert dinov2.extract(pictures(2, 224)) == pytest.approx(F.normalize(own, dim=1).numpy(), abs=1e-5)
    x = torch.from_numpy(pictures(2, 32)).permute(0, 3, 1, 2).float() / 255
    whole = SiglipModel.from_pretrained(present / "siglip2").eval()
    with torch.no_grad():
        own = whole.vision_model(pixel_values=x * 2 - 1).pooler_output
    assert siglip2.extract(pictures(2, 32)) == pytest.approx(F.normalize(own, dim=1).numpy(), abs=1e-5)


# --- files -------------------------------------------------------------------------------------------


class Runs:
    def __reduce__(self):
        return os.system, ("touch /tmp/cloakcheck-was-run",)


@pytest.mark.parametrize("content", ["code", "other", "cut", "text", "bare"])
def test_only_a_csd_checkpoint_without_code_is_converted(tmp_path, content):
    path = tmp_path / "pytorch_model.bin"
    csd_checkpoint(path)
    if content == "code":
        torch.save({"model_state_dict": {"x": torch.zeros(1)}, "args": Runs()}, path)
    elif content == "other":
        torch.save({"model_state_dict": {"module.backbone.conv1.weight": torch.zeros(1)}}, path)
    elif content == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    elif content == "bare":
        torch.save([torch.zeros(1)], path)
    else:
        path.write_text("hello")
    with pytest.raises(BadModel) as caught:
        csd.convert(path)
    assert caught.value.slug == "encoder-checkpoint"
    assert not os.path.exists("/tmp/cloakcheck-was-run")


def test_the_command_lists_and_converts(tmp_path, monkeypatch):
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(tmp_path / "e"))
    csd_checkpoint(tmp_path / "pytorch_model.bin")
    run = CliRunner().invoke
    assert "laion/CLIP-ViT-L-14-DataComp" in run(app, ["encoder", "list"]).stdout
    done = run(app, ["encoder", "convert", "csd", str(tmp_path / "pytorch_model.bin")])
    assert done.exit_code == 0, done.stderr
    # Random weights under the right name are not CSD, whatever file they came from.
    listed = run(app, ["encoder", "list"]).stdout
    assert "csd: there, but not the published weights" in listed
    assert csd.PUBLISHED.sha256 in listed
    assert "[encoder-action]" in run(app, ["encoder", "convert", "dinov2"]).stderr


def test_missing_weights_say_how_to_get_them_and_nothing_is_downloaded(absent):
    for name, row in ENCODERS.items():
        assert not row.present()
        with pytest.raises(BadModel, match=row.published.files[0]) as caught:
            row.digest()
        assert caught.value.slug == "encoder-missing"
        assert name in caught.value.sentence


def test_damaged_weights_are_refused_in_one_sentence(home, tmp_path, monkeypatch):
    shutil.copytree(home, tmp_path / "e")
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(tmp_path / "e"))
    for name, row in ENCODERS.items():
        for file in (tmp_path / "e" / name).glob("*.safetensors"):
            file.write_bytes(b"\xff" * 100)
        with pytest.raises(BadModel) as caught:
            row.extract(pictures(1, 224))
        assert caught.value.slug == "encoder-unsuitable"
        assert str(tmp_path) not in caught.value.sentence


def test_a_digest_follows_the_weights(home, tmp_path, monkeypatch):
    shutil.copytree(home, tmp_path / "e")
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(tmp_path / "e"))
    before = ENCODERS["csd"].digest()
    csd_checkpoint(tmp_path / "other.bin", seed=9)
    (tmp_path / "e" / "csd" / csd.FILE).write_bytes(csd.convert(tmp_path / "other.bin"))
    assert ENCODERS["csd"].digest() != before


# --- choice and caching ------------------------------------------------------------------------------


def test_which_metrics_an_audit_computes(present):
    assert pick_metrics(None, lab=True, references=False) == ("channel_stats", "openclip")
    assert pick_metrics("openclip", lab=False, references=False) == ("openclip", "channel_stats")
    everything = (*(name for name, row in ENCODERS.items() if row.present()), "channel_stats")
    assert pick_metrics(None, lab=False, references=True) == everything
    assert pick_metrics("dinov2", lab=True, references=True)[0] == "dinov2"
    with pytest.raises(BadInput) as caught:
        pick_metrics(None, lab=False, references=False)
    assert caught.value.slug == "references-needed"
    with pytest.raises(BadInput, match="siglip2"):
        pick_metrics("beauty", lab=False, references=True)
    assert not set(METRICS) & set(ENCODERS)


def test_a_real_audit_without_an_encoder_is_refused_before_anything_is_read(absent):
    with pytest.raises(BadModel) as caught:
        pick_metrics(None, lab=False, references=True)
    assert caught.value.slug == "encoder-missing"
    assert pick_metrics("channel_stats", lab=False, references=False) == ("channel_stats", "openclip")


def test_a_picture_is_encoded_once_whatever_list_it_is_in(present, tmp_path, monkeypatch):
    view = View(side=32, device=CPU, store=Store(tmp_path / "store"))
    digests = [view.store.put_pixels(drawing(i)) for i in range(3)]
    first = features("openclip_l14", digests, view=view)
    assert np.linalg.norm(first, axis=1) == pytest.approx(np.ones(3))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(openclip_l14, "pooled", never)
    again = features("openclip_l14", digests[::-1], view=view)
    assert (again == first[::-1]).all()
    with pytest.raises(AssertionError):
        features("openclip_l14", digests, view=replace(view, side=40))


@pytest.mark.slow
def test_encoders_of_the_real_size(tmp_path, monkeypatch):
    """ViT-L/14 of open_clip and of CSD with random weights: they open and give 768 numbers from a 512 px picture."""
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(tmp_path))
    write_openclip(tmp_path / "openclip_l14", config=open_clip.get_model_config("ViT-L-14"))
    csd_checkpoint(tmp_path / "csd.bin", width=csd.WIDTH, layers=csd.LAYERS)
    (tmp_path / "csd").mkdir()
    (tmp_path / "csd" / csd.FILE).write_bytes(csd.convert(tmp_path / "csd.bin"))
    for name in ("openclip_l14", "csd"):
        found = style_metric(name).extract(pictures(1, 300))
        assert found.shape == (1, 768)
        assert np.linalg.norm(found) == pytest.approx(1)
        release(torch.device("cpu"))


# --- whose weights they are ----------------------------------------------------------------------------


def listed(monkeypatch, home):
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(home))
    return {line.partition(": ")[0]: line for line in CliRunner().invoke(app, ["encoder", "list"]).stdout.splitlines()}


def test_every_encoder_is_listed_with_its_licence_and_digest(tmp_path, monkeypatch):
    lines = listed(monkeypatch, tmp_path)
    for name, row in ENCODERS.items():
        assert row.published.licence in lines[name]
        assert row.published.sha256 in lines[name]
    assert "CC BY 4.0" in lines["csd"]


def test_weights_that_were_never_trained_are_not_present(tmp_path, monkeypatch):
    write_dinov2(tmp_path / "dinov2")
    write_siglip2(tmp_path / "siglip2")
    write_openclip(tmp_path / "openclip_l14")
    lines = listed(monkeypatch, tmp_path)
    assert not any("present" in line for line in lines.values())
    assert "never trained" in lines["dinov2"]
    assert "never trained" in lines["siglip2"]
    # Random numbers everywhere: nothing tells them from trained ones but a digest, and none is known.
    assert "to be compared" in lines["openclip_l14"]


def test_published_weights_are_present(tmp_path, monkeypatch):
    write_siglip2(tmp_path / "siglip2")
    file = tmp_path / "siglip2" / "model.safetensors"
    tensors = {name: value + 0.01 for name, value in load_file(file).items()}
    save_file(tensors, file)
    assert "not the published" in listed(monkeypatch, tmp_path)["siglip2"]
    row = replace(ENCODERS["siglip2"], published=replace(siglip2.PUBLISHED, sha256=file_digest(file)))
    monkeypatch.setitem(ENCODERS, "siglip2", row)
    assert "present, the published weights" in listed(monkeypatch, tmp_path)["siglip2"]
