"""Subjects: shares by run, net shifts paired with clean, by concept; and the page that shows them."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from scipy import stats

from audit import records as r
from audit.judge import judge
from audit.judge.subjects import by_concept, found_interval, shift_interval
from audit.models.cards import LAB_ARTISTS, LAB_OPENCLIP
from audit.plan.making import concepts_of
from audit.plan.spec import Spec
from audit.report import render
from audit.report.lint import banned_claims, visible_text
from audit.style.subject import nearest_subject
from tests.builders import digest, make_plan, make_results, make_work

CONCEPTS = ("house", "boat", "crow", "oak")
PGD = "encoder-pgd:16"


def results(*, lost: float, runs: int = 6, noises: int = 5, seed: int = 0) -> r.Results:
    """Clean shows 9 of 10 subjects; the protection loses a share of them, and of crows all."""
    rng = np.random.default_rng(seed)
    made = make_results(plan=make_plan(replicates=runs).model_copy(update={"concepts": CONCEPTS}))

    def reading(name: str, run: int, share: float) -> r.SubjectReading:
        wrong = rng.random((len(CONCEPTS), noises)) > share
        if name == PGD:
            wrong[2] = True
        found = np.where(wrong, len(CONCEPTS), np.arange(len(CONCEPTS))[:, None])
        return r.SubjectReading(condition=name, replicate=run, found=tuple(found.ravel().tolist()))

    readings = [reading("base", 0, 0.9)]
    for run in range(1, runs + 1):
        readings += [reading("clean", run, 0.9), reading(PGD, run, 0.9 * (1 - lost))]
    return made.model_copy(update={"subjects": tuple(readings)})


def test_shares_are_counted_by_run_and_shifts_are_paired():
    found = results(lost=0.5)
    rates = {
        name: [np.mean([x == i // 5 for i, x in enumerate(s.found)]) for s in found.subjects if s.condition == name]
        for name in ("clean", PGD)
    }
    shift = shift_interval(found, PGD)
    known = stats.ttest_rel(rates["clean"], rates[PGD])
    assert shift.value == pytest.approx(np.mean(rates["clean"]) - np.mean(rates[PGD]))
    assert (shift.low, shift.high) == pytest.approx(tuple(known.confidence_interval(0.95)))
    assert shift.n == 6
    assert found_interval(found, "clean").value == pytest.approx(np.mean(rates["clean"]))
    crow = by_concept(found, PGD)[2]
    assert (crow.name, crow.treated) == ("crow", 0.0)
    assert crow.shift.value is not None
    assert crow.shift.value > 0.5


def test_nothing_shifted_gives_an_interval_over_zero_most_of_the_time():
    """Planted null without the crow: a 95 % interval over runs."""
    hits = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        made = results(lost=0.0)
        rows = tuple(
            s.model_copy(update={"found": tuple(np.where(rng.random(20) > 0.7, 4, np.arange(20) // 5).tolist())})
            for s in made.subjects
        )
        shift = shift_interval(made.model_copy(update={"subjects": rows}), PGD)
        assert shift.low is not None
        assert shift.high is not None
        hits += shift.low <= 0 <= shift.high
    assert hits >= 88


def test_damaged_or_missing_readings_are_left_out_and_never_zero():
    found = results(lost=0.5)
    cut = found.subjects[1].model_copy(update={"found": (0, 1, 2)})
    cut = found.model_copy(update={"subjects": (found.subjects[0], cut, *found.subjects[2:])})
    assert shift_interval(cut, PGD).n == 5
    assert not [e for e in judge(make_results()).estimates if e.name.startswith("subject")]


def test_the_page_shows_them_in_both_languages_and_claims_nothing(tmp_path):
    judged = judge(results(lost=0.5))
    html = render(judged, images=tmp_path)
    text = visible_text(html, names=True)
    assert "Do pictures still show what was asked for?" in text
    assert "crow" in text
    assert "advise against" in text
    assert banned_claims(visible_text(html)) == []
    german = visible_text(render(judged, images=tmp_path, lang="de"))
    assert "Zeigen Bilder noch" in german
    assert "Do pictures still show" not in visible_text(render(judge(make_results()), images=tmp_path))


@pytest.mark.parametrize(("tool", "asked", "read"), [("Nightshade", False, 2), ("Glaze", False, 0), ("Glaze", True, 2)])
def test_they_are_read_for_nightshade_or_when_asked(tmp_path, tool, asked, read):
    works = tuple(make_work(i).model_copy(update={"caption": ("house", "boat")[i % 2]}) for i in range(6))
    file = r.ProtectedFile(work="w000", name="x", sha256=digest("x"), pixels=digest("y"), width=8, height=8,
                           matched_by="name", claimed_tools=(tool,))  # fmt: skip
    artist = r.ArtistSet(artist="A", works=works, protected=(file,))
    assert len(concepts_of(Spec(originals=tmp_path, subjects=asked), artist, lab=True)) == read


def test_a_picture_is_read_as_open_clip_itself_reads_it():
    """The nearest of a few names by open_clip's own transform, encoders and cosine."""
    files = sorted((LAB_ARTISTS / "streamline-stickies-color").glob("*.png"))[:6]
    subjects = ("house", "boat", "crow", "oak tree")
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{LAB_OPENCLIP}")
    pictures = [Image.open(f).convert("RGB").resize((64, 64)) for f in files]
    with torch.no_grad():
        seen = model.eval().encode_image(torch.stack([transform(p) for p in pictures]), normalize=True)
        texts = model.encode_text(open_clip.SimpleTokenizer(context_length=16)(list(subjects)), normalize=True)
    pixels = np.stack([np.asarray(p) for p in pictures])
    found = nearest_subject(pixels, subjects, lab=True, device=torch.device("cpu"))
    assert found.tolist() == (seen @ texts.T).argmax(1).tolist()


def test_a_reading_that_finds_nothing_even_without_protection_says_so(tmp_path):
    found = results(lost=0.0)
    blind = tuple(s.model_copy(update={"found": (5,) * len(s.found)}) for s in found.subjects)
    html = render(judge(found.model_copy(update={"subjects": blind})), images=tmp_path)
    assert "says little here" in visible_text(html)
    assert "says little here" not in visible_text(render(judge(found), images=tmp_path))
