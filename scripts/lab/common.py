"""What the lab's training steps share: data, checkpoints that resume, an EMA, a rate log."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """A step's options: where everything lies, and how much of its work is done."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    parser.add_argument("--share", type=_share, default=1.0, help="of the whole training, for a rehearsal (1)")
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share; give a number above 0 and at most 1")
    return value


def load_pictures(stem: Path) -> tuple[Tensor, list[dict[str, str]]]:
    """Return uint8 pictures (N, 3, H, W) and their records, as `render` wrote them."""
    pictures = load_file(stem.with_suffix(".safetensors"))["pictures"]
    records: list[dict[str, str]] = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
    return pictures, records


def to_unit(pictures: Tensor) -> Tensor:
    """uint8 0..255 to float32 -1..1."""
    return pictures.float().div(127.5).sub(1.0)


class Ema:
    """Exponential moving average of a module's parameters, with the usual warm-up of the decay."""

    def __init__(self, module: nn.Module, *, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, *, batches: int = 1) -> None:
        """Take the weights in after an update that saw so many batches."""
        self.steps += batches
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) ** batches
        current = module.state_dict()
        floats = [k for k, v in current.items() if v.is_floating_point()]
        torch._foreach_lerp_([self.weights[k] for k in floats], [current[k] for k in floats], 1 - decay)


def inputs_digest(*files: Path, **settings: object) -> str:
    """SHA-256 over what a training learns from: files by content, settings by value."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode("utf-8"))
    for path in files:
        with path.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()


class Checkpoint:
    """One training state on disk, replaced atomically; holds modules, optimiser, EMA and step.

    Args:
        inputs: `inputs_digest` of what is learned from; a state of other inputs is refused.
    """

    def __init__(self, path: Path, *, inputs: str, **parts: Any) -> None:
        self.path = path
        self.inputs = inputs
        self.parts = parts

    def save(self, step: int) -> None:
        state: dict[str, Any] = {"step": step, "inputs": self.inputs}
        for name, part in self.parts.items():
            if isinstance(part, Ema):
                state[name] = {"steps": part.steps, "weights": part.weights}
            else:
                state[name] = part.state_dict()
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.path)

    def step(self) -> int:
        """The step to go on from; 0 where nothing is stored."""
        if not self.path.exists():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True, mmap=True)
        if state.get("inputs") != self.inputs:
            raise SystemExit(
                f"{self.path} was trained on other pictures, captions or settings than lie there now; bring those "
                "back, or delete it to train anew."
            )
        return int(state["step"])

    def resume(self, *, without: Collection[str] = ()) -> int:
        """Load the state if there is one, except some parts; returns the step to go on from."""
        if not self.step():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        for name, part in self.parts.items():
            if name in without:
                continue
            if isinstance(part, Ema):
                part.steps, part.weights = state[name]["steps"], state[name]["weights"]
            else:
                part.load_state_dict(state[name])
        return int(state["step"])


class Log:
    """Prints and appends one line of figures at a time, with the rate since the last line, and what all took."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = self.begun = time.monotonic()
        self.samples = 0

    def line(self, step: int, samples: int, **figures: float) -> None:
        now = time.monotonic()
        rate = (samples - self.samples) / max(now - self.clock, 1e-9) if self.samples else 0.0
        self.clock, self.samples = now, samples
        figured = " ".join(f"{k} {v:.4f}" for k, v in figures.items())
        self._write(f"step {step} samples {samples} rate {rate:.1f}/s {figured}")

    def stretch(self, name: str, samples: int) -> None:
        """So many samples since the last stretch, or since the log was opened."""
        now = time.monotonic()
        seconds, self.begun = now - self.begun, now
        if samples:
            self._write(f"{name}: {samples} samples in {seconds:.0f} s, {samples / max(seconds, 1e-9):.1f}/s")

    def _write(self, text: str) -> None:
        print(text, flush=True)
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(text + "\n")


def cosine_lr(step: int, total: int, peak: float, warmup: int) -> float:
    """Linear warm-up, then cosine to a hundredth of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, total - warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + float(torch.cos(torch.tensor(share * torch.pi)))))
