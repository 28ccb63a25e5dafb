"""No code and no network from a model folder, whatever its configs say and whatever packages are installed."""

from __future__ import annotations

import json
import shutil
import socket
import sys

import pytest
import torch
import transformers
from diffusers import StableDiffusionUpscalePipeline

from audit.base.errors import BadModel
from audit.conditions.counter import upscaler
from audit.models import opening
from audit.models.allowed import ALLOWED
from audit.models.captioner import load_captioner
from audit.models.code import names_code
from audit.models.encode import hidden_states
from audit.models.families import FAMILIES
from audit.models.layout import open_source
from audit.models.loader import CLASSES, load
from audit.style import dinov2, openclip_l14, siglip2
from tests.models.guard import watched
from tests.tiny import write_tiny_model

CPU = torch.device("cpu")
KERNEL = "someone/repo"
HARMLESS = {
    "return_dict": False, "output_hidden_states": True, "torchscript": True, "_use_default_values": ["hidden_size"],
    "quantization_config": {"quant_method": "bitsandbytes"}, "vocab_file": "/etc/passwd", "merges_file": "/etc/passwd",
    "tokenizer_file": "/etc/passwd", "chat_template": "{{ 1 }}", "name_or_path": KERNEL, "_name_or_path": KERNEL,
    "use_kernels": True, "model_type": "llama", "use_flash_attention_2": True, "gradient_checkpointing": True,
}  # fmt: skip
"""Words that change what the libraries do, and must not arrive."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: write_tiny_model(tmp_path_factory.mktemp(name), family=name) for name in FAMILIES}


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """As if the package `kernels` were installed: transformers asks for it, and it would fetch and run."""
    place = tmp_path / "site"
    (place / "kernels").mkdir(parents=True)
    (place / "kernels" / "__init__.py").write_text("raise SystemExit('remote kernels were asked for')")
    monkeypatch.syspath_prepend(str(place))
    for name in ("modeling_utils", "integrations.hub_kernels"):
        module = sys.modules.get(f"transformers.{name}")
        if hasattr(module, "is_kernels_available"):
            monkeypatch.setattr(module, "is_kernels_available", lambda *_, **__: True)


def spoil(folder, words, *, names=("config.json", "tokenizer_config.json", "special_tokens_map.json")):
    for path in [p for p in folder.rglob("*.json") if p.name in (*names, "scheduler_config.json")]:
        path.write_text(json.dumps(json.loads(path.read_text()) | words))


@pytest.mark.parametrize("family", FAMILIES)
def test_opening_and_using_a_model_reaches_for_nothing(folders, family, kernels, tmp_path):
    plain = load(str(folders[family]), device=CPU)
    copy = shutil.copytree(folders[family], tmp_path / "copy")
    (copy / "tokenizer" / "special_tokens_map.json").write_text("{}")
    spoil(copy, HARMLESS)
    with watched() as seen:
        model = load(str(copy), device=CPU)
        text = hidden_states(model, ["a cat"])
        model.sampler(4)
    assert seen.outside == []
    assert seen.foreign(copy) == []
    expected = hidden_states(plain, ["a cat"])
    for name, part in expected.parts.items():
        ours = text.parts[name]
        pairs = [(part, ours)] if isinstance(part, torch.Tensor) else zip(part.rows, ours.rows, strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)
    assert all(encoder.config._attn_implementation == "sdpa" for encoder in model.text_encoders.values())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "words",
    [{"attn_implementation": KERNEL}, {"_attn_implementation": f"{KERNEL}@v1:attend"},
     {"_attn_implementation_internal": {"": KERNEL}}, {"attn_implementation": "flash_attention_2"},
     {"auto_map": {"AutoModel": "evil.Evil"}}, {"trust_remote_code": True},
     {"text_config": {"attn_implementation": KERNEL}}, {"text_cfg": [{"hf_model_name": KERNEL}]}],
    ids=lambda words: next(iter(words)),
)  # fmt: skip
def test_a_config_that_names_code_is_refused_before_a_library_sees_it(folders, family, words, kernels, tmp_path):
    copy = shutil.copytree(folders[family], tmp_path / "copy")
    spoil(copy, words)
    with watched() as seen, pytest.raises(BadModel) as caught:
        load(str(copy), device=CPU)
    assert caught.value.said.id == "model-code.named"
    assert (seen.outside, seen.foreign(copy)) == ([], [])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_list_alone_keeps_a_kernel_away(folders, family, kernels):
    """As if the refusal were not there: what reaches the class is the list's."""
    source = open_source(str(folders[family]))
    for part, kind in source.family.components.items():
        if part not in source.family.tokenizers:
            hostile = {**source.configs[part], **HARMLESS, "attn_implementation": KERNEL}
            with watched() as seen:
                opening.empty(CLASSES[source.family.opened_as.get(part, kind)], hostile)
            assert (seen.outside, seen.foreign(source.path)) == ([], []), part


