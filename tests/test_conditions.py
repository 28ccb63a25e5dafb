"""Treatments: one table-driven test of every row, and each row's own promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from audit.base.errors import BadInput
from audit.conditions import TREATMENTS, Step, parse_step, recipes
from audit.conditions.base import Context, Made
from audit.conditions.protect.pgd import Draws
from audit.conditions.protect.sds import sds_aim
from audit.conditions.protect.victim import Victim
from audit.conditions.treating import apply_step, treat
from audit.conditions.windows import through_windows, training_window, windows
from audit.images import linf, rms
from audit.images.tensors import to_model_size, to_tensor
from audit.models.loader import load
from audit.records import Condition, ProtectSettings, Work
from audit.store import Store
from audit.style.lpips import lpips_distance
from tests.builders import digest
from tests.engines import engine_of

FEW = ProtectSettings(steps=4, counter_steps=2)
ATTACKS = [name for name, row in TREATMENTS.items() if row.kind == "protection"]
SIZES = ((1, 40), (33, 47))


@pytest.fixture(scope="module")
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


def picture(seed, height=48, width=64):
    """A smooth random picture that reaches black and white."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, 6, 8, generator=generator)
    big = torch.nn.functional.interpolate(small, size=(height, width), mode="bicubic")
    return (big[0].permute(1, 2, 0) * 400 - 70).clamp(0, 255).byte().numpy()


def context(model, originals, seed=0, asked=FEW, surrogate=None):
    return Context(
        model=model,
        surrogate=surrogate or model,
        seed=seed,
        names=tuple(digest(f"p{i}") for i in range(len(originals))),
        original=lambda row: originals[row],
        protection=asked,
    )


def treated(text, pictures, model, **values):
    return apply_step(parse_step(text), pictures, context(model, pictures, **values)).pictures


# --- the contract: every row, odd sizes, bad values ----------------------------------------------------


@pytest.mark.parametrize("name", sorted(TREATMENTS))
def test_every_row_keeps_its_contract_on_any_size(name, model, upscaler):
    row = TREATMENTS[name]
    assert row.name == name
    assert row.source
    step = parse_step(name)
    for size in SIZES:
        pictures = [picture(1, *size)]
        given = [p.copy() for p in pictures]
        once = treated(name, pictures, model, asked=ProtectSettings(steps=2, counter_steps=1))
        again = treated(name, pictures, model, asked=ProtectSettings(steps=2, counter_steps=1))
        for before, kept, after, repeat in zip(pictures, given, once, again, strict=True):
            assert np.array_equal(before, kept), "originals are never touched"
            assert after.dtype == np.uint8
            assert np.array_equal(after, repeat), "same seed, same pictures"
            assert row.may_resize or after.shape == before.shape
            budget = row.budget(step.argument)
            assert budget is None or linf(before, after) <= budget


@pytest.mark.parametrize("name", sorted(TREATMENTS))
def test_every_row_takes_4000_pixels_and_flat_grey(name, model, upscaler):
    flat = np.full((24, 4000, 3), 127, np.uint8)
    (after,) = treated(name, [flat], model, asked=ProtectSettings(steps=1, counter_steps=1))
    assert after.shape[2] == 3


@pytest.mark.parametrize("name", sorted(n for n, row in TREATMENTS.items() if row.default is not None))
@pytest.mark.parametrize("bad", ["", "x", "nan", "inf", "-inf", "-1", "1e9", "16:16", " ", "0x10", "٣ʘ"])
def test_every_argument_out_of_range_is_one_sentence(name, bad):
    with pytest.raises(BadInput) as caught:
        parse_step(f"{name}:{bad}")
    assert caught.value.slug == "treatment-argument"
    assert f"{name}:" in caught.value.sentence


@pytest.mark.parametrize("name", sorted(n for n, row in TREATMENTS.items() if row.whole and row.default is not None))
def test_whole_numbers_only_where_said(name):
    with pytest.raises(BadInput, match="whole number"):
        parse_step(f"{name}:{TREATMENTS[name].low + 0.5}")


