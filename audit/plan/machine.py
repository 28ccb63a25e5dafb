"""What this machine does well: pack size and whatever else memory decides. Decided once, from facts it states."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import replace
from pathlib import Path

import psutil
import torch

from audit import __version__
from audit.base.messages import Said, say
from audit.base.progress import Progress
from audit.executor import Bench, Engine
from audit.executor.packing import PICTURES, Fitting, Packing, Saving
from audit.executor.serial import Serial
from audit.executor.side_by_side import SideBySide, most_workers
from audit.images.tensors import autocast_of
from audit.models.frames import Shape
from audit.models.kernels import PLAIN_UP_TO
from audit.models.layout import model_files
from audit.models.loader import load
from audit.models.memory import MemoryShort, free_bytes, free_unused, is_out_of_memory, too_short
from audit.models.model import Model
from audit.plan.devices import pick_device, pick_precision
from audit.records import Environment, StepEnvironment, TrainSettings
from audit.runfolder.provenance import code_digests, commit, installed, packages, platform_words, processor
from audit.sampling import decoded_at_once
from audit.store import Store, default_store
from audit.training.footprint import Footprint, measure, measure_drawing
from audit.training.saving import drawing_bytes, kept_bytes, kept_small, ladder, weights_bytes

PACK_ROWS_CPU = 96
"""Rows per pass and worker on a CPU: 120 rows gain 3 % on 80 and take 0.4 GB more (docs/decisions, "Packs on a
CPU")."""
PACK_ROWS = 512
"""Rows per pass elsewhere; no device gains from more at the sizes of an audit."""
WORKER_ROWS = 40
"""Rows under which a pass of its own thread loses more than workers gain."""
SHARE_OF_RAM = 0.5
SHARE_OF_DEVICE = 0.85
"""How much of the memory an audit may take when the user states no budget: a laptop has other things to do."""
RUNTIME_BYTES = 0.9e9
"""What Python, torch and the libraries around them take before a model is loaded."""


def memory_budget(device: torch.device, memory: float | None) -> float:
    """Bytes that the whole process may take: as asked for in GB, else a share of what the machine has and others leave.

    On a GPU that others use, too, what they hold is not counted.
    """
    if memory is not None:
        return memory * 1e9
    free = SHARE_OF_DEVICE * free_bytes(device)
    if device.type == "cuda":
        return free
    if device.type == "mps":
        return min(SHARE_OF_DEVICE * float(torch.mps.recommended_max_memory()), free)
    return min(SHARE_OF_RAM * physical_memory(), free)


def physical_memory() -> float:
    """Bytes of main memory."""
    return float(psutil.virtual_memory().total)


def pick_pack(
    model: Model,
    settings: TrainSettings,
    *,
    precision: str,
    memory: float | None = None,
    beside: float = 0.0,
    shape: Shape | None = None,
) -> Packing:
    """Cells per pass, passes side by side, pictures per batch, and what is done to save memory, under the budget.

    A pure function of model, settings, precision, threads and budget, so that a resumed run packs alike.

    Args:
        memory: budget of the whole process in GB; None for a share of the machine's.
        beside: bytes that another model holds all the time.
        shape: of the largest pictures that are trained on; None for squares of the model's own size.
    """
    autocast = autocast_of(precision)
    whole = memory_budget(model.device, memory) - beside
    if model.device.type == "cpu":
        whole -= RUNTIME_BYTES
    full = settings.method == "full"
    footprint, saving = _rung(model, settings, whole, autocast=autocast, shape=shape)
    budget = whole - weights_bytes(model, settings, saving)
    most = max(1, (PACK_ROWS_CPU if model.device.type == "cpu" else PACK_ROWS) // settings.batch)
    if full:
        # Nothing is shared between models that are trained as a whole.
        most = 1
    found = Packing(cells=min(footprint.cells(budget, batch=settings.batch), most), saving=saving)
    for workers in range(most_workers(model), 1, -1):
        # Every further worker holds a copy of the base.
        share = (budget - (workers - 1) * weights_bytes(model, settings, saving)) / workers
        fitting = footprint.cells(share, batch=settings.batch)
        whole_fits = full and footprint.bytes(1, batch=settings.batch) <= share
        if whole_fits or (not full and fitting * settings.batch >= WORKER_ROWS):
            found = Packing(cells=min(fitting, most), workers=workers, saving=saving)
            break
    held = found.workers * (weights_bytes(model, settings, saving) + footprint.bytes(found.cells, batch=settings.batch))
    return _for_drawing(model, settings, replace(found, bytes=held), whole, autocast=autocast)


def _rung(
    model: Model, settings: TrainSettings, whole: float, *, autocast: torch.dtype | None, shape: Shape | None
) -> tuple[Footprint, Saving]:
    """The first way of saving with which one cell fits, or the last there is.

    Raises:
        MemoryShort: not even the counting fits.
    """
    rungs = ladder(model.device, autocast=autocast, full=settings.method == "full")
    found: tuple[Footprint, Saving] | None = None
    for saving in rungs:
        try:
            halved = kept_small(model, saving)
            footprint = measure(
                model, settings, autocast=autocast, checkpointing=saving.checkpointing, halved=halved, shape=shape
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            continue
        finally:
            free_unused(model.device)
        found = footprint, saving
        if footprint.bytes(1, batch=settings.batch) <= whole - weights_bytes(model, settings, saving):
            break
    if found is None:
        raise too_short("memory-for.training" if settings.method == "full" else "memory-for.lora")
    return found


def _for_drawing(
    model: Model, settings: TrainSettings, packing: Packing, whole: float, *, autocast: torch.dtype | None
) -> Packing:
    """The packing with as many pictures in one batch, and at once through the decoder, as fit beside the weights."""
    weights = drawing_bytes(model, settings, packing.saving)
    if model.device.type != "cuda":
        # Main memory is the device's own.
        weights += kept_bytes(model, settings)
    share = (whole - packing.workers * weights) / packing.workers
    footprint = measure_drawing(
        model, guided=not model.embeds_guidance, autocast=autocast, halved=kept_small(model, packing.saving)
    )
    pictures = min(PICTURES, footprint.pictures(share))
    decoded = min(pictures, decoded_at_once(model), footprint.decoded(share))
    held = packing.workers * (weights + footprint.bytes(pictures, decoded=decoded))
    around = RUNTIME_BYTES if model.device.type == "cpu" else 0.0
    return replace(packing, pictures=pictures, decoded=decoded, bytes=max(packing.bytes, held) + around)


def make_engine(
    model: Model,
    *,
    store: Store,
    progress: Progress,
    training: TrainSettings | None = None,
    memory: float | None = None,
    plan: str = "",
    drawing: Model | None = None,
    shape: Shape | None = None,
) -> Engine:
    """What stages work with on this machine.

    Args:
        training: settings of the trainings to come; None where nothing is trained.
        memory: budget of the whole process in GB; None for a share of the machine's.
        plan: digest of the plan that stored steps are made for; '' for none.
        drawing: the sibling that draws, if any.
        shape: as of `pick_pack`.
    """
    precision = pick_precision(model.device)
    beside = _held(drawing)
    packing = (
        Packing()
        if training is None
        else pick_pack(model, training, precision=precision, memory=memory, beside=beside, shape=shape)
    )
    packing = replace(packing, bytes=packing.bytes + beside)
    _refuse_too_large(packing, model.device, memory)
    made_with = step_environment(model.device, precision)
    return Engine(
        model=model,
        device=model.device,
        precision=precision,
        packing=packing,
        store=store.working(made_with, plan=plan),
        progress=progress,
        environment=made_with,
        executor=SideBySide(packing.workers),
        fitting=Fitting(pictures=packing.pictures, decoded=packing.decoded),
        drawing=drawing,
    )


def _refuse_too_large(packing: Packing, device: torch.device, memory: float | None) -> None:
    """Say it before anything runs where even the smallest packs take more main memory than there is.

    Where it runs out, the system ends the process. CUDA says it, and smaller pieces are tried then.

    Raises:
        MemoryShort: `memory-short.foreseen` or, under a budget that the user states, `memory-short.allowed`.
    """
    need = packing.bytes
    if device.type == "cuda":
        return
    if memory is not None and need > memory * 1e9:
        raise MemoryShort("memory-short.allowed", need=need / 1e9, allowed=memory)
    if memory is None and need > (free := free_bytes(device)):
        raise MemoryShort("memory-short.foreseen", need=need / 1e9, free=free / 1e9)


def _held(drawing: Model | None) -> float:
    """Bytes that the model that draws holds on the device while the other one works."""
    if drawing is None or drawing.room is not None:
        return 0.0
    return float(sum(p.numel() * p.element_size() for part in drawing.parts() for p in part.parameters()))


def load_pair(
    name: str, sibling: str | None, *, device: torch.device, memory: float | None, asked: str | None, skip: int
) -> tuple[Model, Model | None]:
    """The audited model and the sibling that draws, if any; two share what one has alone.

    Args:
        memory: budget in GB; None for a share of the machine's. asked: the prediction type that the user states.
        skip: see `open_source`.
    """
    budget = memory_budget(device, memory) / (1 if sibling is None else 2)
    model = load(name, device=device, budget=budget, asked=asked, skip=skip)
    return model, None if sibling is None else load(sibling, device=device, budget=budget, skip=skip)


def make_bench(device: torch.device, *, store: Store, progress: Progress, plan: str = "") -> Bench:
    """What work without a base model needs on this machine; `plan` as of `make_engine`."""
    made_with = step_environment(device, "fp32")
    return Bench(
        device=device,
        precision="fp32",
        store=store.working(made_with, plan=plan),
        progress=progress,
        environment=made_with,
        executor=Serial(),
    )


def with_surrogate(engine: Engine, name: str | None, *, memory: float | None) -> Engine:
    """The engine with the model that protections attack, opened; itself where that is the audited one (None).

    Args:
        name: of the model, or its path.
        memory: budget in GB for opening it; None for a share of the machine's.
    """
    if name is None:
        return engine
    engine.progress.stage(say("stage.open"), 1)
    surrogate = load(name, device=engine.device, budget=memory_budget(engine.device, memory))
    engine.progress.advance(1)
    engine.progress.close()
    return replace(engine, surrogate=surrogate)


def step_environment(device: torch.device, precision: str) -> StepEnvironment:
    """What steps are made with in this process."""
    return StepEnvironment(
        tool_version=__version__,
        commit=commit(),
        device=device.type,
        accelerator=accelerator(device),
        precision=precision,
        threads=torch.get_num_threads(),
        packages=packages(),
    )


def accelerator(device: torch.device) -> str:
    """Name of the graphics processor; '' on a CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else ""


def environment(model_name: str, *, device: torch.device, precision: str) -> Environment:
    """What this process runs on and with, for environment.json.

    Raises:
        BadModel: the model's folder is gone.
    """
    name, cores = processor()
    return Environment(
        python=platform.python_version(),
        platform=platform_words(),
        processor=name,
        cores=cores,
        memory_bytes=int(physical_memory()),
        accelerator=accelerator(device),
        device=device.type,
        precision=precision,
        threads=torch.get_num_threads(),
        determinism={
            "torch.use_deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
            "torch.backends.cudnn.deterministic": str(torch.backends.cudnn.deterministic),
            "torch.backends.cudnn.benchmark": str(torch.backends.cudnn.benchmark),
            "torch.backends.cuda.matmul.allow_tf32": str(torch.backends.cuda.matmul.allow_tf32),
            "torch.backends.cudnn.allow_tf32": str(torch.backends.cudnn.allow_tf32),
            "torch.float32_matmul_precision": torch.get_float32_matmul_precision(),
            "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG", "not set"),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        },
        packages=installed(),
        commit=commit(),
        code=code_digests(),
        model_files=model_files(model_name),
    )


def describe_machine() -> tuple[Said, ...]:
    """What `cloakcheck doctor` tells: what was chosen, why, and what could be better."""
    aside: list[Said] = []
    device, threads = pick_device("auto", tell=aside.append), torch.get_num_threads()
    precision = pick_precision(device)
    named, cpu = accelerator(device), device.type == "cpu"
    common = (
        say("doctor.device-named", kind=device.type, name=named) if named else say("doctor.device", kind=device.type),
        *aside,
        *(() if aside or not cpu else (_why_cpu(),)),
        _precision_words(device, precision),
        say("doctor.threads", count=threads),
        say(
            "doctor.memory" if cpu else "doctor.memory-of-device",
            all=physical_memory() / 1e9,
            free=free_bytes(device) / 1e9,
            budget=memory_budget(device, None) / 1e9,
        ),
        say("doctor.disk", free=free_on_disk(default_store()) / 1e9),
        say("doctor.torch", version=torch.__version__),
        say("doctor.format"),
        say("doctor.compile"),
    )
    if not cpu:
        return common
    preloaded = os.environ.get("LD_PRELOAD", "")
    fast = any(name in preloaded for name in ("tcmalloc", "jemalloc"))
    return (
        *common,
        say("doctor.workers", threads=threads, cells=PLAIN_UP_TO),
        say("doctor.attention", cells=PLAIN_UP_TO),
        say("doctor.allocator" if fast else "doctor.allocator-of-system"),
    )


def _precision_words(device: torch.device, precision: str) -> Said:
    if precision == "bf16":
        return say("doctor.precision", precision=precision)
    return say("doctor.precision-plain" if device.type == "cpu" else "doctor.precision-no-half", precision=precision)


def _why_cpu() -> Said:
    """Why no graphics processor was taken, where none was left aside."""
    built = torch.version.cuda or torch.version.hip
    return say("doctor.no-card" if built else "doctor.no-card-built", version=torch.__version__)


def free_on_disk(folder: Path) -> int:
    """Bytes free on the disk of a folder, which may be yet to be made."""
    return shutil.disk_usage(next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())).free
