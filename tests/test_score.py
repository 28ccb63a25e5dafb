"""`score`: prompts from names and sheets, the unit that is counted, intervals on planted truths, the checks."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from audit import records as r
from audit.base.errors import BadInput
from audit.collect.generated import collect_generated, prompt_of
from audit.collect.sheet import Asked, read_sheet
from audit.judge.score_estimates import (
    Both,
    brought_together,
    difference_interval,
    find_score,
    rate_over_units,
    share_interval,
)
from audit.judge.scored import judge_score
from audit.store import Store
from tests.builders import digest, make_work
from tests.e2e.folders import drawing
from tests.score_scenes import scene

LEVEL = 0.95


# --- prompts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("castle_2.png", "castle"),
        ("Castle (3).webp", "castle"),
        ("a-castle-by-x.jpg", "a castle by x"),
        ("user_castle_0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f_0.png", "user castle"),
        ("1.png", "1"),
        ("p1-4.png", "p1"),
        ("route 66.png", "route"),
    ],
)
def test_prompt_of_a_name(name, prompt):
    assert prompt_of(name) == prompt


@given(st.text(max_size=60), st.integers(0, 99))
def test_any_name_gives_one_printable_line_that_a_counter_does_not_change(text, number):
    found = prompt_of(f"x{text}.png")
    assert found
    assert found.isprintable()
    assert len(found) <= 200
    # A file's name holds no separator; what follows a point is its extension.
    if not text[-1:].isdigit() and not text.endswith((" ", "-", "_", ")")) and not set("./") & set(text):
        assert prompt_of(f"x{text}_{number}.png") == found


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=12).filter(lambda x: x == x.strip()),
        st.tuples(st.text(min_size=1, max_size=20).filter(lambda x: x.strip()), st.text(max_size=8)),
        max_size=8,
    )
)
def test_sheet_gives_back_what_was_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("sheet") / "sheet.csv"
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["File", "prompt", "session"])
    writer.writerows([name, *asked] for name, asked in rows.items())
    path.write_bytes(text.getvalue().encode("utf-8", errors="replace"))
    with _either():
        found = read_sheet(path)
        assert len(found) == len(rows)
    if any(not " ".join(prompt.split()) for prompt, _ in rows.values()):
        return
    found = read_sheet(path)
    assert [name for _, name in found] == list(rows)
    assert all(asked.prompt.isprintable() and asked.session.isprintable() for asked in found.values())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_sheet_or_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("sheet") / "s.csv"
    path.write_bytes(data)
    with pytest.raises(BadInput) if b"file" not in data.lower() else _either():
        read_sheet(path)


class _either:
    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        return kind is None or issubclass(kind, BadInput)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("file,session\na.png,1\n", "sheet-column"),
        ("file,prompt,prompt\na,b,c\n", "sheet-column"),
        ("file,prompt\na.png,x\na.png,y\n", "sheet-row"),
        ("file,prompt\na.png,\n", "sheet-row"),
        ("file,prompt,group\na.png,x,mine\n", "sheet-row"),
        ('file,prompt\n"a.png,x\n', "sheet-unreadable"),
    ],
)
def test_bad_sheets_are_refused(tmp_path, text, slug):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(BadInput) as caught:
        read_sheet(tmp_path / "s.csv")
    assert caught.value.slug == slug


def write(folder, names, first):
    folder.mkdir()
    for index, name in enumerate(names):
        Image.fromarray(drawing(first + index)).save(folder / name)
    return folder


def collected(tmp_path, *, sheet=None, works=(), **folders):
    store = Store(tmp_path / "store")
    return collect_generated(
        folders, sheet=sheet, works=works, save=store.put_pixels, progress=lambda done, total: None
    )


def test_groups_are_read_and_what_differs_is_noted(tmp_path):
    named = write(tmp_path / "n", ["cat_1.png", "cat_2.png", "dog.png", "owl.jpg"], 0)
    control = write(tmp_path / "c", ["cat.png", "dog 7.png", "fox.png"], 50)
    pictures, notes = collected(tmp_path, named=named, control=control)
    assert [(p.group, p.prompt) for p in pictures] == [
        ("named", "cat"), ("named", "cat"), ("named", "dog"), ("named", "owl"),
        ("control", "cat"), ("control", "dog"), ("control", "fox"),
    ]  # fmt: skip
    assert [n.slug for n in notes] == ["prompts-left-out"]
    assert "'fox'" in notes[0].sentence
    assert "'owl'" in notes[0].sentence


def test_a_sheet_wins_over_names_and_must_be_whole(tmp_path):
    named = write(tmp_path / "n", ["1.png", "2.png"], 0)
    sheet = {("", "1.png"): Asked("cat", "mon"), ("named", "2.png"): Asked("dog", "tue"), ("", "3.png"): Asked("x")}
    pictures, notes = collected(tmp_path, sheet=sheet, named=named)
    assert [(p.prompt, p.session) for p in pictures] == [("cat", "mon"), ("dog", "tue")]
    assert [n.slug for n in notes] == ["sheet-rows-alone"]
    with pytest.raises(BadInput, match="no row in the sheet"):
        collected(tmp_path, sheet={("control", "1.png"): Asked("cat")}, named=named)


def test_a_picture_in_two_places_is_refused(tmp_path):
    named = write(tmp_path / "n", ["cat.png", "cat 2.png"], 0)
    control = write(tmp_path / "c", ["dog.png"], 1)
    with pytest.raises(BadInput) as caught:
        collected(tmp_path, named=named, control=control)
    assert caught.value.slug == "generated-same"
    own = make_work(0).model_copy(update={"pixels": Store(tmp_path / "store").put_pixels(drawing(0))})
    with pytest.raises(BadInput, match=r"the work 'work 0\.png'"):
        collected(tmp_path, works=[own], named=named)


# --- numbers -----------------------------------------------------------------------------------------


def test_pictures_of_a_prompt_are_one_unit():
    """Ten times the same pictures of each prompt change nothing: they were never counted."""
    once, often = (judge_score(scene(per_prompt=n, picture_sd=0.0)) for n in (1, 10))
    for name in ("style_score", "score_difference", "closeness_share", "p_sign_flip"):
        a, b = (find_score(x, name, "control" if name != "style_score" else "named") for x in (once, often))
        assert a is not None
        assert b is not None
        assert (a.n, a.value, a.low, a.high) == pytest.approx((b.n, b.value, b.low, b.high))
    assert find_score(often, "closeness_share", "control").n == 12


def test_counting_pictures_would_raise_false_alarms_and_counting_prompts_does_not():
    """A/A: 12 prompts of 4 pictures, each group with a part of its own per prompt; 5 % asked for."""
    rng, alarms, trials = np.random.default_rng(2), np.zeros(2), 1000
    for _ in range(trials):
        named, control = (rng.normal(0, 0.05, (12, 1)) + rng.normal(0, 0.05, (12, 4)) for _ in range(2))
        pairs = (Both(named.mean(1), control.mean(1), paired=True), Both(named.ravel(), control.ravel(), paired=True))
        for index, both in enumerate(pairs):
            found = difference_interval(both, level=LEVEL)
            alarms[index] += not found.low <= 0 <= found.high
    by_prompt, by_picture = alarms / trials
    assert by_prompt < 0.07
    assert by_picture > 0.2


def test_sessions_are_counted_only_when_asked_for():
    by_prompt, by_session = (judge_score(scene(sessions=3, unit=u)) for u in ("prompt", "prompt-session"))
    assert find_score(by_prompt, "score_difference", "control").n == 12
    assert find_score(by_session, "score_difference", "control").n == 36


def test_paired_and_unpaired_differences_are_the_textbook_ones():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.5, 0.1, 9), rng.normal(0.3, 0.2, 9)
    paired = difference_interval(Both(a, b, paired=True), level=LEVEL)
    known = stats.ttest_rel(a, b).confidence_interval(LEVEL)
    assert (paired.low, paired.high) == pytest.approx((known.low, known.high))
    apart = difference_interval(Both(a, b[:5], paired=False), level=LEVEL)
    known = stats.ttest_ind(a, b[:5], equal_var=False).confidence_interval(LEVEL)
    assert (apart.low, apart.high) == pytest.approx((known.low, known.high))


def test_only_shared_prompts_are_paired():
    both = brought_together({("a", ""): 1.0, ("b", ""): 2.0}, {("b", ""): 5.0, ("c", ""): 6.0})
    assert (both.named.tolist(), both.other.tolist(), both.paired) == ([2.0], [5.0], True)
    both = brought_together({("a", ""): 1.0}, {("b", ""): 5.0, ("c", ""): 6.0})
    assert (both.units(), both.paired) == (1, False)


@pytest.mark.parametrize("paired", [True, False])
def test_the_share_covers_its_truth(paired):
    """Planted share 0.4; prompts share a part of their score, so pairing matters. 95 % asked for."""
    rng, hits, trials = np.random.default_rng(1), 0, 800
    for _ in range(trials):
        prompt = rng.normal(0, 0.1, 10)
        named = 0.28 + (prompt if paired else rng.normal(0, 0.1, 10)) + rng.normal(0, 0.05, 10)
        other = 0.2 + prompt + rng.normal(0, 0.05, 10)
        real = 0.4 + rng.normal(0, 0.05, 14)
        found = share_interval(Both(named, other, paired=paired), real, level=LEVEL)
        hits += found.low is None or found.low <= 0.4 <= found.high
    assert 0.93 <= hits / trials <= 0.99


def test_rates_at_the_edge_keep_an_exact_bound():
    none = rate_over_units(np.zeros(10), level=LEVEL)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(stats.beta.ppf(0.975, 1, 10))
    every = rate_over_units(np.ones(10), level=LEVEL)
    assert (every.value, every.high) == (1.0, 1.0)
    assert every.low == pytest.approx(1 - none.high)
    assert rate_over_units(np.ones(1), level=LEVEL).low is None


# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"named": 0.5}, "closer"),
        ({"named": 0.2}, "not-closer"),
        ({"named": 0.25, "prompt_sd": 0.2}, "unclear"),
        ({"named": 0.5, "prompts": 4}, "exploratory"),
        ({"named": 0.5, "references": False}, "exploratory"),
        ({"named": 0.5, "control": None}, "described"),
        ({"named": 0.5, "others": 0.6}, "not-valid"),
        ({"named": 0.5, "other_name": 0.5}, "not-valid"),
        ({"named": 0.5, "other_name": 0.2}, "closer"),
        ({"named": 0.2, "other_name": 0.2}, "not-closer"),
    ],
)
def test_words(changes, label):
    judged = judge_score(scene(**changes))
    assert judged.verdict is not None
    assert judged.verdict.label == label, judged.verdict
    assert judge_score(judged) == judged
    assert r.ScoreResults.model_validate_json(judged.model_dump_json()) == judged


def test_a_name_that_does_nothing_is_seldom_called_closer():
    """A/A: named and control pictures from one distribution; `closer` needs more than a tenth of the way."""
    said = [judge_score(scene(named=0.2, seed=seed, prompt_sd=0.1)).verdict for seed in range(60)]
    assert sum(v is not None and v.label == "closer" for v in said) <= 1


def test_missing_scores_are_left_out_and_never_zero():
    whole = scene()
    gone = tuple(None if i < 2 else v for i, v in enumerate(whole.scores[0].values))
    scores = (whole.scores[0].model_copy(update={"values": gone}), *whole.scores[1:])
    judged = judge_score(whole.model_copy(update={"scores": scores}))
    row = find_score(judged, "style_score", "named")
    assert row is not None
    assert row.n == 11
    assert row.low is not None
    assert row.low > 0.3


def test_digests_of_scenes_are_valid():
    assert len(digest("x")) == 64
