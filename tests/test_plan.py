"""The plan: conditions, controls, prompts and cells, and what makes them paired."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.base.errors import BadInput
from audit.plan.cells import make_cells
from audit.plan.conditions import make_conditions, placebo_budget, without_treatment
from audit.plan.draws import draw_notes
from audit.plan.making import check_names, interim_analyses, make_plan
from audit.plan.prompt_lists import LISTS, list_digest, subjects
from audit.plan.prompts import PROMPTS, choose_prompts, prompt_notes
from audit.plan.spec import Spec, load_spec
from audit.records import ArtistSet, Condition, PromptList, ProtectedFile
from audit.records.seeding import derived_seed
from audit.store import Store
from audit.training.draws import Streams
from tests.builders import digest, make_work
from tests.builders import make_plan as built_plan


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def artist():
    return ArtistSet(artist="x", works=tuple(make_work(i, split="drawn") for i in range(12)))


def spec(**values):
    return load_spec({"originals": "x", **values}, None)


def test_arms_are_read_from_options_and_spec_files(tmp_path):
    (tmp_path / "a=b").mkdir()
    (tmp_path / "audit.toml").write_text(
        'originals = "art"\n[protected]\nglaze-low = "low"\nglaze-high = "high"\n', encoding="utf-8"
    )
    (tmp_path / "one.toml").write_text('originals = "art"\nprotected = "safe"\n', encoding="utf-8")
    folder = str(tmp_path / "a=b")
    assert spec(protected=("y",)).protected == {"protected": Path("y")}
    assert spec(protected=("low=x", "high=y")).protected == {"low": Path("x"), "high": Path("y")}
    assert spec(protected=(folder,)).protected == {"protected": Path(folder)}
    assert load_spec({}, tmp_path / "audit.toml").protected == {
        "glaze-low": tmp_path / "low", "glaze-high": tmp_path / "high",
    }  # fmt: skip
    assert load_spec({}, tmp_path / "one.toml").protected == {"protected": tmp_path / "safe"}
    assert load_spec({"protected": ("z",)}, tmp_path / "audit.toml").protected == {"protected": Path("z")}
    for arms, slug in (
        (("x", "y"), "arm-twice.unnamed"),
        (("a=x", "a=y"), "arm-twice"),
        (("A B=x",), "arm-name"),
        (("ü=x",), "arm-name"),
    ):
        with pytest.raises(BadInput) as error:
            spec(protected=arms)
        assert error.value.slug == slug.split(".")[0]


@pytest.mark.parametrize("name", ["clean", "base", "jpeg", "placebo", "clean-again", "diluted"])
def test_an_arm_is_not_called_like_something_else(name):
    with pytest.raises(BadInput) as error:
        check_names(spec(protected=(f"{name}=x",)))
    assert error.value.slug == "arm-name"


def test_each_arm_is_a_protection_with_all_ways_around_it(artist, store):
    found = make_conditions(
        spec(protected=("low=x", "high=y"), against=("jpeg:50",), preset="quick"), artist=artist, store=store
    )
    assert [(c.name, c.source, c.arm, c.of, c.primary) for c in found] == [
        ("clean", "originals", "protected", None, False),
        ("low", "protected-files", "low", None, True),
        ("high", "protected-files", "high", None, True),
        ("low+jpeg:50", "protected-files", "low", "low", True),
        ("high+jpeg:50", "protected-files", "high", "high", True),
        ("clean+jpeg:50", "originals", "protected", "clean", False),
    ]


def test_each_protection_has_a_placebo_of_its_own_strength(artist, store):
    def placebos(**values):
        found = make_conditions(spec(control=("placebo",), preset="quick", **values), artist=artist, store=store)
        return [(c.name, c.steps, c.budget, c.matches) for c in found if c.role == "placebo"]

    weak, strong, seen = "encoder-pgd:8", "encoder-pgd:16", "style-cloak:0.1"
    assert placebos(protect=(strong,)) == [("placebo", ("placebo:16",), 16, (strong,))]
    assert placebos(protect=(weak, strong, "denoiser-pgd:16")) == [
        ("placebo:8", ("placebo:8",), 8, (weak,)),
        ("placebo:16", ("placebo:16",), 16, (strong, "denoiser-pgd:16")),
    ]
    assert placebos(protect=(strong, seen)) == [
        ("placebo:16", ("placebo:16",), 16, (strong,)),
        (f"placebo-lpips@{seen}", (seen, "placebo-lpips:0"), None, (seen,)),
    ]


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
    def made(preset, **more):
        return make_conditions(spec(protect=("encoder-pgd:9",), preset=preset, **more), artist=artist, store=store)

    def names(preset, **more):
        return [c.name for c in made(preset, **more)]

    ways = ["jpeg", "tone", "diffusion", "noisy-upscale"]
    around = [f"encoder-pgd:9+{way}" for way in ways]
    assert names("standard") == ["clean", "encoder-pgd:9", *around, "placebo", "null", "placebo-tone"]
    assert names("standard", battery=False) == ["clean", "encoder-pgd:9", "placebo", "null"]
    twice = [name for way in ways for name in (f"encoder-pgd:9+{way}", f"clean+{way}")]
    controls = ["placebo", "null", "clean-again", "identity", "other-artist", "placebo-tone"]
    assert names("court") == ["clean", "encoder-pgd:9", *twice, *controls]
    assert names("quick") == ["clean", "encoder-pgd:9"]
    assert all(c.primary for c in made("standard") if c.role == "counter")
    # What was typed is not tried twice, unless it is too weak to count.
    typed = names("standard", against=("jpeg:60+vae", "noisy-upscale:5"))
    assert "encoder-pgd:9+jpeg" not in typed
    assert "encoder-pgd:9+noisy-upscale" in typed
    with pytest.raises(BadInput, match="always tries the usual ways"):
        names("court", battery=False)


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
    prompts = choose_prompts(spec(), ArtistSet(artist="x", works=works), lab=True)
    assert len(prompts) == len(choose_prompts(spec(), artist, lab=True)) - 2
    assert not {"castle", "cat"} & {word for p in prompts for word in p.split()}
    assert "castle" in choose_prompts(spec(), artist, lab=True)


def test_a_list_that_the_captions_use_up_is_filled_to_what_a_replicate_asks_for(artist):
    listed = choose_prompts(spec(), artist, lab=True)
    works = tuple(w.model_copy(update={"caption": " ".join(listed[3:])}) for w in artist.works)
    assert choose_prompts(spec(preset="quick"), ArtistSet(artist="x", works=works), lab=True) == listed[:12]


def test_lists_are_of_their_own_words_and_drawn_by_name(artist, store):
    for name in LISTS:
        listed = subjects(name)
        assert len(set(listed)) == len(listed) >= 2 * max(PROMPTS.values())
        plan = drawn_plan(artist, store, prompt_list=name)
        assert plan.prompts == listed
        assert plan.prompt_list == PromptList(name=name, listed=len(listed), sha256=list_digest(listed), shared=0)
    assert not set(subjects("lab")) & set(subjects("everyday"))
    assert choose_prompts(spec(), artist, lab=False) == subjects("everyday")


def test_prompts_that_name_what_works_show_are_counted_and_said(artist, store, tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("a CASTLE with the cat\nthe moon\nbricks\n", encoding="utf-8")
    works = tuple(w.model_copy(update={"caption": "the castle with two towers"}) for w in artist.works)
    plan = drawn_plan(artist.model_copy(update={"works": works}), store, prompts=path)
    assert plan.prompt_list == PromptList(name="", listed=3, sha256=list_digest(plan.prompts), shared=1)
    (note,) = prompt_notes(plan)
    assert note.sentence.startswith("1 of 3 prompts share a word")
    assert prompt_notes(drawn_plan(artist, store, prompts=path)) == ()


@pytest.mark.parametrize(
    ("options", "slug"),
    [({"prompt_list": "mine"}, "prompt-list-unknown"), ({"prompt_list": "lab", "prompts": "p.txt"}, "prompts-twice")],
)
def test_a_list_that_cannot_be_drawn_from_is_refused_at_once(options, slug):
    with pytest.raises(BadInput) as refused:
        check_names(spec(protect=("encoder-pgd",), **options))
    assert refused.value.slug == slug


def test_prompt_files_are_taken_as_they_are(artist, tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("# comment\n cat \n\ncat\nred\u202ehouse\n", encoding="utf-8")
    assert choose_prompts(spec(prompts=path), artist, lab=True) == ("cat", "red\N{REPLACEMENT CHARACTER}house")


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


def drawn_plan(artist, store, **values):
    asked = spec(**{"protect": ("encoder-pgd:9",), "training": {"works": 5}, **values})
    return make_plan(asked, artist=artist, model=built_plan().model, store=store)


def test_every_replicate_draws_its_own_works_and_prompts(artist, store):
    plan = drawn_plan(artist, store, control=("clean-again",), replicates=12, seed=0)
    ids = [w.id for w in plan.works]
    assert [d.replicate for d in plan.draws] == list(range(1, 13))
    for draw in plan.draws:
        assert (len(draw.held_out), len(draw.trained), len(draw.prompts)) == (4, 5, 24)
        assert not {*draw.held_out} & {*draw.trained, *draw.trained_again}
        assert {*draw.trained_again} <= {w.id for w in plan.pool(draw.replicate)}
        for drawn in (draw.held_out, draw.trained, draw.trained_again):
            assert sorted(drawn, key=ids.index) == list(drawn)
        assert sorted({*draw.prompts}) == list(draw.prompts)
    for what in ("held_out", "trained", "trained_again", "prompts"):
        assert len({getattr(draw, what) for draw in plan.draws}) > 6
    longer = drawn_plan(artist, store, control=("clean-again",), replicates=13, seed=0)
    assert longer.draws[:12] == plan.draws
    assert drawn_plan(artist, store, seed=1).draws[0] != plan.draws[0]
    assert all(not draw.trained_again for draw in drawn_plan(artist, store).draws)


def test_a_short_list_of_prompts_is_asked_whole(artist, store, tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("cat\nfox\n", encoding="utf-8")
    plan = drawn_plan(artist, store, prompts=path)
    assert {draw.prompts for draw in plan.draws} == {(0, 1)}


def test_works_and_prompts_are_drawn_as_often_as_others(artist, store):
    plan = drawn_plan(artist, store, replicates=600)
    held_out = Counter(work for draw in plan.draws for work in draw.held_out)
    # Binomial(600, 1/3): mean 200, standard deviation 11.5; so are works trained on, 5 of 12.
    assert all(150 < held_out[w.id] < 250 for w in plan.works)
    trained = Counter(work for draw in plan.draws for work in draw.trained)
    assert all(200 < trained[w.id] < 300 for w in plan.works)
    asked, share = Counter(place for draw in plan.draws for place in draw.prompts), 24 / len(plan.prompts)
    deviation = (600 * share * (1 - share)) ** 0.5
    assert all(abs(asked[place] - 600 * share) < 5 * deviation for place in range(len(plan.prompts)))


def test_works_that_look_alike_stay_on_one_side_or_are_noted(artist, store):
    twins = artist.model_copy(update={"alike": (("w000", "w001"),)})
    plan = drawn_plan(twins, store, replicates=40)
    assert all(("w000" in draw.held_out) is ("w001" in draw.held_out) for draw in plan.draws)
    assert any("w000" in draw.held_out for draw in plan.draws)
    assert draw_notes(twins, plan.draws) == ()
    many = artist.model_copy(update={"alike": tuple(("w000", f"w{i:03d}") for i in range(1, 12))})
    (note,) = draw_notes(many, drawn_plan(many, store).draws)
    assert note.slug == "near-duplicate-works"


def test_trainings_are_of_what_their_replicate_drew(artist, store):
    others = tuple(make_work(100 + i) for i in range(12))
    plan = drawn_plan(artist, store, control=("clean-again", "other-artist"), replicates=3)
    plan = plan.model_copy(update={"other_works": others})
    pictures = {c.name: [digest(f"{c.name} {w.id}") for w in plan.works] for c in plan.conditions}
    pictures["other-artist"] = [w.pixels for w in others]
    for cell in make_cells(plan, pictures):
        draw = plan.draw(cell.replicate)
        drawn = draw.trained_again if cell.condition == "clean-again" else draw.trained
        assert cell.works == drawn
        if cell.condition == "other-artist":
            # As many different ones as were drawn, whichever works are held out.
            assert len(set(cell.pixels)) == len(drawn)
            captions = [w.caption for w in others if w.pixels in cell.pixels]
        else:
            assert cell.pixels == tuple(digest(f"{cell.condition} {work}") for work in drawn)
            captions = [w.caption for w in plan.works if w.id in drawn]
        assert [text.split(" by ")[0] for text in cell.captions] == captions


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
def test_an_analysis_comes_once_or_after_each_replicate(artist, store, until_decided, replicates, expected):
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
        ("placebo-lpips@encoder-pgd:8", "placebo", "originals", ("encoder-pgd:8", "placebo-lpips:0")),
        ("placebo-lpips@denoiser-pgd:16", "placebo", "originals", ("denoiser-pgd:16", "placebo-lpips:0")),
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


@pytest.mark.parametrize(("share", "replaced"), [(0.01, 1), (0.25, 2), (0.5, 4), (0.99, 7)])
def test_a_diluted_training_has_another_artists_works_in_its_share_of_places(share, replaced):
    base = built_plan()
    others = tuple(make_work(100 + i) for i in range(5))
    condition = without_treatment(f"diluted:{share}")
    training = base.training.model_copy(update={"works": 8})
    plan = base.model_copy(
        update={"conditions": (base.conditions[0], condition), "other_works": others, "training": training}
    )
    pool = [w for w in plan.works if w.split == "pool"]
    pictures = {"clean": [w.id for w in pool], condition.name: [f"other {i}" for i in range(len(pool))]}
    cells = make_cells(plan, pictures)
    for clean, diluted in zip(cells[::2], cells[1::2], strict=True):
        assert (clean.works, clean.streams) == (diluted.works, diluted.streams)
        rows = zip(clean.pixels, clean.captions, diluted.pixels, diluted.captions, strict=True)
        kept = [(pixels, caption) == (own, ours) for own, ours, pixels, caption in rows]
        assert kept.count(False) == replaced
        assert all(
            c.split(" by ")[0] in {w.caption for w in others}
            for c, k in zip(diluted.captions, kept, strict=True)
            if not k
        )
    places = [
        tuple(a == b for a, b in zip(x.pixels, y.pixels, strict=True))
        for x, y in zip(cells[::2], cells[1::2], strict=True)
    ]
    assert len(set(places)) > 1, "every replicate draws the places anew"


@pytest.mark.parametrize("text", ["diluted", "diluted:", "diluted:half", "diluted:0", "diluted:1", "diluted:nan"])
def test_a_share_that_is_none_is_refused(text):
    with pytest.raises(BadInput) as error:
        without_treatment(text)
    assert error.value.slug == "treatment-argument"


def test_the_plan_tells_every_treatment_with_source_and_settings(artist, store):
    facts = built_plan().model
    plan = make_plan(
        spec(protect=("denoiser-pgd:8",), against=("noise:13+vae",), protection={"steps": 7}, battery=False),
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


# --- the seed -----------------------------------------------------------------------------------------


def test_the_seed_follows_from_the_plan_and_from_nothing_else(artist, store):
    plan = drawn_plan(artist, store)
    assert plan == drawn_plan(artist, store)
    assert (plan.seed_source, plan.seed) == ("plan", derived_seed(plan))
    # By hand: SHA-256 of the canonical JSON, its first eight bytes.
    fixed = json.loads(plan.model_dump_json())
    for name in ("seed", "seed_source", "draws", "tool_version"):
        del fixed[name]
    text = json.dumps(fixed, sort_keys=True, separators=(",", ":"))
    assert plan.seed == int(hashlib.sha256(text.encode()).hexdigest()[:16], 16)
    assert derived_seed(plan.model_copy(update={"tool_version": "9"})) == plan.seed


def test_whoever_gives_a_seed_is_said_to_have_chosen_it(artist, store):
    given, other = drawn_plan(artist, store, seed=0), drawn_plan(artist, store, preset="quick")
    assert (given.seed_source, given.seed) == ("given", 0)
    assert len({plan.seed for plan in (given, other, drawn_plan(artist, store))}) == 3
    assert other.draws != drawn_plan(artist, store).draws
