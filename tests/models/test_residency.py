"""Parts of a model that share a device by turns: who is there when, and that no bit of the work changes."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from audit.executor.packing import Saving
from audit.models.encode import encode_picture, encode_texts
from audit.models.loader import load
from audit.models.residency import Room, must_share
from audit.records import SampleSettings, TrainSettings
from audit.sampling import Execution, sample
from audit.store import Store
from audit.style import METRICS
from audit.style.model_cache import opened, release
from audit.training.adapters import load_updates
from audit.training.saving import saved_drawing
from tests.engines import engine_of, train_files
from tests.test_memory import SETTINGS, make_cells
from tests.tiny import write_tiny_model

CPU = torch.device("cpu")


class Part(nn.Linear):
    """A part that remembers where it was sent; its weights stay where they are."""

    def __init__(self, name, log):
        super().__init__(2, 2)
        self.name, self.log = name, log

    def to(self, where, *args, **kwargs):
        self.log.append((self.name, "home" if where == "cpu" else "device"))
        return self

    def encode(self, x):
        return self._hf_hook.pre_forward(self) and x


@pytest.fixture
def log():
    return []


@pytest.fixture
def parts(log):
    return [Part(name, log) for name in ("denoiser", "vae", "text")]


def test_what_is_called_comes_and_the_rest_goes_home(parts, log):
    denoiser, vae, _ = parts
    Room(parts, torch.device("cuda"))
    x = torch.zeros(1, 2)
    for part in (denoiser, denoiser, vae, denoiser):
        part(x)
    assert log == [
        *(("denoiser", "device"), ("denoiser", "home"), ("vae", "device"), ("vae", "home"), ("denoiser", "device")),
    ]


def test_what_a_gradient_runs_through_stays_together(parts, log):
    denoiser, vae, text = parts
    room = Room(parts, torch.device("cuda"))
    with room.together(denoiser, vae):
        for part in (vae, denoiser, text, vae):
            part(torch.zeros(1, 2))
        assert log == [("denoiser", "device"), ("vae", "device"), ("text", "device")]
        room.clear()
        assert log[3:] == [("text", "home")]
    text(torch.zeros(1, 2))
    assert log[4:] == [("denoiser", "home"), ("vae", "home"), ("text", "device")]
    room.expel(text)
    room.clear()
    assert log[7:] == [("text", "home")]


def test_only_a_model_too_large_for_its_device_shares():
    part = nn.Linear(1000, 1000, bias=False)
    cuda = torch.device("cuda")
    assert must_share([part, part], cuda, 10e6)
    assert not must_share([part], cuda, 10e6)
    assert not must_share([part, part], CPU, 1.0)
    assert not must_share([part, part], cuda, None)


@pytest.fixture(scope="module", params=["sd", "sdxl", "sd3"])
def model(request, tmp_path_factory):
    return load(str(write_tiny_model(tmp_path_factory.mktemp(request.param), family=request.param)), device=CPU)


@pytest.fixture
def guests(model):
    """The same model with its parts as guests; on a CPU, so that only the order of coming and going is at work."""
    own = copy.deepcopy(model)
    return replace(own, room=Room(own.parts(), CPU))


@pytest.mark.parametrize("text_encoder", [False, True])
def test_trained_and_drawn_by_turns_is_bit_for_bit_the_same(model, guests, tmp_path, text_encoder):
    settings = SETTINGS.model_copy(update={"text_encoder": text_encoder})
    made = []
    for one in (model, guests):
        store = Store(tmp_path / str(one.room is None))
        cells = make_cells(store, 2)
        pixels = store.put_pixels(np.full((model.facts.resolution,) * 2 + (3,), 90, np.uint8))
        latents = encode_picture(one, store, pixels)
        text = encode_texts(one, store, ["a cat", ""])
        saving = Saving(offload=True, half=True, checkpointing=True)
        adapters = train_files(cells, settings, engine_of(one, store, pack=2, saving=saving, precision="bf16"))
        with saved_drawing(one, settings, saving) as masters:
            pictures = sample(
                one,
                text=text[:1],
                empty=text[1:],
                settings=SampleSettings(steps=3, per_prompt=2),
                seed=0,
                updates=load_updates(adapters[0][1]),
                on=Execution(masters, autocast=torch.bfloat16),
            )
        one.leave()
        made.append((latents.mean, [a.sha256 for a, _ in adapters], pictures))
    assert torch.equal(made[0][0], made[1][0])
    assert made[0][1] == made[1][1]
    assert np.array_equal(made[0][2], made[1][2])
    for part, other in zip(model.parts(), guests.parts(), strict=True):
        for value, same in zip(part.state_dict().values(), other.state_dict().values(), strict=True):
            assert value.dtype == same.dtype
            assert torch.equal(value, same)


def test_pictures_from_weights_in_bfloat16_are_those_of_autocast(model, tmp_path):
    store = Store(tmp_path)
    settings = TrainSettings(rank=2, alpha=2.0, steps=3, batch=2, warmup=0, works=3, targets="all", learning_rate=0.05)
    ((_, path),) = train_files(make_cells(store, 1), settings, engine_of(model, store, pack=1))
    text = encode_texts(model, store, ["a cat", ""])
    drawing = {"text": text[:1], "empty": text[1:], "settings": SampleSettings(steps=4), "seed": 0}
    drawing |= {"updates": load_updates(path)}
    plain = sample(model, **drawing, on=Execution(autocast=torch.bfloat16))
    before = {name: value.clone() for name, value in model.denoiser.state_dict().items()}
    with saved_drawing(model, settings, Saving(offload=True, half=True)) as masters:
        assert sum(p.dtype == torch.bfloat16 for p in model.denoiser.parameters()) == len(masters)
        halves = sample(model, **drawing, on=Execution(masters, autocast=torch.bfloat16))
        assert np.array_equal(halves, plain)
    assert all(torch.equal(value, before[name]) for name, value in model.denoiser.state_dict().items())


def test_opened_networks_are_given_back():
    made = []

    @opened
    def network(name):
        made.append(name)
        return object()

    first = network("a")
    assert network("a") is first
    release(CPU)
    assert network("a") is not first
    assert made == ["a", "a"]
    assert METRICS["openclip"].extract(np.zeros((1, 32, 32, 3), np.uint8)).shape[0] == 1
