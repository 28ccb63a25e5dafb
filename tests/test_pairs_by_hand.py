"""Pairs as a person sees and mends them: told whole, chosen by hand, still refused where they show something else."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from audit.base.errors import BadInput
from audit.cli import app
from audit.collect import collect
from audit.collect.by_hand import ByHand, read_pairs, write_pairs
from audit.collect.looked import look_at_pairs
from audit.images import pixels_digest
from tests.works import WORDS, cloak, put, work


def looked(folders, by_hand=None):
    found = look_at_pairs(originals=folders[0], protected={"protected": folders[1]}, by_hand=by_hand)
    (arm,) = found.arms
    return found, arm


def collected(folders, by_hand):
    return collect(
        originals=folders[0], protected={"protected": folders[1]}, artist="", save=pixels_digest, by_hand=by_hand
    )


def test_all_that_cannot_be_used_is_told_at_once(folders):
    originals, cloaked = folders
    (originals / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no")
    put(originals / "alone.png", work(50))
    (cloaked / "fox.png").rename(cloaked / "no name of ours.png")
    put(cloaked / "castle.png", cloak(work(3), seed=7))  # shows the tree
    put(cloaked / "boat.png", work(4))  # unchanged
    put(cloaked / "queen-glazed.png", cloak(work(5), seed=5))
    put(cloaked / "stranger.png", work(70))
    found, arm = looked(folders)
    assert [one.file for one in found.unusable] == ["broken.png"]
    assert arm.alone == ("alone.png",)
    assert arm.extra[-1] == "stranger.png"
    assert [one.file for one in arm.unclear] == ["queen.png"]
    first = {pair.work: pair for pair in arm.pairs}
    assert first["castle.png"].problem.id == "protected-other-work"
    assert first["boat.png"].problem.id == "pair-unchanged"
    assert (first["fox.png"].matched_by, first["fox.png"].unsure) == ("perceptual-hash", True)
    unsure = [pair.unsure for pair in arm.pairs]
    assert unsure == sorted(unsure, reverse=True)
    assert not first["apple.png"].unsure


def test_captions_are_those_of_a_run(folders):
    originals, cloaked = folders
    (originals / "fox.txt").write_text("a red fox")
    (originals / "boat.txt").write_bytes(b"\xff\x00\xd8")
    (originals / "apple.png").rename(originals / "IMG_0412.png")
    (cloaked / "apple.png").rename(cloaked / "IMG_0412.png")
    left_out = ByHand(works=frozenset({"castle.png"}))
    found, _ = looked(folders, left_out)
    told = {one.file: (one.caption, one.source) for one in found.captions}
    assert told["fox.png"] == ("a red fox", "sidecar")
    assert told["castle.png"] == ("castle", "file name")
    assert told["IMG_0412.png"] == ("a picture", "none")
    assert told["boat.png"] == ("boat", "file name")
    assert "caption-encoding" in {said.id for said in found.notes}
    asked = look_at_pairs(originals=originals, protected={"a": cloaked}, captions={"fox.png": "a cub"})
    assert ("fox.png", "a cub", "table") in {(one.file, one.caption, one.source) for one in asked.captions}
    assert json.loads(json.dumps(found.plain()))["captions"][0].keys() == {"file", "caption", "source"}


def test_what_is_whole_needs_nobody(folders):
    found, arm = looked(folders)
    assert not arm.to_mend
    assert not any(pair.unsure for pair in arm.pairs)
    assert len(arm.pairs) == len(WORDS) == len(found.works)


def test_a_file_of_pairs_is_read_as_it_was_written(tmp_path):
    rows = [("", "=bad.png", ""), ("glaze", "a,b.png", "c.png"), ("glaze", "", "x.png")]
    (tmp_path / "pairs.csv").write_bytes(write_pairs(rows))
    found = read_pairs(tmp_path / "pairs.csv")
    assert found == ByHand(frozenset({"=bad.png"}), {"glaze": frozenset({"x.png"})}, {"glaze": {"a,b.png": "c.png"}})


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("a,b\n1,2\n", "pairs-unreadable"),
        ("arm,work,copy\n,,x\n", "pairs-row"),
        ("arm,work,copy\ng,a,b\ng,a,c\n", "pairs-row"),
        ("arm,work,copy\ng,a,b\ng,c,b\n", "pairs-row"),
        ("arm,work,copy\ng,,\n", "pairs-row"),
    ],
)
def test_a_file_of_pairs_that_is_none(tmp_path, text, slug):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(BadInput) as caught:
        read_pairs(tmp_path / "pairs.csv")
    assert caught.value.slug == slug


def test_what_was_chosen_is_taken_and_told(folders):
    _, cloaked = folders
    put(cloaked / "queen-glazed.png", cloak(work(5), seed=5))
    with pytest.raises(BadInput):
        collected(folders, None)
    chosen = ByHand(
        frozenset({"fox.png"}), {"protected": frozenset({"fox.png"})}, {"protected": {"queen.png": "queen-glazed.png"}}
    )
    found = collected(folders, chosen)
    by = {p.name: p.matched_by for p in found.protected}
    assert by["queen-glazed.png"] == "hand"
    assert "queen.png" not in by
    assert "fox.png" not in by
    assert "fox.png" not in {w.name for w in found.works}
    (note,) = [n for n in found.notes if n.slug == "pairs-by-hand"]
    assert note.said.values == {"pairs": 1, "works": 1, "copies": 1, "names": ("fox.png",)}


def test_a_hand_cannot_make_a_pair_of_two_pictures(folders):
    wrong = ByHand(pairs={"protected": {"fox.png": "castle.png", "castle.png": "fox.png"}})
    with pytest.raises(BadInput) as caught:
        collected(folders, wrong)
    assert caught.value.slug == "protected-other-work"
    _, arm = looked(folders, wrong)
    assert {p.work for p in arm.pairs if p.problem is not None} == {"fox.png", "castle.png"}


@pytest.mark.parametrize(
    "by_hand",
    [
        ByHand(works=frozenset({"gone.png"})),
        ByHand(copies={"protected": frozenset({"gone.png"})}),
        ByHand(pairs={"protected": {"fox.png": "gone.png"}}),
        ByHand(pairs={"other": {"fox.png": "fox.png"}}),
    ],
    ids=["work", "copy", "pair", "arm"],
)
def test_names_that_are_not_there(folders, by_hand):
    with pytest.raises(BadInput) as caught:
        collected(folders, by_hand)
    assert caught.value.slug == "pairs-unknown"


def test_the_command_line_says_the_same(folders, tmp_path):
    originals, cloaked = folders
    put(cloaked / "castle.png", cloak(work(3), seed=7))
    words = ["pairs", "--originals", str(originals), "--protected", str(cloaked)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 3
    assert "looks like 'tree.png'" in done.stdout
    whole = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert whole["arms"][0]["pairs"][0]["problem"]["id"] == "protected-other-work"
    (tmp_path / "pairs.csv").write_bytes(write_pairs([("", "castle.png", ""), ("protected", "", "castle.png")]))
    done = CliRunner().invoke(app, [*words, "--pairs", str(tmp_path / "pairs.csv")])
    assert done.exit_code == 0, done.output