@pytest.mark.parametrize("text", ["nothing", "null:3", "identity:", "<script>", "", ":", "encoder-pgd "])
def test_unknown_treatments_are_one_sentence(text):
    with pytest.raises(BadInput) as caught:
        parse_step(text)
    assert caught.value.slug in ("treatment-unknown", "treatment-argument")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda p: Made([]), "answered 0 of 1"),
        (lambda p: Made([p[0][:-1]]), "turned"),
        (lambda p: Made([p[0].astype(np.float32)]), "float32"),
        (lambda p: Made([np.full_like(p[0], 255)]), "over its budget"),
        (lambda p: Made(p, (1.0,), (1.0,)), "answered"),
    ],
)
def test_the_package_enforces_the_contract_whatever_a_row_does(answer, said, model):
    broken = replace(TREATMENTS["placebo"], run=lambda pictures, argument, context: answer(pictures))
    with pytest.raises(RuntimeError, match=said):
        apply_step(Step(broken, 3), [picture(1)], context(model, [picture(1)]))


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [((float("nan"),), (1.0,), "not all finite"), ((1.0,), (), "answered"), ((), (), "answered")],
)
def test_a_row_with_an_objective_measures_every_picture_and_finds_numbers(first, last, said, model):
    broken = replace(TREATMENTS["encoder-pgd"], run=lambda pictures, argument, context: Made(pictures, first, last))
    with pytest.raises(RuntimeError, match=said):
        apply_step(Step(broken, 3), [picture(1)], context(model, [picture(1)]))


@pytest.mark.parametrize("name", ["encoder-pgd", "denoiser-pgd", "sds-pgd", "placebo", "null"])
def test_a_picture_is_treated_alike_whatever_its_neighbours(name, model):
    pictures = [picture(1), picture(2)]
    both = context(model, pictures)
    step = parse_step(name)
    together = apply_step(step, pictures, both).pictures[1]
    single = apply_step(step, pictures[1:], both.of([1])).pictures[0]
    # Convolutions of another batch size may round differently, which can flip a sign of a gradient.
    assert np.mean(together != single) < 0.02


def test_recipes_tell_each_treatment_once_with_its_source(model):
    conditions = [
        Condition(name="a", role="protected", steps=("denoiser-pgd:8",)),
        Condition(name="b", role="counter", steps=("denoiser-pgd:8", "jpeg:50")),
    ]
    first, second = recipes(conditions, surrogate=model.facts, asked=FEW)
    assert (first.step, first.settings["steps"], first.settings["crop"]) == ("denoiser-pgd:8", "4", "squares")
    assert first.settings["surrogate"] == model.facts.name
    assert "AdvDM" in first.source
    assert "100 steps" in first.published
    assert second.step == "jpeg:50"


# --- protections ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in ("sds-pgd", "style-cloak")])
def test_every_attack_moves_its_objective_the_way_it_says_and_more_than_noise(name, model):
    pictures = [picture(3), picture(4)]
    made = apply_step(parse_step(f"{name}:32"), pictures, context(model, pictures, asked=ProtectSettings(steps=12)))
    objective = TREATMENTS[name].objective
    gained = np.subtract(made.last, made.first) * (1 if objective.direction == "up" else -1)
    assert gained.mean() > 0, (made.first, made.last)
    assert all(rms(before, after) > 2 for before, after in zip(pictures, made.pictures, strict=True))


def test_score_distillation_climbs_the_noise_error_without_the_unet_gradient(model):
    victim = Victim(model)

    def draws():
        return Draws([("t", 1), ("t", 2)])

    views = torch.randn(2, 4, 8, 8, requires_grad=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Victim, "latent", lambda self, x: x)
        (slope,) = torch.autograd.grad(sds_aim(victim).loss(views, draws()).sum(), views)
    at = victim.noised(views.detach(), draws())
    error = victim.as_epsilon(victim.predict(at), at) - at.noise
    assert torch.allclose(slope, -error / (4 * 8 * 8), atol=1e-6)


def test_score_distillation_raises_the_denoising_loss_of_a_trained_model():
    lab = load("lab", device=torch.device("cpu"))
    pictures = [picture(3, 64, 64), picture(4, 64, 64)]
    made = apply_step(parse_step("sds-pgd:32"), pictures, context(lab, pictures, asked=ProtectSettings(steps=15)))
    assert np.subtract(made.last, made.first).mean() > 0


