"""Every family through the same engine: parity with PEFT one by one, and with the stock pipeline's pictures."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, DPMSolverMultistepScheduler

from audit.base.errors import BadModel
from audit.commands.models import look
from audit.models.cards import cards
from audit.models.encode import encode_texts
from audit.models.families import FAMILIES
from audit.models.loader import describe, load
from audit.models.noising import Diffusion, Flow, Noising
from audit.plan.cost import measure_cost
from audit.plan.model_notes import model_notes
from audit.records import ProtectSettings, SampleSettings, TrainSettings
from audit.sampling import initial_noise, sample, text_under
from audit.sampling.drawing import Draw
from audit.store import Store
from audit.training import train
from audit.training.adapters import Updates, load_updates, save_adapter
from audit.training.loop import train_pack
from audit.training.reference import train_one
from tests.engines import engine_of
from tests.test_conditions import treated
from tests.test_cost import small_plan
from tests.test_memory import make_cells
from tests.test_sampling import random_adapter
from tests.tiny import base_in, random_cell, write_tiny_model
from tests.training.test_packed import distance, moved

OTHERS = ("sdxl", "sd3", "sd3-t5")
SETTINGS = TrainSettings(rank=3, alpha=6.0, steps=5, batch=2, learning_rate=1e-2, warmup=2, works=5)
DRAW = SampleSettings(steps=6, guidance=3.0)
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    return {name: write_tiny_model(tmp_path_factory.mktemp(name), family=name) for name in FAMILIES}


@pytest.mark.parametrize("family", OTHERS)
@pytest.mark.parametrize(
    ("targets", "dtype", "bound"), [("attention", torch.float32, 1e-3), ("all", torch.float64, 1e-10)]
)
def test_packed_equals_one_by_one(folders, family, targets, dtype, bound):
    model = load(str(folders[family]), device=CPU)
    settings = SETTINGS.model_copy(update={"targets": targets})
    base = base_in(model, dtype)
    cells = [random_cell(model, r, pictures=p) for r, p in ((1, "clean"), (1, "protected"), (2, "clean"))]
    packed, _ = train_pack(base, cells, settings, dtype=dtype)
    for cell, trained in zip(cells, packed, strict=True):
        alone = train_one(base, cell, settings, dtype=dtype)
        assert moved(cell, alone) > 0.1
        assert distance(trained, alone) <= bound * moved(cell, alone)


@pytest.mark.parametrize("family", OTHERS)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-10), (torch.float32, 1e-3)])
def test_packed_equals_one_by_one_with_both_text_encoders(folders, family, dtype, bound):
    model = load(str(folders[family]), device=CPU)
    settings = SETTINGS.model_copy(update={"text_encoder": True})
    base = base_in(model, dtype)
    cells = [random_cell(model, r, pictures=p, tokens=True) for r, p in ((1, "clean"), (1, "protected"), (2, "clean"))]
    packed, _ = train_pack(base, cells, settings, dtype=dtype)
    for cell, trained in zip(cells, packed, strict=True):
        alone = train_one(base, cell, settings, dtype=dtype)
        for root in ("text_encoder.", "text_encoder_2."):
            assert moved(cell, {n: pair for n, pair in alone.items() if n.startswith(root)}) > 0.01
        assert distance(trained, alone) <= bound * moved(cell, alone)


@pytest.mark.parametrize("family", ["sd", *OTHERS])
def test_texts_equal_the_stock_pipelines(folders, family, tmp_path):
    model = load(str(folders[family]), device=CPU)
    stock = stock_pipeline(folders[family], family)
    seen = encode_texts(model, Store(tmp_path), ["a cat", ""])
    if family == "sd":
        theirs = stock.encode_prompt("a cat", "cpu", 1, True)
        pairs = [(seen.hidden[0], theirs[0][0]), (seen.hidden[1], theirs[1][0])]
    else:
        words = {"prompt_3": None} if family != "sdxl" else {}
        words |= {"max_sequence_length": 32} if family == "sd3-t5" else {}
        theirs = stock.encode_prompt(prompt="a cat", prompt_2=None, device="cpu", **words)
        pairs = [(seen.hidden[0], theirs[0][0]), (seen.hidden[1], theirs[1][0])]
        pairs += [(seen.pooled[0], theirs[2][0]), (seen.pooled[1], theirs[3][0])]
    if family == "sdxl":
        # What trainers call clip skip 2; the pipeline counts from that layer.
        pairs.append((seen.hidden[0], stock.encode_prompt(prompt="a cat", device="cpu", clip_skip=0)[0][0]))
    for ours, wanted in pairs:
        assert ours.shape == wanted.shape
        assert torch.allclose(ours, wanted, atol=1e-6)
    again = encode_texts(model, Store(tmp_path), ["a cat", ""])
    assert all(torch.equal(again.tensor(name), seen.tensor(name)) for name in seen.parts)


def stock_pipeline(folder, family):
    without_t5 = {"text_encoder_3": None, "tokenizer_3": None} if family == "sd3" else {}
    stock = DiffusionPipeline.from_pretrained(folder, **without_t5)
    stock.set_progress_bar_config(disable=True)
    return stock


def draw(model, folder, path, *, texts=("a cat",), opened=None):
    """The same picture by us and by the stock pipeline (of the file `opened`), and base's, each (H, W, 3) in 0..1."""
    updates = load_updates(path)
    told = text_under(model, updates, [*texts, ""])
    plain = text_under(model, Updates({}), [*texts, ""])
    ours = sample(model, text=told[:1], empty=told[1:], settings=DRAW, seed=0, updates=updates)[0]
    base = sample(model, text=plain[:1], empty=plain[1:], settings=DRAW, seed=0)[0]
    stock = stock_pipeline(folder, model.family.name)
    opened = opened or path
    stock.load_lora_weights(str(opened.parent), weight_name=opened.name)
    if model.family.name not in ("sd3", "sd3-t5"):
        stock.scheduler = DPMSolverMultistepScheduler.from_config(
            stock.scheduler.config,
            algorithm_type="dpmsolver++",
            timestep_spacing="trailing",
            final_sigmas_type="zero",
        )
    noise = initial_noise(model, seed=0, prompts=1, per_prompt=1)
    size = {"height": 32, "width": 32, **({"max_sequence_length": 32} if model.family.name == "sd3-t5" else {})}
    theirs = stock(texts[0], latents=noise, num_inference_steps=6, guidance_scale=3.0, output_type="np", **size).images[
        0
    ]
    return ours / 255.0, theirs, base / 255.0


