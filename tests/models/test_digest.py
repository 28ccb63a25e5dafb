"""Every byte that reaches a tensor is under the digest, and no other byte is."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from audit.base.errors import BadModel
from audit.models.layout import model_files
from audit.models.loader import describe, load
from tests.models.test_checkpoint import parts_of
from tests.models.test_checkpoint import write as write_checkpoint

CPU = torch.device("cpu")
UNET, VAE = "diffusion_pytorch_model", "vae/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "copy")


def flip(path):
    data = bytearray(path.read_bytes())
    data[-2 if path.suffix == ".safetensors" else data.index(b'"') + 1] ^= 1
    path.write_bytes(data)


def parts(folder, *, variant="", style="new", index=True):
    """The U-Net's weights in two parts, under the names that one release or another gives them."""
    place = folder / "unet"
    tensors = load_file(place / f"{UNET}.safetensors")
    names = sorted(tensors)
    middle = f".{variant}" if variant and style == "new" else ""
    late = f".{variant}" if variant and style == "old" else ""
    where = {}
    for at, chosen in enumerate((names[::2], names[1::2]), start=1):
        file = f"{UNET}{middle}-{at:05d}-of-00002{late}.safetensors"
        save_file({name: tensors[name] for name in chosen}, place / file)
        where |= dict.fromkeys(chosen, file)
    (place / f"{UNET}.safetensors").unlink()
    if index:
        name = f"{UNET}.safetensors.index{f'.{variant}' if variant else ''}.json"
        (place / name).write_text(json.dumps({"metadata": {}, "weight_map": where}))


def renamed(folder, variant):
    for part, base in (("unet", UNET), ("vae", UNET), ("text_encoder", "model")):
        (folder / part / f"{base}.safetensors").rename(folder / part / f"{base}.{variant}.safetensors")


# Layout of a folder, as somebody may have it -> what makes it of the plain one.
LAYOUTS = {
    "plain": lambda folder: None,
    "fp16 alone": lambda folder: renamed(folder, "fp16"),
    "bf16 alone": lambda folder: renamed(folder, "bf16"),
    "non-EMA alone": lambda folder: renamed(folder, "non_ema"),
    "parts": parts,
    "parts of fp16": lambda folder: parts(folder, variant="fp16"),
    "parts of fp16, old names": lambda folder: parts(folder, variant="fp16", style="old"),
    "parts without an index": lambda folder: parts(folder, index=False),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_opens_the_same_weights_and_every_opened_file_is_under_the_digest(layout, copy, tiny_model):
    LAYOUTS[layout](copy)
    model, plain = load(str(copy), device=CPU), load(str(tiny_model), device=CPU)
    for name, value in plain.denoiser.state_dict().items():
        assert torch.equal(model.denoiser.state_dict()[name], value)
    files = model_files(str(copy))
    assert set(files) == {file.relative_to(copy).as_posix() for file in copy.glob("*/*") if file.is_file()}
    for file in files:
        kept = (copy / file).read_bytes()
        flip(copy / file)
        try:
            assert describe(str(copy)).sha256 != model.facts.sha256, file
        except BadModel:
            pass
        (copy / file).write_bytes(kept)
    assert describe(str(copy)).sha256 == model.facts.sha256


def odd_index(folder, name, to):
    (folder / "unet" / name).write_text(json.dumps({"weight_map": {"conv_in.weight": to}}))
    (folder / "unet" / "w.bin").write_bytes(b"x")


@pytest.mark.parametrize("to", ["w.bin", "../vae/diffusion_pytorch_model.safetensors", "/etc/other.safetensors"])
@pytest.mark.parametrize("variant", ["", "fp16"])
def test_an_index_that_leads_elsewhere_is_refused(variant, to, copy):
    if variant:
        renamed(copy, variant)
    odd_index(copy, f"{UNET}.safetensors.index{f'.{variant}' if variant else ''}.json", to)
    with pytest.raises(BadModel) as caught:
        describe(str(copy))
    assert caught.value.slug == "model-unsafe"
    for file in (copy / "unet").glob(f"{UNET}*.safetensors"):
        file.unlink()
    with pytest.raises(BadModel) as caught:
        describe(str(copy))
    assert caught.value.slug == "model-unsafe"


# What lies beside the opened files and reaches no tensor.
UNUSED = {
    "an fp16 variant": lambda folder: shutil.copy(folder / VAE, folder / "vae" / f"{UNET}.fp16.safetensors"),
    "non-EMA weights": lambda folder: shutil.copy(folder / VAE, folder / "vae" / f"{UNET}.non_ema.safetensors"),
    "a pickle": lambda folder: (folder / "unet" / f"{UNET}.bin").write_bytes(b"x"),
    "an index of another variant": lambda folder: odd_index(folder, f"{UNET}.safetensors.index.fp16.json", "w.bin"),
    "an index of pickles": lambda folder: odd_index(folder, f"{UNET}.bin.index.json", "w.bin"),
    "a third text encoder": lambda folder: shutil.copytree(folder / "text_encoder", folder / "text_encoder_3"),
    "notes": lambda folder: (folder / "unet" / "README.md").write_text("x"),
}


@pytest.mark.parametrize("what", UNUSED)
def test_what_is_not_opened_changes_no_digest_and_no_weight(what, copy, tiny_model):
    UNUSED[what](copy)
    assert describe(str(copy)).sha256 == describe(str(tiny_model)).sha256
    model, plain = load(str(copy), device=CPU), load(str(tiny_model), device=CPU)
    for part in ("denoiser", "vae"):
        for name, value in getattr(plain, part).state_dict().items():
            assert torch.equal(getattr(model, part).state_dict()[name], value)


def test_a_part_that_is_missing_is_named(copy):
    parts(copy)
    (copy / "unet" / f"{UNET}-00002-of-00002.safetensors").unlink()
    for index in (True, False):
        with pytest.raises(BadModel) as caught:
            describe(str(copy))
        assert caught.value.said.id == "model-incomplete.part"
        assert f"{UNET}-00002-of-00002.safetensors" in caught.value.sentence
        if index:
            (copy / "unet" / f"{UNET}.safetensors.index.json").unlink()


def test_every_byte_of_a_checkpoint_and_its_yaml_counts(tiny_cards, tmp_path):
    path = write_checkpoint(tmp_path / "x.safetensors", parts_of(tiny_cards["sd15"]), "sd15")
    before = describe(str(path)).sha256
    path.with_suffix(".yaml").write_text("model:\n  params:\n    parameterization: v\n")
    assert describe(str(path)).sha256 != before
    path.with_suffix(".yaml").unlink()
    flip(path)
    assert describe(str(path)).sha256 != before
