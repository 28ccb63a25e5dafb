"""What conditions are called: every kind of name in plain words and as a heading, and a row that nobody knew before."""

from __future__ import annotations

import pytest

from audit.base.messages import render, words
from audit.conditions import TREATMENTS
from audit.conditions.base import Called, Made, Treatment, unbounded
from audit.plan.conditions import make_conditions
from audit.plan.spec import load_spec
from audit.records import ArtistSet
from audit.store import Store
from tests.builders import make_work
from tests.made_conditions import condition


@pytest.fixture
def planned(tmp_path):
    """The conditions of a spec, by name."""
    artist = ArtistSet(artist="x", works=tuple(make_work(i, split="reference" if i % 3 else "pool") for i in range(6)))

    def plan(**values):
        spec = load_spec({"originals": "x", "preset": "quick", **values}, None)
        return {c.name: c for c in make_conditions(spec, artist=artist, store=Store(tmp_path / "store"))}

    return plan


FILES = {
    "protected": "y",
    "against": ("jpeg:50", "jpeg", "noise:8+jpeg", "tv:0.2+vae+bits:5", "as-published:x", "impress:0.1", "resize:0.5"),
    "control": ("null", "identity", "clean-again", "other-artist:some folder", "placebo:16", "placebo:8", "mixed:0.25"),
}
ONE = {"protect": ("encoder-pgd:16",), "control": ("placebo",)}
TWO = {
    "protect": ("encoder-pgd:16", "encoder-pgd", "style-cloak", "style-cloak:0.2"),
    "against": ("noisy-upscale:26", "diffusion:0.1", "bilateral:64", "median:1", "blur:2"),
    "control": ("placebo", "placebo-lpips", "placebo-lpips:0.2", "mixed"),
}


@pytest.mark.parametrize(
    ("spec", "name", "said", "label"),
    [
        (FILES, "clean", "your unprotected originals", "unprotected"),
        (FILES, "protected", "your protected files", "protected"),
        (
            FILES,
            "protected+jpeg:50",
            "your protected files after JPEG compression at quality 50",
            "protected + jpeg:50",
        ),
        (
            FILES,
            "clean+jpeg:50",
            "your unprotected originals after JPEG compression at quality 50",
            "unprotected + jpeg:50",
        ),
        (FILES, "protected+jpeg", "your protected files after JPEG compression", "protected + jpeg"),
        (
            FILES,
            "protected+noise:8+jpeg",
            "your protected files after added noise at strength 8 of 255 and then JPEG compression",
            "protected + noise:8 + jpeg",
        ),
        (
            FILES,
            "protected+tv:0.2+vae+bits:5",
            "your protected files after total-variation smoothing (0.2) and then a pass through an autoencoder "
            "and then fewer colours (5 bits)",
            "protected + tv:0.2 + vae + bits:5",
        ),
        (FILES, "protected+as-published:x", "your protected files after publishing on x", "protected + as-published:x"),
        (
            FILES,
            "protected+impress:0.1",
            "your protected files after the purifier IMPRESS (0.1)",
            "protected + impress:0.1",
        ),
        (FILES, "clean+resize:0.5", "your unprotected originals after resizing (0.5)", "unprotected + resize:0.5"),
        (FILES, "null", "a change too small to see", "tiny change"),
        (FILES, "identity", "unchanged copies of your originals", "unchanged copies"),
        (FILES, "clean-again", "your originals trained once more", "originals again"),
        (FILES, "other-artist", "works by another artist", "another artist"),
        (FILES, "placebo:16", "random noise at strength 16 of 255", "random noise 16"),
        (FILES, "placebo:8", "random noise at strength 8 of 255", "random noise 8"),
        (FILES, "mixed:0.25", "a mix with a share of 0.25 left unprotected", "mixed"),
        (TWO, "encoder-pgd:16", "the reference protection encoder-pgd at strength 16 of 255", "encoder-pgd:16"),
        (TWO, "encoder-pgd", "the reference protection encoder-pgd", "encoder-pgd"),
        (TWO, "style-cloak", "the reference protection style-cloak", "style-cloak"),
        (TWO, "style-cloak:0.2", "the reference protection style-cloak at distance 0.2", "style-cloak:0.2"),
        (
            TWO,
            "encoder-pgd:16+noisy-upscale:26",
            "the reference protection encoder-pgd at strength 16 of 255 after noise at strength 26 of 255 and "
            "repainting",
            "encoder-pgd:16 + noisy-upscale:26",
        ),
        (
            TWO,
            "clean+diffusion:0.1",
            "your unprotected originals after repainting by a diffusion model (0.1)",
            "unprotected + diffusion:0.1",
        ),
        (
            TWO,
            "clean+bilateral:64",
            "your unprotected originals after edge-keeping smoothing (64 passes)",
            "unprotected + bilateral:64",
        ),
        (TWO, "clean+median:1", "your unprotected originals after a median filter (1)", "unprotected + median:1"),
        (TWO, "clean+blur:2", "your unprotected originals after blurring (2)", "unprotected + blur:2"),
        (ONE, "placebo", "random noise in place of a protection", "random noise"),
        (TWO, "placebo:16", "random noise at strength 16 of 255", "random noise 16"),
        (
            TWO,
            "placebo-lpips@style-cloak",
            "random noise as visible as the protection (the reference protection style-cloak)",
            "placebo-lpips (style-cloak)",
        ),
        (TWO, "placebo-lpips:0.2", "random noise at distance 0.2", "placebo-lpips:0.2"),
        (
            TWO,
            "style-cloak+mixed",
            "the reference protection style-cloak after putting part of the originals back",
            "style-cloak + mixed",
        ),
    ],
)
def test_every_kind_of_condition_has_words_and_a_label(planned, spec, name, said, label):
    condition = planned(**spec)[name]
    assert (render(condition.words), render(condition.label)) == (said, label)


