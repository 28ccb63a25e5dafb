"""Works in aspect buckets: every family takes latents of any shape, and a pack is what PEFT makes one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline

from audit.base.rng import torch_rng
from audit.models.encode import encode_picture, hidden_states, latents_key
from audit.models.families import FAMILIES
from audit.models.frames import Framing, frame_of, square_frame
from audit.models.loader import load
from audit.models.noising import Flow
from audit.records import TrainSettings
from audit.store import Store
from audit.training.batches import Batches, CellData
from audit.training.full import train_full
from audit.training.loop import State, train_pack
from audit.training.reference import train_one
from tests.models.test_flow_families import QWEN3, folded_like
from tests.tiny import base_in, random_cell, write_tiny_model
from tests.training.test_packed import distance, moved

CPU = torch.device("cpu")
DIFFUSION, UNPACKED = ("sd", "sdxl"), ("sd", "sdxl", "sd3", "sd3-t5", "zimage")
SETTINGS = TrainSettings(rank=2, alpha=4.0, steps=6, batch=2, learning_rate=1e-2, warmup=0, works=5)
SHAPES = ((24, 40), (40, 24), (24, 40), (32, 32), (40, 24))
TALL, WIDE = 24, 40


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}
    for family in FAMILIES:
        made[family] = write_tiny_model(tmp_path_factory.mktemp(f"buckets-{family}"), family=family)
    return made


@pytest.fixture(params=FAMILIES)
def model(request, folders):
    return load(str(folders[request.param]), device=CPU)


def cell_in_shapes(model, replicate, *, pictures="clean"):
    """A cell of five works in three shapes, cut out of pictures of other sizes."""
    square = random_cell(model, replicate, pictures=pictures)
    generator = torch_rng("buckets", pictures)
    sizes = [model.latent_of(shape) for shape in SHAPES]
    return CellData(
        streams=square.streams,
        mean=tuple(torch.randn(2, *size, generator=generator) for size in sizes),
        std=tuple(torch.rand(2, *size, generator=generator) * 0.1 for size in sizes),
        text=square.text,
        frames=tuple(frame_of(height=4 * h + 9, width=4 * w, shape=(h, w)) for h, w in SHAPES),
    )


def test_packed_equals_one_by_one_in_buckets(model):
    base = base_in(model, torch.float64)
    cells = [cell_in_shapes(model, 1, pictures=p) for p in ("clean", "protected", "placebo")]
    packed, _ = train_pack(base, cells, SETTINGS, dtype=torch.float64)
    assert len({tuple(Batches(cells[0], base, SETTINGS, torch.float64).batch(s).noisy.shape) for s in range(6)}) > 1
    for cell, trained in zip(cells, packed, strict=True):
        alone = train_one(base, cell, SETTINGS, dtype=torch.float64)
        assert moved(cell, alone) > 0.1
        assert distance(trained, alone) <= 1e-10 * moved(cell, alone)


@pytest.mark.parametrize("family", ["sd", "sdxl", "qwenimage"])
def test_conditions_of_a_replicate_share_all_but_their_pixels(folders, family):
    model = load(str(folders[family]), device=CPU)
    base = base_in(model, torch.float64)
    cells = [cell_in_shapes(model, 1, pictures=p) for p in ("clean", "protected")]
    one, other = (Batches(cell, base, SETTINGS, torch.float64) for cell in cells)
    assert np.array_equal(one.order, other.order)
    for step in range(SETTINGS.steps):
        first, second = one.batch(step), other.batch(step)
        assert torch.equal(first.frames, second.frames)
        assert torch.equal(first.told, second.told)
        assert first.noisy.shape == second.noisy.shape
        if model.facts.prediction_type == "epsilon":
            assert torch.equal(first.target, second.target), "another noise"
        assert not torch.equal(first.noisy, second.noisy)


def test_a_picture_that_is_not_square_is_seen_as_by_the_stock_pipeline(model, folders):
    """One pass at 24 x 40: order of height and width, places of the tokens, sizes that are told."""
    without = {"text_encoder_3": None, "tokenizer_3": None} if model.family.name == "sd3" else {}
    stock = DiffusionPipeline.from_pretrained(folders[model.family.name], **without)
    stock.set_progress_bar_config(disable=True)
    if hasattr(stock.tokenizer, "chat_template"):
        stock.tokenizer.chat_template = QWEN3
    seen = []

    def keep(module, args, kwargs, answer):
        seen.append((kwargs.get("timestep", args[1] if len(args) > 1 else None), answer))

    root = getattr(stock, model.family.denoiser)
    root.register_forward_hook(keep, with_kwargs=True)
    noise = torch.randn(1, *model.latent_of((TALL, WIDE)), generator=torch_rng("not square"))
    unguided = {
        "sd": {"guidance_scale": 1.0},
        "sdxl": {"guidance_scale": 1.0},
        "sd3": {"guidance_scale": 1.0},
        "sd3-t5": {"guidance_scale": 1.0, "max_sequence_length": 32},
        "zimage": {"guidance_scale": 0.0},
        "flux1": {"guidance_scale": 1.0, "max_sequence_length": 32},
        "flux2": {"guidance_scale": 1.0, "max_sequence_length": 96},
        "qwenimage": {"true_cfg_scale": 1.0},
        "krea2": {"guidance_scale": 0.0, "max_sequence_length": 48},
    }[model.family.name]
    name = model.family.name
    latents = noise if name in UNPACKED else folded_like(stock, name, noise)
    asked = {"prompt": "a cat", "latents": latents, "height": TALL, "width": WIDE, "output_type": "latent"}
    stock(**asked, num_inference_steps=2, **unguided)
    told = stock.scheduler.timesteps[:1].float()
    # What a scheduler multiplies pure noise by.
    scale = float(getattr(stock.scheduler, "init_noise_sigma", 1.0)) if name in DIFFUSION else 1.0
    frames = torch.tensor([Framing(TALL, WIDE, 0, 0, TALL, WIDE)], dtype=torch.float32)
    text = hidden_states(model, ["a cat"])
    ours = model.family.predict(model.denoiser, noise * scale, told, text, frames, 1.0)
    answer = seen[0][1]
    theirs = answer[0] if isinstance(answer, tuple) else answer.sample
    if name == "zimage":
        theirs = -torch.stack(list(theirs)).squeeze(2)
    elif name == "flux2":
        wanted = folded_like(stock, name, ours).flatten(2).transpose(1, 2)
        assert float((wanted - theirs[:, : wanted.shape[1]]).abs().max()) < 1e-5
        return
    elif name not in UNPACKED:
        theirs = theirs[:, : (TALL // 8) * (WIDE // 8)]
        ours = folded_like(stock, name, ours)
    assert float((ours - theirs).abs().max()) < 1e-5


def test_stable_diffusion_xl_is_told_size_cut_and_bucket(folders):
    model = load(str(folders["sdxl"]), device=CPU)
    seen = []
    model.denoiser.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["added_cond_kwargs"]["time_ids"]), with_kwargs=True
    )
    train_pack(base_in(model, torch.float32), [cell_in_shapes(model, 1)], SETTINGS)
    cell = cell_in_shapes(model, 1)
    order = cell.streams.order_within([tuple(m.shape) for m in cell.mean], steps=SETTINGS.steps, batch=SETTINGS.batch)
    for step, told in enumerate(seen):
        assert told.tolist() == [list(map(float, cell.frames[row])) for row in order[step]]
    model.predict(torch.zeros(1, *model.latent_shape), torch.ones(1), model.blank_text(1))
    assert seen[-1].tolist() == [[32, 32, 0, 0, 32, 32]]


def test_where_the_shift_grows_with_the_picture_a_bucket_has_its_own(folders):
    model = load(str(folders["qwenimage"]), device=CPU)
    square, small = model.noising_of(model.latent_shape), model.noising_of(model.latent_of((16, 48)))
    assert square is model.noising
    assert isinstance(square, Flow)
    assert isinstance(small, Flow)
    assert float(small.times.mean()) < float(square.times.mean())


@pytest.mark.parametrize("method", ["lora", "full"])
def test_resuming_in_buckets_is_bit_equal(folders, method):
    model = load(str(folders["sd"]), device=CPU)
    base, cells = base_in(model, torch.float32), [cell_in_shapes(model, 1)]
    settings = SETTINGS.model_copy(update={"method": method, "learning_rate": 1e-3})
    train = train_full if method == "full" else train_pack
    whole, end = train(base, cells, settings)
    kept: list[State] = []
    train(base, cells, settings, stop_at=3, after_step=lambda done, state: kept.append(state()))
    _, resumed = train(base, cells, settings, resume=kept[-1])
    assert torch.equal(end.losses, resumed.losses)
    assert all(torch.equal(one, other) for one, other in zip(end.params, resumed.params, strict=True))
    assert end.step == 6
    assert whole


def test_latents_are_kept_by_shape(folders, tmp_path):
    """A work of two to three in its bucket: its middle, and wider than a square has it."""
    model, store = load(str(folders["sd"]), device=CPU), Store(tmp_path)
    pixels = np.zeros((120, 180, 3), np.uint8)
    pixels[:, :40] = 255
    digest = store.put_pixels(pixels)
    square, bucket = encode_picture(model, store, digest), encode_picture(model, store, digest, (24, 40))
    assert square.mean.shape == (2, 4, 8, 8)
    assert bucket.mean.shape == (2, 4, 6, 10)
    keys = {latents_key(model, digest, shape) for shape in (None, (32, 32), (24, 40), (40, 24))}
    assert len(keys) == 3, "a square bucket shares the square's latents"
    assert frame_of(height=120, width=180, shape=(24, 40)) == Framing(120, 180, 1, 0, 24, 40)
    assert square_frame(32) == Framing(32, 32, 0, 0, 32, 32)