@pytest.mark.parametrize("family", OTHERS)
@pytest.mark.parametrize(("targets", "text_encoder"), [("attention", False), ("all", False), ("attention", True)])
def test_the_stock_pipeline_opens_the_adapter_and_draws_the_same_picture(
    folders, family, targets, text_encoder, tmp_path
):
    model = load(str(folders[family]), device=CPU)
    path = tmp_path / "adapter.safetensors"
    random_adapter(model, path, targets=targets, text_encoder=text_encoder)
    ours, theirs, base = draw(model, folders[family], path)
    assert np.abs(ours - theirs).max() < 1.5 / 255
    assert np.abs(base - ours).max() > 3 / 255, "the adapter changes nothing, so the test shows nothing"


@pytest.mark.parametrize("family", OTHERS)
def test_a_trained_adapter_is_one_that_the_stock_pipeline_opens(folders, family, tmp_path):
    model = load(str(folders[family]), device=CPU)
    settings = SETTINGS.model_copy(update={"text_encoder": True, "targets": "all", "learning_rate": 0.1})
    cell = random_cell(model, 1, tokens=True)
    (trained,), _ = train_pack(base_in(model, torch.float32), [cell], settings)
    path = tmp_path / "adapter.safetensors"
    save_adapter(path, trained, alpha=settings.alpha)
    ours, theirs, base = draw(model, folders[family], path)
    assert np.abs(ours - theirs).max() < 1.5 / 255
    assert np.abs(base - ours).max() > 3 / 255