def test_how_conditions_belong_together_is_written_down(planned):
    found = planned(protect=("encoder-pgd:8",), against=("jpeg+tv:0.2",), preset="court")
    told = {c.name: (c.of, c.treated_by, c.twin, c.budget, c.truth) for c in found.values()}
    both = ("jpeg:50", "tv:0.2")
    around = ("tone", "diffusion", "noisy-upscale")
    assert {f"{of}+{way}" for of in ("encoder-pgd:8", "clean") for way in around} | {"placebo-tone"} <= set(told)
    told = {name: of for name, of in told.items() if not name.endswith(around) and name != "placebo-tone"}
    assert told == {
        "clean": (None, (), None, None, None),
        "encoder-pgd:8": (None, (), None, None, None),
        "encoder-pgd:8+jpeg+tv:0.2": ("encoder-pgd:8", both, "clean+jpeg+tv:0.2", None, None),
        "clean+jpeg+tv:0.2": ("clean", both, None, None, None),
        "placebo": (None, (), None, 8, None),
        "null": (None, (), None, None, "same-pictures"),
        "clean-again": (None, (), None, None, "same-works"),
        "identity": (None, (), None, None, "same-pixels"),
        "other-artist": (None, (), None, None, "other-works"),
    }


def test_a_new_row_brings_its_own_words(planned, monkeypatch):
    row = Treatment(
        name="lemon-juice",
        called=Called(words("lemon juice"), words("{arg} drops of lemon juice")),
        kind="counter",
        run=lambda pictures, argument, context: Made(pictures),
        unit="a number of drops",
        default=3,
        low=1,
        high=9,
        budget=unbounded,
        version=1,
        source="grandmother",
    )
    monkeypatch.setitem(TREATMENTS, row.name, row)
    found = planned(protected="y", against=("lemon-juice:7", "lemon-juice"))
    assert render(found["protected+lemon-juice:7"].words) == "your protected files after 7 drops of lemon juice"
    sentence = words("The model was trained on {words}.", words=found["clean+lemon-juice"].words)
    assert render(sentence) == "The model was trained on your unprotected originals after lemon juice."


def test_conditions_of_the_tests_are_those_of_a_plan(planned):
    controls = ("null", "identity", "clean-again", "other-artist:some folder", "placebo:16")
    found = planned(protect=("encoder-pgd:16",), against=("jpeg:50",), control=controls)
    assert {name: condition(name) for name in found} == found
