"""What this machine does well: device, precision, pack size. Decided once, from facts it states."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

import psutil
import torch

from audit import __version__
from audit.base.errors import BadInput
from audit.base.progress import Progress
from audit.executor import Engine
from audit.executor.packing import Packing
from audit.executor.side_by_side import SideBySide, most_workers
from audit.images.tensors import autocast_of
from audit.models.kernels import PLAIN_UP_TO
from audit.models.layout import model_files
from audit.models.loader import Model
from audit.records import Environment, StepEnvironment, TrainSettings
from audit.runfolder.provenance import code_digests, commit, installed, packages, platform_words, processor
from audit.store import Store
from audit.training.footprint import measure
from audit.training.saving import ladder, saved, weights_bytes

PACK_ROWS_CPU = 96
"""Rows per pass and worker on a CPU: 120 rows gain 3 % on 80 and take 0.4 GB more (DECISIONS, 2026-11-22)."""
PACK_ROWS = 512
"""Rows per pass elsewhere; no device gains from more at the sizes of an audit."""
WORKER_ROWS = 40
"""Rows under which a pass of its own thread loses more than workers gain."""
SHARE_OF_RAM = 0.5
SHARE_OF_DEVICE = 0.85
"""How much of the memory an audit may take when the user states no budget: a laptop has other things to do."""
RUNTIME_BYTES = 0.9e9
"""What Python, torch and the libraries around them take before a model is loaded."""


def pick_device(name: str) -> torch.device:
    """The torch device for `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        BadInput: a device that this machine does not have.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        if name.partition(":")[0] not in ("cpu", "cuda", "mps"):
            raise RuntimeError(name)
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadInput("device-missing", device=name) from error
    return device


def pick_precision(device: torch.device) -> str:
    """`bf16` where the processor multiplies it in hardware, else `fp32`."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            # Cards before Ampere only emulate it, slower than float32.
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu":
        capable = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return "bf16" if capable else "fp32"
    return "fp32"


def memory_budget(device: torch.device, memory: float | None) -> float:
    """Bytes that the whole process may take: as asked for in GB, else a share of what the machine has."""
    if memory is not None:
        return memory * 1e9
    if device.type == "cuda":
        return SHARE_OF_DEVICE * float(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "mps":
        return SHARE_OF_DEVICE * float(torch.mps.recommended_max_memory())
    return SHARE_OF_RAM * physical_memory()


def physical_memory() -> float:
    """Bytes of main memory."""
    return float(psutil.virtual_memory().total)


def pick_pack(model: Model, settings: TrainSettings, *, precision: str, memory: float | None = None) -> Packing:
    """Cells per pass, passes side by side, and what is done to save memory, under the budget.

    A pure function of model, settings, precision, threads and budget, so that a resumed run packs alike.

    Args:
        memory: budget of the whole process in GB; None for a share of the machine's.
    """
    autocast = autocast_of(precision)
    whole = memory_budget(model.device, memory)
    if model.device.type == "cpu":
        whole -= RUNTIME_BYTES
    full = settings.method == "full"
    for saving in ladder(model.device, autocast=autocast, full=full):
        budget = whole - weights_bytes(model, settings, saving)
        with saved(model, settings, saving):
            footprint = measure(model, settings, autocast=autocast, checkpointing=saving.checkpointing)
        if footprint.bytes(1, batch=settings.batch) <= budget:
            break
    most = max(1, (PACK_ROWS_CPU if model.device.type == "cpu" else PACK_ROWS) // settings.batch)
    if full:
        # Nothing is shared between models that are trained as a whole.
        most = 1
    for workers in range(most_workers(model), 1, -1):
        # Every further worker holds a copy of the base.
        share = (budget - (workers - 1) * weights_bytes(model, settings, saving)) / workers
        fitting = footprint.cells(share, batch=settings.batch)
        whole_fits = full and footprint.bytes(1, batch=settings.batch) <= share
        if whole_fits or (not full and fitting * settings.batch >= WORKER_ROWS):
            return Packing(cells=min(fitting, most), workers=workers, saving=saving)
    return Packing(cells=min(footprint.cells(budget, batch=settings.batch), most), saving=saving)


def make_engine(
    model: Model,
    *,
    store: Store,
    progress: Progress,
    training: TrainSettings | None = None,
    memory: float | None = None,
    plan: str = "",
) -> Engine:
    """What stages work with on this machine.

    Args:
        training: settings of the trainings to come; None where nothing is trained.
        memory: budget of the whole process in GB; None for a share of the machine's.
        plan: digest of the plan that stored steps are made for; '' for none.
    """
    precision = pick_precision(model.device)
    packing = Packing() if training is None else pick_pack(model, training, precision=precision, memory=memory)
    made_with = step_environment(model.device, precision)
    return Engine(
        model=model,
        precision=precision,
        packing=packing,
        store=store.working(made_with, plan=plan),
        progress=progress,
        environment=made_with,
        executor=SideBySide(packing.workers),
    )


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
            "torch.float32_matmul_precision": torch.get_float32_matmul_precision(),
            "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG", "not set"),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        },
        packages=installed(),
        commit=commit(),
        code=code_digests(),
        model_files=model_files(model_name),
    )


def describe_machine() -> list[str]:
    """Lines for `cloakcheck doctor`: what was chosen, why, and what could be better."""
    device = pick_device("auto")
    precision = pick_precision(device)
    free = shutil.disk_usage(Path.home()).free
    lines = [
        f"device: {device.type}" + (f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""),
        f"precision: {precision}"
        + ("" if precision == "bf16" else " (this device does not multiply bfloat16 in hardware)"),
        f"threads: {torch.get_num_threads()}",
        f"memory: {physical_memory() / 1e9:.1f} GB; a run may take {memory_budget(device, None) / 1e9:.1f} GB"
        + f"{'' if device.type == 'cpu' else ' of the device'} (--memory changes it)",
        f"disk: {free / 1e9:.0f} GB free in the home folder",
        f"torch: {torch.__version__}",
        "memory format: contiguous (channels_last was slower where it was measured)",
        "compile: off (it takes longer to compile than a run of minutes wins)",
    ]
    if device.type == "cpu":
        lines.append(
            f"workers: {torch.get_num_threads()}, each trains or draws with a thread of its own, for models with up to "
            f"{PLAIN_UP_TO} latent cells; one with all threads otherwise"
        )
        lines.append(
            f"attention: plain kernel in training up to {PLAIN_UP_TO} latent cells, torch's own choice otherwise"
        )
        preloaded = os.environ.get("LD_PRELOAD", "")
        lines.append(
            "allocator: preloaded"
            if "tcmalloc" in preloaded or "jemalloc" in preloaded
            else "allocator: the system's; on Linux, installing tcmalloc (Debian: libtcmalloc-minimal4) and "
            "setting LD_PRELOAD to it makes CPU runs faster"
        )
    return lines