def test_encoder_attack_moves_the_latent_further_than_the_placebo(model):
    def moved(after):
        def latent(p):
            return model.vae.encode(to_model_size(to_tensor(p), 32)).latent_dist.mean

        return float((latent(after) - latent(original)).pow(2).mean())

    original = picture(3)
    (attacked,) = treated("encoder-pgd:16", [original], model, asked=ProtectSettings(steps=40))
    (noisy,) = treated("placebo:16", [original], model)
    assert linf(original, attacked) > 12
    assert moved(attacked) > 2 * moved(noisy)


def test_a_surrogate_of_another_model_is_what_is_attacked(model, tmp_path):
    from tests.tiny import write_tiny_model

    other = load(str(write_tiny_model(tmp_path, prediction="v_prediction", side=64)), device=torch.device("cpu"))
    original = picture(3)
    own = treated("denoiser-pgd:16", [original], model)[0]
    crossed = treated("denoiser-pgd:16", [original], model, surrogate=other)[0]
    assert rms(own, crossed) > 1


@pytest.mark.parametrize("crop", ["squares", "tiles"])
def test_the_whole_picture_is_attacked_not_only_the_square_that_is_trained_on(crop, model):
    original = np.full((32, 96, 3), 128, np.uint8)
    runs = [
        treated("encoder-pgd:16", [original], model, asked=ProtectSettings(steps=steps, crop=crop))[0]
        for steps in (1, 10)
    ]
    # Both begin from one random change; where no gradient arrives they end as equals.
    moved = runs[0] != runs[1]
    for part in (moved[:, :20], moved[:, 40:60], moved[:, -20:]):
        assert part.mean() > 0.5


@pytest.mark.parametrize("policy", ["squares", "tiles"])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 65), (1, 40), (100, 37), (300, 2000), (20, 700)])
def test_windows_lie_inside_and_cover(policy, height, width):
    found = windows(height, width, side=32, policy=policy)
    seen = np.zeros((height, width), bool)
    for place in found:
        assert 0 <= place.top <= height - place.side
        assert 0 <= place.left <= width - place.side
        seen[place.top : place.top + place.side, place.left : place.left + place.side] = True
    if policy == "squares":
        assert training_window(height, width) in found
        assert height != width or len(found) == 1
    if max(height, width) <= 5 * min(height, width) and policy == "squares":
        assert seen.all()


def test_what_changes_the_small_view_reaches_the_training_and_nothing_else_is_lost():
    original = to_tensor(picture(5, 128, 128))
    places = windows(128, 128, side=32, policy="squares")
    assert torch.equal(through_windows(original, lambda small: small, side=32, places=places), original)
    darker = through_windows(original, lambda small: small * 0.5, side=32, places=places)
    wanted = to_model_size(original, 32) * 0.5
    assert float((to_model_size(darker, 32) - wanted).abs().mean()) < 0.02


# --- placebos and controls -----------------------------------------------------------------------------


def test_placebo_spends_its_whole_budget_where_the_picture_leaves_room(model):
    grey = np.full((64, 64, 3), 128, np.uint8)
    (noisy,) = treated("placebo:9", [grey], model)
    assert linf(grey, noisy) == 9
    assert rms(grey, noisy) == pytest.approx(9)
    assert abs(noisy.astype(float).mean() - 128) < 1
    small = to_model_size(to_tensor(noisy), 32)
    assert float(small.std()) > 0.7 * 9 / 127.5, "the placebo must survive the resize to the model's size"


def test_a_perceptual_placebo_is_as_visible_as_the_protection_it_stands_for(model):
    original, protected = picture(6), treated("encoder-pgd:24", [picture(6)], model)[0]
    made = apply_step(parse_step("placebo-lpips"), [protected], context(model, [original])).pictures[0]
    wanted, found = (lpips_distance(original, p) for p in (protected, made))
    assert 0.8 * wanted <= found <= wanted
    (fixed,) = treated("placebo-lpips:0.2", [original], model)
    assert 0.1 < lpips_distance(original, fixed) <= 0.2


