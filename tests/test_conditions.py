"""Treatments: one table-driven test of every row, and each row's own promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.conditions import TREATMENTS, apply_step, parse_step, treat
from audit.conditions.base import Context
from audit.errors import BadInput
from audit.images import linf, rms
from audit.models.loader import load
from audit.records import Condition, Work
from audit.store import Store
from audit.tensors import to_model_size, to_tensor
from tests.builders import digest


@pytest.fixture(scope="module")
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


def picture(seed, height=48, width=64):
    """A smooth random picture that reaches black and white."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, 6, 8, generator=generator)
    big = torch.nn.functional.interpolate(small, size=(height, width), mode="bicubic")
    return (big[0].permute(1, 2, 0) * 400 - 70).clamp(0, 255).byte().numpy()


def context(model, count, seed=0):
    return Context(model=model, seed=seed, digests=tuple(digest(f"p{i}") for i in range(count)))


@pytest.mark.parametrize("name", sorted(TREATMENTS))
def test_every_row_keeps_size_type_budget_and_is_repeatable(name, model):
    row = TREATMENTS[name]
    assert row.name == name
    assert row.source
    step = parse_step(name)
    pictures = [picture(1), picture(2)]
    once = apply_step(step, pictures, context(model, 2))
    again = apply_step(step, pictures, context(model, 2))
    for before, after, repeat in zip(pictures, once, again, strict=True):
        assert after.shape == before.shape
        assert np.array_equal(after, repeat)
        budget = row.budget(step.argument)
        assert budget is None or linf(before, after) <= budget


@pytest.mark.parametrize("name", ["encoder-pgd", "placebo", "null"])
def test_a_picture_is_treated_alike_whatever_its_neighbours(name, model):
    both = context(model, 2)
    alone = Context(model=model, seed=0, digests=both.digests[1:])
    step = parse_step(name)
    together = apply_step(step, [picture(1), picture(2)], both)[1]
    single = apply_step(step, [picture(2)], alone)[0]
    # Convolutions of another batch size may round differently, which can flip a sign of a gradient.
    assert np.mean(together != single) < 0.02


def test_encoder_attack_moves_the_latent_further_than_the_placebo(model):
    def moved(after):
        def latent(p):
            return model.vae.encode(to_model_size(to_tensor(p), 32)).latent_dist.mean

        return float((latent(after) - latent(original)).pow(2).mean())

    original = picture(3)
    attacked = apply_step(parse_step("encoder-pgd:16"), [original], context(model, 1))[0]
    noisy = apply_step(parse_step("placebo:16"), [original], context(model, 1))[0]
    assert linf(original, attacked) > 12
    assert moved(attacked) > 2 * moved(noisy)


def test_placebo_spends_its_whole_budget_where_the_picture_leaves_room(model):
    grey = np.full((64, 64, 3), 128, np.uint8)
    noisy = apply_step(parse_step("placebo:9"), [grey], context(model, 1))[0]
    assert linf(grey, noisy) == 9
    assert rms(grey, noisy) == pytest.approx(9)
    assert abs(noisy.astype(float).mean() - 128) < 1
    small = to_model_size(to_tensor(noisy), 32)
    assert float(small.std()) > 0.7 * 9 / 127.5, "the placebo must survive the resize to the model's size"


def test_null_moves_each_channel_by_at_most_one_level(model):
    grey = np.full((40, 40, 3), 128, np.uint8)
    after = apply_step(parse_step("null"), [grey], context(model, 1))[0]
    values, counts = np.unique(after, return_counts=True)
    assert values.tolist() == [127, 128, 129]
    assert counts.min() > 0.28 * after.size


@pytest.mark.parametrize(
    "text", ["nothing", "placebo:x", "placebo:0", "placebo:999", "encoder-pgd:-1", "null:3", "jpeg:nan", "<script>"]
)
def test_bad_treatments_are_one_sentence(text):
    with pytest.raises(BadInput) as caught:
        parse_step(text)
    assert caught.value.slug in ("treatment-unknown", "treatment-argument")


def test_conditions_keep_the_order_of_works_of_mixed_sizes(model, tmp_path):
    store = Store(tmp_path)
    pictures = [picture(i, *size) for i, size in enumerate([(40, 40), (32, 48), (40, 40), (32, 48)])]
    works = [
        Work(
            id=f"w{i:03d}",
            name=f"{i}.png",
            caption="x",
            sha256=digest(str(i)),
            pixels=store.put_pixels(p),
            width=p.shape[1],
            height=p.shape[0],
            split="pool",
        )
        for i, p in enumerate(pictures)
    ]
    condition = Condition(name="both", role="counter", steps=("placebo:8", "jpeg:90"))
    sources = [w.pixels for w in works]
    seen = []
    images = treat(condition, works=works, sources=sources, model=model, seed=0, store=store, progress=seen.append)
    assert seen[-1] == 4
    for before, after in zip(pictures, images.pixels, strict=True):
        assert store.get_pixels(after).shape == before.shape
        assert 2 < rms(before, store.get_pixels(after)) < 30
    reused = Store(tmp_path)
    assert treat(condition, works=works, sources=sources, model=model, seed=0, store=reused) == images
    assert reused.run == 0
