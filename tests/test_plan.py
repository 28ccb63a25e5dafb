"""The plan: conditions, controls, prompts and cells, and what makes them paired."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.base.errors import BadInput
from audit.plan.cells import make_cells
from audit.plan.conditions import make_conditions, placebo_budget
from audit.plan.making import check_names, interim_analyses, make_plan
from audit.plan.prompts import choose_prompts
from audit.plan.spec import Spec, load_spec
from audit.records import ArtistSet, Condition, ProtectedFile
from audit.store import Store
from audit.training.draws import Streams
from tests.builders import digest, make_work
from tests.builders import make_plan as built_plan


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def artist():
    return ArtistSet(artist="x", works=tuple(make_work(i, split="reference" if i % 3 else "pool") for i in range(12)))


def spec(**values):
    return load_spec({"originals": "x", **values}, None)


def test_against_adds_every_protection_and_the_clean_twin(artist, store):
    found = make_conditions(
        spec(protect=("encoder-pgd:8", "encoder-pgd:16"), against=("jpeg:50+jpeg:30",), preset="quick"),
        artist=artist,
        store=store,
    )
    assert [(c.name, c.primary) for c in found] == [
        ("clean", False),
        ("encoder-pgd:8", True),
        ("encoder-pgd:16", True),
        ("encoder-pgd:8+jpeg:50+jpeg:30", True),
        ("encoder-pgd:16+jpeg:50+jpeg:30", True),
        ("clean+jpeg:50+jpeg:30", False),
    ]
    assert found[3].steps == ("encoder-pgd:8", "jpeg:50", "jpeg:30")


def test_controls_are_added_by_the_preset_except_in_quick(artist, store):
    def names(preset):
        return [
            c.name for c in make_conditions(spec(protect=("encoder-pgd:9",), preset=preset), artist=artist, store=store)
        ]

    assert names("standard") == ["clean", "encoder-pgd:9", "placebo", "null"]
    assert names("court") == ["clean", "encoder-pgd:9", "placebo", "null", "clean-again", "identity", "other-artist"]
    assert names("quick") == ["clean", "encoder-pgd:9"]


def test_placebo_of_delivered_files_has_their_median_rms(artist, store):
    works, files = [], []
    for i, level in enumerate((4, 6, 30)):
        before = np.full((16, 16, 3), 100, np.uint8)
        before[0, 0] = i
        work = make_work(i).model_copy(update={"pixels": store.put_pixels(before), "width": 16, "height": 16})
        works.append(work)
        files.append(
            ProtectedFile(
                work=work.id, name="p", sha256=digest("p"), pixels=store.put_pixels(before + np.uint8(level)),
                width=16, height=16, matched_by="name",
            )
        )  # fmt: skip
    artist = ArtistSet(artist="x", works=tuple(works), protected=tuple(files))
    (condition,) = [
        c for c in make_conditions(spec(protected="y"), artist=artist, store=store) if c.role == "protected"
    ]
    assert placebo_budget(condition, artist=artist, store=store) == 6


def test_prompts_share_no_word_with_the_captions(artist):
    works = tuple(w.model_copy(update={"caption": "castle and a Cat"}) for w in artist.works)
    prompts = choose_prompts(spec(), ArtistSet(artist="x", works=works))
    assert len(prompts) == 24
    assert not {"castle", "cat"} & {word for p in prompts for word in p.split()}
    assert "castle" in choose_prompts(spec(), artist)


def test_prompt_files_are_taken_as_they_are(artist, tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("# comment\n cat \n\ncat\nred\u202ehouse\n", encoding="utf-8")
    assert choose_prompts(spec(prompts=path), artist) == ("cat", "red\N{REPLACEMENT CHARACTER}house")


def test_all_conditions_of_a_replicate_share_every_draw():
    plan = built_plan()
    pool = [w for w in plan.works if w.split == "pool"]
    pictures = {c.name: [digest(f"{c.name} {w.id}") for w in pool] for c in plan.conditions}
    cells = make_cells(plan, pictures)
    assert len(cells) == len(plan.conditions) * plan.replicates
    for replicate in range(1, plan.replicates + 1):
        group = [c for c in cells if c.replicate == replicate]
        assert len({(c.streams, c.works, c.captions) for c in group}) == 1
        assert len({c.pixels for c in group}) == len(group)


@given(st.integers(0, 2**40), st.integers(1, 50), st.integers(1, 30), st.integers(1, 9))
def test_streams_are_pure_and_balanced(seed, replicate, works, batch):
    streams = Streams(seed=seed, replicate=replicate)
    order = streams.order(works=works, steps=7, batch=batch)
    assert order.shape == (7, batch)
    counts = np.bincount(order.ravel(), minlength=works)
    assert counts.max() - counts.min() <= 1
    assert np.array_equal(order, Streams(seed=seed, replicate=replicate).order(works=works, steps=7, batch=batch))
    longer = streams.order(works=works, steps=9, batch=batch)
    assert np.array_equal(longer[:7], order)


def test_settings_from_a_spec_reach_the_plan_and_bad_ones_are_named(artist, store):
    facts = built_plan().model
    plan = make_plan(spec(protect=("encoder-pgd",), training={"rank": 4}), artist=artist, model=facts, store=store)
    assert plan.training.rank == 4
    with pytest.raises(BadInput, match=r"training\.rnk"):
        make_plan(spec(protect=("encoder-pgd",), training={"rnk": 4}), artist=artist, model=facts, store=store)


def test_the_plans_digest_moves_with_every_field():
    plan = built_plan()
    assert plan.digest() == built_plan().digest()
    changed = plan.margins.model_copy(update={"held": 0.4})
    assert plan.model_copy(update={"margins": changed}).digest() != plan.digest()


def test_spec_is_a_record():
    assert isinstance(spec(), Spec)


@pytest.mark.parametrize(
    ("until_decided", "replicates", "expected"),
    [(False, None, [6]), (False, 3, [3]), (True, None, [6, 7, 8, 9, 10, 11, 12]), (True, 7, [6, 7]), (True, 4, [4])],
)
def test_looks_are_once_or_after_each_replicate(artist, store, until_decided, replicates, expected):
    wanted = spec(protect=("encoder-pgd:9",), until_decided=until_decided, replicates=replicates)
    plan = make_plan(wanted, artist=artist, model=built_plan().model, store=store)
    found = interim_analyses(plan)
    assert [part.stop - 1 for part in found] == expected
    assert [r for part in found for r in part] == list(range(1, plan.replicates + 1))


def test_the_plan_says_what_is_tested_and_with_what(artist, store):
    wanted = spec(protect=("encoder-pgd:9",), against=("jpeg:50",))
    plan = make_plan(wanted, artist=artist, model=built_plan().model, store=store)
    assert [h.condition for h in plan.hypotheses] == [c.name for c in plan.conditions if c.primary]
    assert all("above 0.5 (held)" in h.sentence and "channel_stats" in h.sentence for h in plan.hypotheses)
    assert set(plan.metric_weights) == set(plan.metrics)
    assert plan.digest() != plan.model_copy(update={"margins": plan.margins.model_copy(update={"held": 0.4})}).digest()


def test_controls_of_this_plan_become_conditions(artist, store):
    found = make_conditions(
        spec(
            protect=("encoder-pgd:8", "denoiser-pgd:16"),
            control=("placebo-lpips", "mixed:0.5", "other-artist:some folder", "placebo-lpips:0.2"),
            preset="quick",
        ),
        artist=artist,
        store=store,
    )
    assert [(c.name, c.role, c.source, c.steps) for c in found[3:]] == [
        ("placebo-lpips", "placebo", "originals", ("denoiser-pgd:16", "placebo-lpips:0")),
        ("encoder-pgd:8+mixed:0.5", "control", "originals", ("encoder-pgd:8", "mixed:0.5")),
        ("denoiser-pgd:16+mixed:0.5", "control", "originals", ("denoiser-pgd:16", "mixed:0.5")),
        ("other-artist", "control", "other-artist", ()),
        ("placebo-lpips:0.2", "placebo", "originals", ("placebo-lpips:0.2",)),
    ]
    (alone,) = [
        c
        for c in make_conditions(spec(protected="y", control=("mixed",), preset="quick"), artist=artist, store=store)
        if c.role == "control"
    ]
    assert (alone.name, alone.source, alone.steps) == ("mixed", "protected-files", ("mixed:0.25",))


def test_folders_in_a_spec_file_are_relative_to_it(tmp_path):
    (tmp_path / "audit.toml").write_text(
        'originals = "art"\ncontrol = ["null", "other-artist:others", "other-artist"]\n', encoding="utf-8"
    )
    found = load_spec({}, tmp_path / "audit.toml")
    assert found.control == ("null", f"other-artist:{tmp_path / 'others'}", "other-artist")


def test_another_artists_pictures_come_with_their_own_captions():
    base = built_plan()
    others = tuple(make_work(100 + i) for i in range(5))
    condition = Condition(name="other-artist", role="control", source="other-artist")
    plan = base.model_copy(update={"conditions": (base.conditions[0], condition), "other_works": others})
    pool = [w for w in plan.works if w.split == "pool"]
    pictures = {c.name: [digest(f"{c.name} {w.id}") for w in pool] for c in plan.conditions}
    clean, other = make_cells(plan, pictures)[:2]
    assert clean.works == other.works
    assert clean.streams == other.streams
    assert {c.split(" by ")[0] for c in other.captions} <= {w.caption for w in others}
    assert not set(clean.captions) & set(other.captions)


def test_the_plan_tells_every_treatment_with_source_and_settings(artist, store):
    facts = built_plan().model
    plan = make_plan(
        spec(protect=("denoiser-pgd:8",), against=("noise:13+vae",), protection={"steps": 7}),
        artist=artist,
        model=facts,
        store=store,
        surrogate=facts.model_copy(update={"name": "another"}),
    )
    told = {r.step: r for r in plan.recipes}
    assert set(told) == {"denoiser-pgd:8", "noise:13", "vae", "placebo:8", "null"}
    assert told["denoiser-pgd:8"].settings["steps"] == "7"
    assert told["denoiser-pgd:8"].settings["surrogate"] == "another"
    assert all(r.source for r in plan.recipes)
    with pytest.raises(BadInput, match=r"protection\.crop"):
        make_plan(spec(protect=("encoder-pgd",), protection={"crop": "round"}), artist=artist, model=facts, store=store)


def test_a_fallback_holds_only_where_nobody_names_originals(tmp_path):
    fallback = {"originals": "built-in", "artist": "theirs"}
    file = tmp_path / "audit.toml"
    file.write_text('originals = "mine"\nartist = "me"\n', encoding="utf-8")
    found = load_spec({}, file, otherwise=fallback)
    assert (found.originals, found.artist) == (tmp_path / "mine", "me")
    assert load_spec({"originals": "x"}, None, otherwise=fallback).artist != "theirs"
    file.write_text("replicates = 3\n", encoding="utf-8")
    found = load_spec({}, file, otherwise=fallback)
    assert (found.originals.name, found.artist, found.replicates) == ("built-in", "theirs", 3)


def test_a_prompt_file_is_read_before_any_picture(tmp_path):
    with pytest.raises(BadInput) as refused:
        check_names(spec(protect=("encoder-pgd",), prompts=tmp_path / "nowhere.txt"))
    assert refused.value.slug == "prompts-unreadable"
