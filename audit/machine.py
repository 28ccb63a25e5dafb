"""What this machine does well: device, precision, pack size. Decided once, from facts it states."""

from __future__ import annotations

import os

import torch

from audit.errors import BadInput, printable
from audit.models.loader import Model
from audit.records import TrainSettings

PACK_ROWS_CPU = 144
"""Rows per pass on a CPU: past this, throughput is flat and memory is not (DECISIONS, 2026-11-22)."""
ROW_BYTES_SD = 0.9e9
"""Activation memory of one 512 px Stable Diffusion row in training, bf16 (research: 0.88 GiB)."""


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
        raise BadInput(
            "device-missing", f"Device '{printable(name)}' is not available on this machine; use --device auto."
        ) from error
    return device


def pick_precision(device: torch.device) -> str:
    """`bf16` where the processor multiplies it in hardware, else `fp32`."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if device.type == "cpu":
        capable = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return "bf16" if capable else "fp32"
    return "fp32"


def pick_pack(model: Model, settings: TrainSettings) -> int:
    """Cells per pass. A pure function of model, settings and device, so that a resumed run packs alike."""
    area = (model.facts.resolution / 512) ** 2
    width = model.unet.config.block_out_channels[0] / 320
    row = ROW_BYTES_SD * area * width
    if model.device.type == "cuda":
        room = 0.7 * torch.cuda.get_device_properties(model.device).total_memory - 3e9
        rows = int(room / row)
    else:
        rows = PACK_ROWS_CPU if row < 3e7 else settings.batch
    return max(1, rows // settings.batch)


def describe_machine() -> list[str]:
    """Lines for `cloakcheck doctor`: what was chosen and what could be better."""
    device = pick_device("auto")
    lines = [
        f"device: {device.type}",
        f"precision: {pick_precision(device)}",
        f"threads: {torch.get_num_threads()}",
        f"torch: {torch.__version__}",
    ]
    if device.type == "cpu":
        allocator = "tcmalloc" in os.environ.get("LD_PRELOAD", "") or "jemalloc" in os.environ.get("LD_PRELOAD", "")
        lines.append(
            "allocator: preloaded"
            if allocator
            else "allocator: the system's; on Linux, installing tcmalloc (Debian: libtcmalloc-minimal4) and "
            "setting LD_PRELOAD to it makes CPU runs faster"
        )
    return lines