OLDER = {"rope_theta", "rope_scaling"}
"""Words of files that older releases wrote, which the class still takes."""


def test_every_word_of_the_list_is_one_that_its_class_takes():
    import inspect

    import diffusers

    for kind, words in ALLOWED.items():
        if kind.endswith("Tokenizer"):
            continue
        cls = getattr(diffusers, kind, None) or getattr(transformers, kind).config_class
        assert words - OLDER <= set(inspect.signature(cls).parameters), kind


@pytest.mark.parametrize("file", ["evil.py", "unet/evil.SO", "text_encoder/deep/er/libx.so.1", "vae/x.dylib", "a.pyd"])
def test_code_anywhere_in_the_folder_is_named(folders, file, tmp_path):
    copy = shutil.copytree(folders["sd"], tmp_path / "copy")
    (copy / file).parent.mkdir(parents=True, exist_ok=True)
    (copy / file).write_bytes(b"\x7fELF")
    with pytest.raises(BadModel) as caught:
        open_source(str(copy))
    assert caught.value.said.id == "model-code"
    assert file in caught.value.sentence


@pytest.mark.parametrize("family", FAMILIES)
def test_links_lead_only_to_files_under_the_digest(folders, family, tmp_path):
    """As the hub's cache keeps a model: every file a link into a folder of blobs, where others lie too."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    for number, file in enumerate(sorted(p for p in folders[family].rglob("*") if p.is_file())):
        link = snapshot / file.relative_to(folders[family])
        link.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, blobs / str(number))
        link.symlink_to(blobs / str(number))
    (blobs / "chat_template.jinja").write_text("no part of the model")
    for part in ("tokenizer", "text_encoder"):
        (snapshot / part / "chat_template.jinja").symlink_to(blobs / "chat_template.jinja")
        # Some text encoders have one, which is no part of the model either.
        (snapshot / part / "generation_config.json").unlink(missing_ok=True)
        (snapshot / part / "generation_config.json").symlink_to(blobs / "nowhere")
    source = open_source(str(snapshot))
    assert source.digest() == open_source(str(folders[family])).digest()
    with watched() as seen:
        load(str(snapshot), device=CPU)
    hashed = {(snapshot / name).resolve() for name in source.files} | {(snapshot / "model_index.json").resolve()}
    read = {path.resolve() for path in seen.opened}
    assert {path for path in read if path.is_relative_to(tmp_path)} <= hashed


def test_a_link_that_is_turned_while_the_model_is_opened_is_seen(folders, tmp_path):
    copy = shutil.copytree(folders["sd"], tmp_path / "copy")
    source = open_source(str(copy))
    config = copy / "tokenizer" / "tokenizer_config.json"
    (tmp_path / "other.json").write_text(config.read_text() + " ")
    config.unlink()
    config.symlink_to(tmp_path / "other.json")
    with pytest.raises(BadModel) as caught:
        opening.open_tokenizer(copy, "tokenizer", source.files)
    assert caught.value.said.id == "model-changed.meanwhile"
    assert open_source(str(copy)).digest() != source.digest()


def test_other_folders_of_models_are_looked_through_too(folders, tmp_path, monkeypatch):
    """Captioner, encoders and upscaler are opened by the libraries' own loaders, so the look comes before these."""
    folder = tmp_path / upscaler.NAME
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}}))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": StableDiffusionUpscalePipeline.__name__}))
    monkeypatch.setattr(upscaler, "models_folder", lambda: tmp_path)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("the library asked whether to run code"))
    for open_it in (
        lambda: load_captioner(folder, device=CPU),
        lambda: upscaler._opened("digest", CPU),
        lambda: dinov2._model(folder, CPU),
        lambda: siglip2._model(folder, CPU),
        lambda: openclip_l14._tower((folder / "open_clip_model.safetensors",), CPU),
    ):
        with watched() as seen, pytest.raises(BadModel) as caught:
            open_it()
        assert caught.value.slug == "model-code"
        assert (seen.outside, seen.foreign(folder)) == ([], [])


def test_the_watch_sees():
    with watched() as seen, pytest.raises(OSError, match="network"):
        socket.getaddrinfo("localhost", 80)
    assert len(seen.outside) == 1
    assert not names_code({"attn_implementation": "eager", "auto_map": None, "_name_or_path": "a/b"})
