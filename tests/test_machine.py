"""What `doctor` says of the machine."""

from __future__ import annotations

import torch

from audit.base.messages import render, say
from audit.plan import machine


def test_doctor_says_what_was_chosen(monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "")
    lines = [render(line) for line in machine.describe_machine()]
    told = {line.partition(": ")[0]: line.partition(": ")[2] for line in lines}
    for subject in ("device", "precision", "threads", "memory", "disk", "torch", "memory format", "compile"):
        assert told[subject], subject
    assert told["torch"] == torch.__version__
    if told["device"] == "cpu":
        assert told["workers"]
        assert "tcmalloc" in told["allocator"]
        monkeypatch.setenv("LD_PRELOAD", "/usr/lib/libtcmalloc_minimal.so.4")
        assert say("doctor.allocator") in machine.describe_machine()


def test_a_stated_budget_wins_over_the_machine():
    assert machine.memory_budget(torch.device("cpu"), 6.0) == 6e9
    assert machine.memory_budget(torch.device("cpu"), None) == machine.SHARE_OF_RAM * machine.physical_memory()