def test_null_moves_each_channel_by_at_most_one_level(model):
    grey = np.full((40, 40, 3), 128, np.uint8)
    (after,) = treated("null", [grey], model)
    values, counts = np.unique(after, return_counts=True)
    assert values.tolist() == [127, 128, 129]
    assert counts.min() > 0.28 * after.size


def test_mixed_puts_back_exactly_the_share_of_originals(model):
    originals = [picture(i, 40, 40 + i % 2) for i in range(12)]
    protected = [255 - p for p in originals]
    made = apply_step(parse_step("mixed:0.25"), protected, context(model, originals)).pictures
    back = [np.array_equal(m, o) for m, o in zip(made, originals, strict=True)]
    kept = [np.array_equal(m, p) for m, p in zip(made, protected, strict=True)]
    assert sum(back) == 3
    assert sum(kept) == 9


# --- a whole condition ---------------------------------------------------------------------------------


def works_of(pictures, store):
    return [
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


def test_conditions_keep_the_order_of_works_of_mixed_sizes(model, tmp_path):
    store = Store(tmp_path)
    pictures = [picture(i, *size) for i, size in enumerate([(40, 40), (32, 48), (40, 40), (32, 48)])]
    works = works_of(pictures, store)
    condition = Condition(name="both", role="counter", steps=("placebo:8", "jpeg:90"))
    sources = [w.pixels for w in works]
    seen = []
    engine = engine_of(model, store, progress=seen.append)
    images = treat(condition, engine, works=works, sources=sources, seed=0, protection=FEW)
    assert seen[-1] == 8
    for before, after in zip(pictures, images.pixels, strict=True):
        assert store.get_pixels(after).shape == before.shape
        assert 2 < rms(before, store.get_pixels(after)) < 30
    reused = Store(tmp_path)
    again = engine_of(model, reused)
    assert treat(condition, again, works=works, sources=sources, seed=0, protection=FEW) == images
    assert reused.run == 0


@pytest.mark.parametrize("name", ["denoiser-pgd", "surrogate-pgd"])
def test_what_was_reached_is_told_work_by_work_and_survives_a_resume(name, model, tmp_path):
    store = Store(tmp_path)
    works = works_of([picture(i, *size) for i, size in enumerate([(40, 40), (32, 48), (40, 40)])], store)
    condition = Condition(name="p", role="protected", steps=(f"{name}:16",))
    values = {"works": works, "sources": [w.pixels for w in works], "seed": 0, "protection": FEW}
    images = treat(condition, engine_of(model, store), **values)
    assert [r.work for r in images.reached] == ["w000", "w001", "w002"]
    assert {r.step for r in images.reached} == {f"{name}:16"}
    assert treat(condition, engine_of(model, Store(tmp_path)), **values) == images


# --- style cloak ---------------------------------------------------------------------------------------


def test_a_style_cloak_keeps_its_distance_and_moves_toward_the_other_style(model):
    pictures = [picture(3, 40, 40), picture(4, 40, 40)]
    asked = ProtectSettings(steps=25, counter_steps=2)
    made = apply_step(parse_step("style-cloak:0.15"), pictures, context(model, pictures, asked=asked))
    for before, after in zip(pictures, made.pictures, strict=True):
        assert 0 < lpips_distance(before, after) <= 0.15
    assert np.subtract(made.last, made.first).max() < 0


def test_a_perceptual_budget_is_enforced_whatever_a_row_does(model):
    answer = Made([255 - picture(1)], (1.0,), (0.5,))
    broken = replace(TREATMENTS["style-cloak"], run=lambda pictures, argument, context: answer)
    with pytest.raises(RuntimeError, match="far, over"):
        apply_step(Step(broken, 0.1), [picture(1)], context(model, [picture(1)]))


@pytest.mark.parametrize(("height", "width"), [(33, 33), (50, 41), (63, 63), (65, 96), (100, 130)])
def test_noise_keeps_its_strength_through_the_resize_at_every_ratio(model, height, width):
    """On blocks of whole pixels 41 to 76 % were left, by what the ratio to the model's size happened to be."""
    grey = np.full((height, width, 3), 128, np.uint8)
    (noisy,) = treated("placebo:9", [grey], model)
    assert linf(grey, noisy) == 9
    left = float(to_model_size(to_tensor(noisy), 32).std()) / (9 / 127.5)
    assert left > 0.68
