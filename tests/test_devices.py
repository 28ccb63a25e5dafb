"""Which device is taken: one that computes here; and what is said of one that does not."""

from __future__ import annotations

import warnings

import pytest
import torch

from audit.base.errors import BadInput
from audit.base.messages import render, say
from audit.plan import devices, machine

CUDA, MPS = torch.device("cuda"), torch.device("mps")


@pytest.fixture
def card(monkeypatch):
    """A machine that says it has a card; the test decides what becomes of the first computation there."""

    def with_error(error):
        def ones(*size, device=None):
            raise error

        monkeypatch.setattr(devices.torch, "ones", ones)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (6, 1))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "GeForce GTX 1080")
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80", "sm_90"])

    yield with_error
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False


FAULTS = [
    ("CUDA error: no kernel image is available for execution on the device", ["GTX 1080", "sm_61", "sm_75", "cu126"]),
    (
        "The NVIDIA driver on your system is too old (found version 11040)",
        ["too old", str(torch.version.cuda), "cu126"],
    ),
    ("Found no NVIDIA driver on your system.", ["no NVIDIA driver"]),
    ("CUDA error: out of memory", ["other programs"]),
    ("CUDA error: an illegal instruction was encountered", ["illegal instruction"]),
]


@pytest.mark.parametrize(("fault", "named"), FAULTS, ids=[fault[:30] for fault, _ in FAULTS])
def test_a_card_that_cannot_compute_is_left_aside_with_its_cause(card, fault, named):
    card(RuntimeError(fault))
    heard = []
    assert devices.pick_device("auto", tell=heard.append) == torch.device("cpu")
    (said,) = map(render, heard)
    assert all(part in said for part in named), said
    with pytest.raises(BadInput) as caught:
        devices.pick_device("cuda")
    assert caught.value.slug == "device-missing"
    assert all(part in caught.value.sentence for part in named)


def test_a_card_newer_than_torch_asks_for_the_newest_torch(card, monkeypatch):
    card(RuntimeError("CUDA error: no kernel image is available"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (13, 0))
    heard = []
    devices.pick_device("auto", tell=heard.append)
    assert "--upgrade torch" in render(heard[0])


def test_a_card_that_computes_wrongly_is_not_trusted(monkeypatch):
    monkeypatch.setattr(devices, "F", type("Broken", (), {"conv2d": staticmethod(lambda a, b: torch.zeros(1))}))
    said = devices.why_not(torch.device("cpu"))
    assert said is not None
    assert "512" in render(said)


def test_a_driver_without_a_card_in_sight_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "has_driver", lambda: True)
    heard = []
    assert devices.pick_device("auto", tell=heard.append).type == "cpu"
    assert heard
    monkeypatch.setattr(devices, "has_driver", lambda: False)
    del heard[:]
    devices.pick_device("auto", tell=heard.append)
    assert not heard, "whoever has no card need not be told so in every run"


def test_doctor_gives_the_cause(card):
    card(RuntimeError("CUDA error: no kernel image is available for execution on the device"))
    lines = [render(line) for line in machine.describe_machine()]
    assert any("GTX 1080" in line and "cu126" in line for line in lines)
    assert "device: cpu" in lines


def test_a_card_without_bfloat16_says_why_it_computes_in_float32():
    assert "float16" in render(machine._precision_words(CUDA, "fp32"))
    assert "float16" not in render(machine._precision_words(CUDA, "bf16"))


def test_what_a_device_lacks_is_named_before_the_run(monkeypatch):
    def missing(device):
        raise NotImplementedError("The operator 'aten::_upsample_bicubic2d_aa.out' is not implemented for MPS")

    def elsewhere(device):
        warnings.warn("The operator 'aten::col2im' ... will fall back to run on the CPU.", UserWarning, stacklevel=2)

    assert devices.lacking(torch.device("cpu")) == ()
    monkeypatch.setitem(devices.OPERATORS, "device-operator.fold", elsewhere)
    assert devices.lacking(torch.device("cpu")) == (say("device-operator.fold"),)
    monkeypatch.setitem(devices.OPERATORS, "device-operator.attention", missing)
    with pytest.raises(BadInput) as caught:
        devices.lacking(torch.device("cpu"))
    assert caught.value.slug == "device-operators"
    assert "attention" in caught.value.sentence
    assert devices.FALLBACK in caught.value.sentence


def test_a_card_adds_up_in_one_order_and_environment_records_it(card, tiny_model, monkeypatch):
    monkeypatch.delenv(devices.WORKSPACE, raising=False)
    card(RuntimeError("CUDA error: no kernel image"))
    devices.why_not(CUDA)
    recorded = machine.environment(str(tiny_model), device=torch.device("cpu"), precision="fp32").determinism
    assert recorded["torch.use_deterministic_algorithms"] == "True"
    assert recorded["torch.backends.cudnn.deterministic"] == "True"
    assert recorded[devices.WORKSPACE] == ":4096:8"
    assert recorded["torch.backends.cudnn.allow_tf32"] == str(torch.backends.cudnn.allow_tf32)
    assert recorded["torch.backends.cuda.matmul.allow_tf32"] == "False"
