"""`doctor --model`: a minute of everything that a run does, on the user's own machine and with his own model."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from audit.base.errors import AuditError
from audit.base.messages import say
from audit.base.progress import Progress
from audit.base.rng import torch_rng
from audit.images.drawn import BLANK_LEVELS
from audit.images.tensors import autocast_of
from audit.models.encode import hidden_states
from audit.models.loader import load
from audit.models.memory import MemoryShort, Peak, free_unused, is_out_of_memory
from audit.models.model import Model
from audit.plan.devices import pick_device, pick_precision
from audit.plan.machine import memory_budget, step_environment
from audit.records import SampleSettings, TrainSettings
from audit.records.self_test import SelfTest, SelfTestStep
from audit.runfolder.provenance import now
from audit.runfolder.self_tests import keep_self_test
from audit.sampling import Execution, sample
from audit.store import Store, default_store
from audit.style import METRICS
from audit.training.batches import CellData
from audit.training.checkpoint import Checkpoint
from audit.training.draws import Streams
from audit.training.footprint import base_of
from audit.training.loop import State, train_pack
from audit.training.packed import draw_lora_a
from audit.training.reference import train_one

SETTINGS = TrainSettings(rank=4, alpha=4, steps=3, batch=1, warmup=0, works=2, learning_rate=1e-3)
NEAR = 0.01
"""Of the distance that a LoRA moved, by which packed training and PEFT may differ after so few steps in float32."""
METRIC = "channel_stats"

Pairs = Mapping[str, tuple[Tensor, Tensor]]


class _Stopped(Exception):
    """Ends a training in the middle, as a kill would."""


@dataclass(frozen=True)
class _Bench:
    """What the steps work with."""

    model: Model
    precision: str
    cells: Sequence[CellData]


def self_test(
    name: str,
    *,
    device: str = "auto",
    memory: float | None = None,
    prediction_type: str | None = None,
    store: Path | None = None,
    progress: Progress,
) -> SelfTest:
    """Try everything with a model, step by step; a step that fails ends none of the others.

    The result is kept beside the store, too, where a run with this model on this machine finds it for its report.

    Raises:
        AuditError: the model cannot be opened, or the device not used.
    """
    where = pick_device(device, tell=progress.say)
    precision = pick_precision(where)
    progress.stage(say("self-test.stage"), 1 + len(STEPS))
    with Peak(where) as peak:
        begun = time.monotonic()
        model = load(name, device=where, budget=memory_budget(where, memory), asked=prediction_type)
        steps = [SelfTestStep(name="self-test.load", passed=True, seconds=time.monotonic() - begun)]
        progress.advance(1)
        bench: _Bench | None = None
        for id, step in STEPS.items():
            begun = time.monotonic()
            passed, figures, why = None, dict[str, float](), ""
            try:
                bench = bench or _Bench(model, precision, _cells(model))
                passed, figures = step(bench)
            except (RuntimeError, MemoryError, AuditError) as error:
                if not isinstance(error, MemoryShort) and not is_out_of_memory(error):
                    passed = False
                why = type(error).__name__
            free_unused(where)
            took = time.monotonic() - begun
            steps.append(SelfTestStep(name=id, passed=passed, seconds=took, figures=figures, why=why))
            progress.advance(1)
    progress.close()
    found = SelfTest(
        made=now(),
        model=model.facts,
        environment=step_environment(where, precision),
        memory_bytes=peak.bytes,
        steps=tuple(steps),
    )
    keep_self_test(Store(store or default_store()).root, found)
    return found


def _cells(model: Model) -> list[CellData]:
    """Two cells of random latents and real texts."""
    text = hidden_states(model, ["a picture", "another picture"])
    made = []
    for pictures in ("one", "other"):
        generator = torch_rng("self-test", pictures)
        mean = torch.randn(2, 2, *model.latent_shape, generator=generator)
        made.append(CellData(Streams(seed=0, replicate=1), mean=mean, std=torch.full_like(mean, 0.1), text=text))
    return made


def _packed(bench: _Bench) -> tuple[bool, dict[str, float]]:
    """One packed step moves every LoRA by a finite distance."""
    model, settings = bench.model, SETTINGS.model_copy(update={"steps": 1})
    with model.together(model.denoiser):
        made, state = train_pack(base_of(model), bench.cells, settings, autocast=autocast_of(bench.precision))
    distances = [_distance(pairs, _start(cell, pairs)) for cell, pairs in zip(bench.cells, made, strict=True)]
    loss = float(state.losses.mean())
    return all(math.isfinite(d) and d > 0 for d in (*distances, loss)), {"moved": min(distances), "loss": loss}


def _parity(bench: _Bench) -> tuple[bool, dict[str, float]]:
    """A cell of a pack is what PEFT makes of it alone, in float32."""
    model, base = bench.model, base_of(bench.model)
    with model.together(model.denoiser), _whole_products():
        (packed, _), _ = train_pack(base, bench.cells, SETTINGS)
        alone = train_one(base, bench.cells[0], SETTINGS)
    apart = _distance(packed, alone) / _distance(alone, _start(bench.cells[0], alone))
    return apart <= NEAR, {"apart": apart}


def _picture(bench: _Bench) -> tuple[bool, dict[str, float]]:
    """One picture of one text, neither blank nor broken, through text encoder, denoiser and decoder."""
    text = hidden_states(bench.model, ["a picture", ""])
    (made,) = sample(
        bench.model,
        text=text[:1],
        empty=text[1:],
        settings=SampleSettings(steps=3),
        seed=0,
        on=Execution(autocast=autocast_of(bench.precision)),
    )
    deviation = float(made.std())
    return deviation > BLANK_LEVELS, {"deviation": deviation}


def _score(bench: _Bench) -> tuple[bool, dict[str, float]]:
    """Features of one picture on this device are those of the CPU."""
    side = bench.model.facts.resolution
    picture = torch.randint(0, 256, (1, side, side, 3), generator=torch_rng("self-test", "score"), dtype=torch.uint8)
    row = METRICS[METRIC]
    here, there = (row.whitening()(row.extract(picture.numpy(), d)) for d in (bench.model.device, torch.device("cpu")))
    apart = float(np.abs(here - there).max())
    return bool(np.isfinite(here).all()) and apart < NEAR, {"apart": apart}


def _resume(bench: _Bench) -> tuple[bool, dict[str, float]]:
    """A training that is stopped after a step and goes on from its file ends bit for bit where a whole one does."""
    model, base, autocast = bench.model, base_of(bench.model), autocast_of(bench.precision)
    with model.together(model.denoiser), tempfile.TemporaryDirectory() as folder:
        _, whole = train_pack(base, bench.cells, SETTINGS, autocast=autocast)
        checkpoint = Checkpoint(Store(Path(folder)), ["0" * 64])

        def stop(done: int, state: Callable[[], State]) -> None:
            checkpoint.save(state())
            raise _Stopped

        try:
            train_pack(base, bench.cells, SETTINGS, autocast=autocast, after_step=stop)
        except _Stopped:
            _, resumed = train_pack(base, bench.cells, SETTINGS, autocast=autocast, resume=checkpoint.load())
    pairs = zip(whole.params, resumed.params, strict=True)
    apart = max(float((one.cpu() - other.cpu()).abs().max()) for one, other in pairs)
    return apart == 0, {"apart": apart}


STEPS: dict[str, Callable[[_Bench], tuple[bool, dict[str, float]]]] = {
    "self-test.packed": _packed,
    "self-test.parity": _parity,
    "self-test.picture": _picture,
    "self-test.score": _score,
    "self-test.resume": _resume,
}
"""Id of the message that says what is tried -> the step: whether it passed, and what it measured."""


def _start(cell: CellData, pairs: Pairs) -> Pairs:
    """A and B as they begin."""
    return {n: (draw_lora_a(cell.streams, n, a.shape).to(a), torch.zeros_like(b)) for n, (a, b) in pairs.items()}


def _distance(left: Pairs, right: Pairs) -> float:
    return math.sqrt(sum(float((left[n][i] - right[n][i]).double().pow(2).sum()) for n in left for i in (0, 1)))


@contextmanager
def _whole_products() -> Iterator[None]:
    """Convolutions on CUDA in float32 and not in TF32, of which packs of other sizes make other sums."""
    before = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = False
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
