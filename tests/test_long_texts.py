"""Captions and prompts longer than a model reads: the word that asks for the style survives, and they are named."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audit.base.messages import render
from audit.models.encode import encode_texts
from audit.models.loader import load
from audit.models.tokens import overlong, tokenize
from audit.plan.model_notes import model_notes
from audit.plan.prompts import full_prompt
from audit.store import Store
from tests.builders import make_plan
from tests.test_memory import SETTINGS, make_cells, run

LONG = "a very long caption that tells of a red house and of a bridge and of the river under it and of its boats"


@pytest.fixture(scope="module")
def lab():
    return load("lab", device=torch.device("cpu"))


@given(subject=st.text(max_size=120), trigger=st.sampled_from(["thisartist", "kestrelline", "x"]))
def test_the_style_word_survives_any_caption(lab, subject, trigger):
    (tokenizer,) = lab.tokenizers
    text = full_prompt(subject, trigger)
    ids = tokenize(lab, [text]).ids["tokenizer"][0].tolist()
    wanted = tokenizer(f" by {trigger}").input_ids[1:]
    assert len(ids) == lab.tokens
    assert any(ids[at : at + len(wanted)] == wanted for at in range(len(ids)))
    whole = tokenizer(text).input_ids
    assert (text in overlong(lab, [text])) == (len(whole) > lab.tokens)
    if len(whole) <= lab.tokens:
        assert ids[: len(whole)] == whole, "a text that fits is what it was"
    else:
        assert ids[: lab.tokens - len(wanted)] == whole[: lab.tokens - len(wanted)]


def test_a_style_longer_than_a_text_is_cut_at_its_end(lab):
    ids = tokenize(lab, ["a cat by " + "w " * 40]).ids["tokenizer"][0].tolist()
    assert (len(ids), ids[-1]) == (lab.tokens, lab.tokenizers[0].eos_token_id)


def test_long_captions_prompts_and_small_works_are_named(lab):
    plan = make_plan()
    works = tuple(work.model_copy(update={"width": 512, "height": 300}) for work in plan.works)
    works = (works[0].model_copy(update={"caption": LONG, "name": "bridge.png"}), *works[1:])
    facts = lab.facts.model_copy(update={"resolution": 512})
    told = plan.model_copy(update={"works": works, "model": facts, "prompts": (*plan.prompts, LONG), "draws": ()})
    said = {note.said.slug: render(note.said) for note in model_notes(told, lab)}
    assert "'bridge.png'" in said["captions-overlong"]
    assert "14" in said["captions-overlong"]
    assert LONG in said["prompts-overlong"]
    assert "300 px" in said["works-enlarged"]
    fitting = told.model_copy(update={"works": works[1:], "prompts": plan.prompts, "model": lab.facts})
    assert not model_notes(fitting, lab)


def test_nothing_that_was_made_without_the_style_word_is_taken_for_it(lab, tmp_path):
    """Texts that are cut have other keys than before; all others keep theirs."""
    store = Store(tmp_path)
    texts = encode_texts(lab, store, [full_prompt(LONG, "one"), full_prompt(LONG, "other")])
    assert not torch.equal(texts.hidden[0], texts.hidden[1])
    assert not store.has("text", store.key("text", full_prompt(LONG, "one"), [lab.facts.sha256]))
    encode_texts(lab, store, ["a cat by one"])
    assert store.has("text", store.key("text", "a cat by one", [lab.facts.sha256]))


def test_a_training_on_long_captions_has_a_key_of_its_own(tiny_model, tmp_path):
    model, store = load(str(tiny_model), device=torch.device("cpu")), Store(tmp_path)
    cells = make_cells(store, 1)
    long = [replace(cells[0], captions=(LONG, *cells[0].captions[1:]))]
    run(model, store, long)

    def has(cell):
        return store.has("adapter", cell.key(model=model.facts.sha256, settings=SETTINGS, precision="fp32"))

    assert has(replace(long[0], cut=True))
    assert not has(long[0])
    run(model, store, cells)
    assert has(cells[0])
