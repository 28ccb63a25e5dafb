"""Published comparisons as presets: they fill in what is left open, say what differs, and what was typed wins."""

from __future__ import annotations

import pytest

from audit.base.errors import BadInput
from audit.plan.making import check_names, metrics_of
from audit.plan.prompts import choose_prompts, full_prompt
from audit.plan.protocols import PROTOCOLS, departures
from audit.plan.settings import training_settings
from audit.plan.spec import load_spec
from audit.records import ArtistSet, SampleSettings, TrainSettings
from tests.builders import make_plan


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_is_a_spec_that_can_run(name, tmp_path):
    spec = load_spec({"originals": tmp_path, "protected": tmp_path, "protocol": name}, None)
    check_names(spec)
    assert spec.model == PROTOCOLS[name].options["model"]
    TrainSettings.model_validate(spec.training)
    SampleSettings.model_validate(spec.sampling)
    assert metrics_of(spec, lab=True)


def test_hoenig2024_has_the_ten_prompts_as_they_were_asked(tmp_path):
    spec = load_spec({"originals": tmp_path, "protocol": "hoenig2024"}, None)
    prompts = choose_prompts(spec, ArtistSet(artist="A", works=()), lab=True)
    assert len(prompts) == 10
    assert full_prompt(prompts[4], "nulevoy") == "a astronaut riding a horse by nulevoy"
    assert spec.training["works"] == 18
    assert spec.sampling == {"steps": 50, "guidance": 7.5, "per_prompt": 1}
    assert spec.against == ("noise:13", "noisy-upscale:26", "diffusion", "impress")


def test_what_was_typed_wins_also_within_a_table(tmp_path):
    (tmp_path / "a.toml").write_text('protocol = "hoenig2024"\nmodel = "lab"\n[training]\nsteps = 5\n')
    spec = load_spec({"originals": tmp_path, "against": ("jpeg:50",)}, tmp_path / "a.toml")
    assert (spec.model, spec.against) == ("lab", ("jpeg:50",))
    assert spec.training == {"works": 18, "steps": 5, "batch": 4}


def test_what_differs_is_noted(tmp_path):
    plan = make_plan()
    assert departures(load_spec({"originals": tmp_path}, None).protocol, plan) == ()
    (note,) = departures("hoenig2024", plan)
    for part in ("12 works and not from 18", "not of the family sd2", "LoRA in place of", "Karras"):
        assert part in note.sentence


def test_training_the_whole_model_is_an_option_and_then_no_departure(tmp_path):
    (tmp_path / "a.toml").write_text('protocol = "hoenig2024"\n[training]\nmethod = "full"\n')
    spec = load_spec({"originals": tmp_path}, tmp_path / "a.toml")
    assert training_settings(spec, lab=False).learning_rate == 5e-6
    assert training_settings(spec, lab=False).steps == 2000
    whole = make_plan().model_copy(update={"training": training_settings(spec, lab=False)})
    (note,) = departures(spec.protocol, whole)
    assert "LoRA" not in note.sentence


def test_an_unknown_protocol_is_refused(tmp_path):
    with pytest.raises(BadInput, match="hoenig2024") as caught:
        load_spec({"originals": tmp_path, "protocol": "x"}, None)
    assert caught.value.slug == "protocol-unknown"
