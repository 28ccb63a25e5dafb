"""Which shapes works are trained on in, and which trainings share a pass."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audit.base.errors import BadInput
from audit.conditions.grain import grid_of, spread
from audit.executor.packing import Packing
from audit.images.tensors import to_model_size, to_shape
from audit.plan.buckets import beat_of, bucket_shapes, largest_shape, lost, nearest
from audit.plan.cells import make_cells
from audit.plan.cost import make_packs
from audit.plan.making import make_plan
from audit.plan.settings import MILD
from audit.plan.spec import load_spec
from audit.records import ArtistSet
from audit.store import Store
from audit.training.draws import Streams
from tests.builders import digest, make_work
from tests.builders import make_plan as built_plan

SIZES = ((1500, 1000), (1000, 1000), (1080, 1920))


def art(sizes, count=12, *, first=0):
    works = (make_work(first + i, split="drawn") for i in range(count))
    return tuple(
        work.model_copy(update={"height": sizes[i % len(sizes)][0], "width": sizes[i % len(sizes)][1]})
        for i, work in enumerate(works)
    )


@pytest.fixture
def planned(tmp_path):
    def make(sizes=SIZES, *, lab=False, side=1024, multiple=16, others=(), **asked):
        facts = built_plan().model.model_copy(
            update={"lab": lab, "family": "sdxl", "resolution": side, "multiple": 0 if lab else multiple}
        )
        spec = load_spec(
            {"originals": "x", "protect": ("encoder-pgd",), "primary_metric": "channel_stats", **asked}, None
        )
        artist = ArtistSet(artist="x", works=art(sizes))
        return make_plan(spec, artist=artist, model=facts, store=Store(tmp_path / "store"), other_works=others)

    return make


def cells_of(plan):
    treated = {c.name: [digest(f"{c.name} {w.id}") for w in plan.treated] for c in plan.conditions}
    return make_cells(plan, treated)


@pytest.mark.parametrize(("side", "multiple"), [(512, 64), (768, 64), (1024, 16), (1024, 32), (32, 8), (640, 128)])
def test_buckets_are_no_larger_than_the_square_and_cut_little(side, multiple):
    shapes = bucket_shapes(side, multiple=multiple)
    assert (side, side) in shapes
    assert {(w, h) for h, w in shapes} == set(shapes)
    for height, width in shapes:
        assert height * width <= side * side
        assert height % multiple == width % multiple == 0
        assert side / 2 <= min(height, width) <= max(height, width) <= 2 * side
    for ratio in np.exp(np.linspace(-np.log(4), np.log(4), 101)):
        height, width = nearest(round(1000 * ratio), 1000, shapes)
        found = width * ratio / height
        assert 1 - min(found, 1 / found) <= min(0.334, 1 - min(ratio, 1 / ratio) + 1e-3)
        if side == 1024:
            assert 1 - min(found, 1 / found) < 0.08


def test_at_1024_pixels_they_are_sizes_of_stable_diffusion_xl():
    shapes = bucket_shapes(1024, multiple=32)
    assert {(832, 1216), (896, 1152), (768, 1344), (640, 1536), (512, 2048)} <= set(shapes)
    assert nearest(1500, 1000, shapes) == (1216, 832)
    assert nearest(1080, 1920, shapes) == (768, 1344)
    assert nearest(10, 100, shapes) == (512, 2048)


def test_a_real_model_trains_in_buckets_and_the_lab_on_squares(planned):
    plan = planned()
    assert plan.crop == "buckets"
    assert [(b.height, b.width, len(b.works)) for b in plan.buckets] == [
        (1216, 832, 4),
        (1024, 1024, 4),
        (768, 1344, 4),
    ]
    assert largest_shape(plan) == (1024, 1024)
    own, square = lost(plan)
    assert (round(own, 3), round(square, 3)) == (0.014, 0.257)
    for squares in (planned(crop="square"), planned(lab=True)):
        assert (squares.crop, squares.buckets) == ("centre-square", ())
        assert "buckets" not in squares.model_dump(mode="json")
        assert {cell.frames for cell in cells_of(squares)} == {()}
    assert "multiple" not in plan.model.model_dump(mode="json")
    with pytest.raises(BadInput) as error:
        planned(lab=True, crop="buckets")
    assert error.value.slug == "crop-lab"


def test_all_conditions_of_a_replicate_have_the_shapes_of_its_works(planned):
    others = art(((500, 500),), first=100)
    plan = planned(control=("clean-again", "other-artist"), others=others, preset="quick", training={"works": 6})
    works = {work.id: work for work in plan.works}
    shapes = {id: (b.height, b.width) for b in plan.buckets for id in b.works}
    beats = {}
    for cell in cells_of(plan):
        assert [frame.shape for frame in cell.frames] == [shapes[id] for id in cell.works]
        assert [(f.height, f.width) for f in cell.frames] == [(works[id].height, works[id].width) for id in cell.works]
        beats.setdefault((cell.replicate, cell.condition == "clean-again"), set()).add(cell.beat)
    assert all(len(of) == 1 for of in beats.values())
    assert len(set.union(*beats.values())) == len(beats) == 4


def test_a_bucket_is_part_of_an_adapters_key_and_a_square_is_not(planned):
    square = cells_of(planned(crop="square", seed=1))[0]
    bucket = cells_of(planned(seed=1))[0]
    asked = {"model": "0" * 64, "settings": MILD, "precision": "fp32"}
    assert square.pixels == bucket.pixels
    assert square.key(**asked) != bucket.key(**asked)


def test_trainings_share_a_pass_only_where_they_share_a_shape_at_every_step(planned):
    plan = planned(control=("clean-again",), preset="standard")
    cells = cells_of(plan)
    of = [c.replicate for c in cells], range(len(cells)), Packing(cells=64)
    packs = make_packs(*of, beats=[c.beat for c in cells])
    assert sorted(row for pack in packs for row in pack) == list(range(len(cells)))
    assert all(len({cells[row].beat for row in pack}) == 1 for pack in packs)
    foreseen = [beat_of(plan, c, r) for r in range(1, plan.replicates + 1) for c in plan.conditions]
    assert sorted(map(len, packs)) == sorted(map(len, make_packs(*of, beats=foreseen)))
    # Works of one shape put no bound on it.
    alike = cells_of(planned(((1500, 1000),), preset="standard"))
    assert len({cell.beat for cell in alike}) == 1


@given(st.integers(0, 2**40), st.lists(st.sampled_from("abc"), min_size=1, max_size=20), st.integers(1, 9))
def test_a_step_has_one_kind_and_every_work_its_share(seed, kinds, batch):
    streams, passes = Streams(seed=seed, replicate=1), 6
    order = streams.order_within(kinds, steps=passes * len(kinds), batch=batch)
    assert all(len({kinds[row] for row in step}) == 1 for step in order)
    counts = Counter(order.ravel().tolist())
    assert set(counts.values()) == {passes * batch}
    longer = streams.order_within(kinds, steps=passes * len(kinds) + 3, batch=batch)
    assert np.array_equal(longer[: len(order)], order)
    if len(set(kinds)) == 1:
        assert np.array_equal(order, streams.order(works=len(kinds), steps=len(order), batch=batch))


def test_a_picture_is_cut_to_the_middle_of_its_bucket():
    picture = torch.linspace(-1, 1, 30).view(1, 1, 30, 1).expand(1, 3, 30, 20).contiguous()
    made = to_shape(picture, 12, 12)
    assert torch.equal(made, to_model_size(picture, 12))
    # Two to three in three to five: 0 rows are lost of 30, and 2 columns of 20.
    assert torch.equal(to_shape(picture, 30, 18), picture[..., 1:19])
    assert to_shape(picture, 10, 6).shape == (1, 3, 10, 6)
    assert float(to_shape(picture, 10, 6)[0, 0, 0, 0]) < -0.9


def test_noise_lies_on_the_grid_of_what_training_sees():
    """Off it, a tenth more of its strength would be averaged away."""
    assert grid_of(300, 200, shape=(64, 64)) == (96, 64)
    assert grid_of(300, 200, shape=(80, 48)) == (80, 53)
    assert grid_of(30, 20, shape=(64, 64)) == (30, 20)
    rng = np.random.default_rng(0)

    def left(grid):
        signs = spread(rng.integers(0, 2, (*grid, 3), dtype=np.int16) * 2 - 1, 1500, 1000)
        picture = torch.from_numpy(signs.astype(np.float32)).permute(2, 0, 1)[None] / 4
        return float(to_shape(picture, 640, 384).std() * 4)

    on_its_own, on_the_squares = (left(grid_of(1500, 1000, shape=shape)) for shape in ((640, 384), (512, 512)))
    assert on_its_own > 1.05 * on_the_squares