NOISINGS: list[Noising] = [
    Diffusion(torch.linspace(0.999, 0.005, 1000, dtype=torch.float64), "epsilon"),
    Diffusion(torch.linspace(0.999, 0.005, 1000, dtype=torch.float64), "v_prediction"),
    Flow.shifted(3.0),
]


@pytest.mark.parametrize("noising", NOISINGS, ids=["epsilon", "v", "flow"])
def test_the_wanted_answer_leads_back_to_clean_and_noise(noising):
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(4, 2, 3, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    level = torch.tensor([3, 200, 600, 990])
    noisy, wanted = noising.noised(clean, noise, level), noising.wanted(clean, noise, level)
    assert torch.allclose(noising.as_clean(wanted, noisy, level), clean)
    assert torch.allclose(noising.as_noise(wanted, noisy, level), noise)
    assert noising.level_at(0.01) < noising.level_at(0.5) < noising.level_at(1.0) == noising.levels - 1


def test_flow_levels_are_the_logit_normal_of_the_paper():
    """Against torch's own draws, shifted as the stock scheduler shifts; its sigma is the share of noise."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    flow = Flow.shifted(3.0)
    drawn = torch.sigmoid(torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    drawn = 3 * drawn / (1 + 2 * drawn)
    shares = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=torch.float64)
    assert torch.allclose(flow.times.quantile(shares), drawn.quantile(shares), atol=5e-3)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    clean, noise = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    row = 300
    level = torch.tensor([int(torch.searchsorted(flow.times, float(scheduler.sigmas[row])))])
    ours = flow.noised(clean, noise, level)
    theirs = scheduler.scale_noise(clean, scheduler.timesteps[row : row + 1], noise)
    assert torch.allclose(ours, theirs, atol=2e-3)
    assert torch.allclose(flow.told(level), scheduler.timesteps[row : row + 1], atol=2.0)


def test_draws_are_the_same_for_every_family(folders):
    """Levels, order and flips do not depend on the family; what a level stands for does."""
    streams = random_cell(load(str(folders["sd"]), device=CPU), 1).streams
    levels = [load(str(f), device=CPU).noising.levels for f in folders.values()]
    draws = [streams.step(step=3, batch=4, timesteps=n, latent=(4, 8, 8)).timesteps for n in levels]
    assert all(torch.equal(d, draws[0]) for d in draws)


@pytest.mark.parametrize(
    ("family", "facts"),
    [
        ("sd", ("sd1", 32, "epsilon")),
        ("sdxl", ("sdxl", 32, "epsilon")),
        ("sd3", ("sd3", 32, "flow")),
        ("sd3-t5", ("sd3", 32, "flow")),
    ],
)
def test_facts(folders, family, facts):
    found = describe(str(folders[family]))
    assert (found.family, found.resolution, found.prediction_type) == facts


@pytest.mark.parametrize(
    ("family", "part", "changed"),
    [
        ("sdxl", "unet", {"addition_embed_type": None}),
        ("sdxl", "unet", {"cross_attention_dim": 12}),
        ("sdxl", "unet", {"in_channels": 9}),
        ("sd3", "transformer", {"pooled_projection_dim": 5}),
        ("sd3", "transformer", {"joint_attention_dim": 5}),
        ("sd3", "transformer", {"in_channels": 4}),
        ("sd3-t5", "text_encoder_3", {"d_model": 24}),
    ],
)
def test_parts_that_do_not_belong_together_are_refused_before_loading(folders, family, part, changed, tmp_path):
    copy = shutil.copytree(folders[family], tmp_path / "copy")
    path = copy / part / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(BadModel) as caught:
        describe(str(copy))
    assert caught.value.slug == "model-family"


def test_sd3_whose_t5_was_left_out_opens_without_it_and_says_so(folders, tmp_path):
    """CLIP's part of a text is the same."""
    whole, copy = folders["sd3-t5"], tmp_path / "copy"
    shutil.copytree(whole, copy)
    for part in ("text_encoder_3", "tokenizer_3"):
        shutil.rmtree(copy / part)
    with_t5, without = (load(str(folder), device=CPU) for folder in (whole, copy))
    assert (with_t5.family.name, without.family.name) == ("sd3-t5", "sd3")
    assert with_t5.facts.sha256 != without.facts.sha256
    read = [encode_texts(m, Store(tmp_path / m.family.name), ["a cat"]).hidden for m in (with_t5, without)]
    clip = with_t5.lengths["tokenizer"]
    assert torch.equal(read[0][:, :clip], read[1][:, :clip])
    assert read[0][:, clip:].abs().max() > 0
    assert read[1][:, clip:].abs().max() == 0
    notes = [[note.said.id for note in model_notes(small_plan(m), m)] for m in (with_t5, without)]
    assert ["without-t5" in ids for ids in notes] == [False, True]
    assert "T5" in look(str(copy)).notes[0]
    assert look(str(whole)).notes == ()


@pytest.mark.slow
@pytest.mark.parametrize("family", OTHERS)
def test_every_stage_of_an_audit_takes_the_family(folders, family, tmp_path):
    """Treat through the model, probe, train, draw: the same functions that a run calls."""
    model, store = load(str(folders[family]), device=CPU), Store(tmp_path)
    cells = make_cells(store, 2)
    pictures = [store.get_pixels(digest) for digest in cells[0].pixels]
    few = ProtectSettings(steps=2, counter_steps=2)
    for name in ("encoder-pgd:16", "denoiser-pgd:16", "sds-pgd:16", "surrogate-pgd:16", "vae", "diffusion:0.3"):
        made = treated(name, pictures, model, asked=few)
        assert all(m.shape == p.shape and m.dtype == np.uint8 for m, p in zip(made, pictures, strict=True))
        assert any((m != p).any() for m, p in zip(made, pictures, strict=True)), name
    found = measure_cost(small_plan(model), engine_of(model, store))
    assert all(seconds >= 0 for seconds in found.seconds.values())
    settings = SETTINGS.model_copy(update={"text_encoder": True, "works": 3, "learning_rate": 0.3})
    engine = engine_of(model, store, pack=2)
    trained = train(cells, settings, engine)
    assert all(t.adapter.finite and t.adapter.norm > 0 for t in trained)
    base = draw_one(None, None, settings, engine)
    ours = draw_one(trained[0], base.pixels, settings, engine)
    assert ours.changed_share == 1
    assert draw_one(trained[0], base.pixels, settings, engine).pixels == ours.pixels


def draw_one(trained, base, training, engine):
    task = Draw(
        trained=trained,
        base_pixels=base,
        replicate=trained.adapter.replicate if trained else 0,
        texts=("a cat", "rain"),
        places=(0, 1),
        settings=DRAW,
        training=training,
        seed=0,
        model=engine.model.facts.sha256,
        precision="fp32",
    )
    return engine.run([task])[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_sampler_hands_over_may_lie_on_another_device(folders, family):
    """Timesteps stay on the CPU; the meta device refuses to be mixed with it, as a GPU does."""
    model = load(str(folders[family]), device=CPU)
    meta = torch.device("meta")
    model.denoiser.to(meta)
    timestep = model.sampler(3).timesteps[0]
    noisy = torch.zeros(2, *model.latent_shape, device=meta)
    seen = model.predict(noisy, timestep, model.blank_text(2).to(meta))
    assert seen.shape == noisy.shape


@pytest.mark.parametrize("name", cards())
def test_a_card_names_the_layers_that_its_family_trains(name):
    card = cards()[name]
    family = FAMILIES[{"sd1": "sd", "sd2": "sd"}.get(card.family, card.family)]
    assert card.targets == family.targets["attention"]
