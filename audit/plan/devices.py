"""Which device work runs on: one that computes, not one that is merely there."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from audit.base.errors import BadInput
from audit.base.messages import Said, say
from audit.models.memory import is_out_of_memory

FALLBACK = "PYTORCH_ENABLE_MPS_FALLBACK"
"""Set by the command line on macOS: operators that Apple's GPUs lack run on the CPU."""
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def pick_device(name: str, *, tell: Callable[[Said], None] = lambda said: None) -> torch.device:
    """The torch device for `auto`, `cpu`, `cuda`, `cuda:N` or `mps`, after it has computed something.

    Args:
        tell: hears of a graphics processor that `auto` leaves aside, and of operators that run on the CPU in its place.

    Raises:
        BadInput: a device that this machine does not have, or that cannot compute here.
    """
    if name == "auto":
        for kind in ("cuda", "mps"):
            if not _there(kind):
                continue
            cause = why_not(torch.device(kind))
            if cause is None:
                return _settled(torch.device(kind), tell)
            tell(say("device.left-aside", kind=kind, cause=cause))
            return torch.device("cpu")
        if (cause := unseen()) is not None:
            tell(say("device.left-aside", kind="cuda", cause=cause))
        return torch.device("cpu")
    try:
        if name.partition(":")[0] not in ("cpu", "cuda", "mps"):
            raise RuntimeError(name)
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput("device-missing", device=name) from error
    if device.type != "cpu" and (cause := why_not(device)) is not None:
        raise BadInput("device-missing.cause", device=name, cause=cause)
    return _settled(device, tell)


def _there(kind: str) -> bool:
    return torch.cuda.is_available() if kind == "cuda" else torch.backends.mps.is_available()


def _settled(device: torch.device, tell: Callable[[Said], None]) -> torch.device:
    if device.type == "mps" and (missing := lacking(device)):
        tell(say("device.operators", names=missing))
    return device


def why_not(device: torch.device) -> Said | None:
    """Why a device cannot compute here; None where it can, which is tried with a product and a convolution."""
    if device.type == "cuda":
        make_exact()
    try:
        with warnings.catch_warnings():
            # Torch warns of a card that it was not built for, too; the sentence says it.
            warnings.simplefilter("ignore")
            matrix = torch.ones(8, 8, device=device)
            found = float((matrix @ matrix).sum() + F.conv2d(matrix[None, None], matrix[None, None]).sum())
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return _cause(error, device)
    return None if found == 8**3 + 8**2 else say("device-cause.wrong", seen=found)


def _cause(error: BaseException, device: torch.device) -> Said:
    text = str(error)
    if is_out_of_memory(error):
        return say("device-cause.memory")
    if device.type == "mps":
        return say("device-cause.mps")
    if torch.version.cuda is None and torch.version.hip is None:
        return say("device-cause.built", version=torch.__version__)
    if "driver" in text.lower() and "too old" in text.lower():
        return say("device-cause.driver-old", cuda=str(torch.version.cuda))
    if "no nvidia driver" in text.lower():
        return say("device-cause.driver-missing")
    if "no kernel image" in text.lower() or "not compatible" in text.lower():
        major, minor = torch.cuda.get_device_capability(device)
        newest = max((int(arch[3:]) for arch in torch.cuda.get_arch_list() if arch[3:].isdigit()), default=0)
        id = "device-cause.kernels-newer" if 10 * major + minor > newest else "device-cause.kernels"
        name = torch.cuda.get_device_name(device)
        return say(id, name=name, capability=f"sm_{major}{minor}", built=torch.cuda.get_arch_list())
    return say("device-cause.other", kind=type(error).__name__, why=text.splitlines()[0] if text else "")


def unseen() -> Said | None:
    """Why an NVIDIA card whose driver is installed is not seen; None without such a driver, or where it is seen."""
    if torch.cuda.is_available() or not has_driver():
        return None
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        return _cause(error, torch.device("cuda"))
    return say("device-cause.hidden")


def has_driver() -> bool:
    """Whether an NVIDIA driver is installed, as far as can be seen without torch."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def make_exact() -> None:
    """Have kernels add up in one order: `calibrate` demands that the control `identity` differs by exactly nothing.

    Before the first kernel, for cuBLAS reads its setting once. Operators without such a kernel run all the same; what
    is compared bit by bit (training and drawing) has none of them.
    """
    os.environ.setdefault(WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    deterministic: Any = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation.*")


def _resize(device: torch.device) -> Tensor:
    picture = torch.rand(1, 3, 16, 16, device=device, requires_grad=True)
    small = F.interpolate(picture, size=(8, 8), mode="bicubic", antialias=True)
    return torch.autograd.grad(small.sum(), picture)[0]


def _attention(device: torch.device) -> Tensor:
    heads = torch.rand(1, 2, 4, 8, device=device, requires_grad=True)
    return torch.autograd.grad(F.scaled_dot_product_attention(heads, heads, heads).sum(), heads)[0]


def _shifted(device: torch.device) -> Tensor:
    columns = torch.rand(1, 9, 16, device=device, requires_grad=True)
    return torch.autograd.grad(F.fold(columns, (4, 4), (3, 3), padding=1).square().sum(), columns)[0]


def _low_rank(device: torch.device) -> Tensor:
    stack = torch.ones(2, 4, 4, device=device)
    return stack.clone().baddbmm_(stack, stack, alpha=0.5)


def _normed(device: torch.device) -> Tensor:
    map_ = torch.rand(1, 8, 4, 4, device=device, requires_grad=True)
    larger = F.interpolate(F.silu(F.group_norm(map_, 4)), scale_factor=2.0, mode="nearest")
    return torch.autograd.grad(larger.square().sum(), map_)[0]


OPERATORS: dict[str, Callable[[torch.device], Tensor]] = {
    "device-operator.resizing": _resize,
    "device-operator.attention": _attention,
    "device-operator.fold": _shifted,
    "device-operator.products": _low_rank,
    "device-operator.norm": _normed,
}
"""What training, drawing and attacks need beside products and convolutions, with its pass back; by message."""


def lacking(device: torch.device) -> tuple[Said, ...]:
    """Operators that a device lacks, or runs on the CPU in its place.

    Raises:
        BadInput: it lacks some, and nothing runs in their place.
    """
    missing: list[Said] = []
    ends: list[Said] = []
    for name, used in OPERATORS.items():
        try:
            with warnings.catch_warnings():
                # Where the CPU steps in, torch says so once, as a warning.
                warnings.filterwarnings("error", message=".*fall back.*")
                used(device)
        except NotImplementedError:
            ends.append(say(name))
        except UserWarning:
            missing.append(say(name))
    if ends:
        raise BadInput("device-operators", device=device.type, names=ends, variable=FALLBACK)
    return tuple(missing)


def pick_precision(device: torch.device) -> str:
    """`bf16` where the processor multiplies it in hardware, else `fp32`.

    Never float16, which cards before Ampere multiply fast: its gradients need a scale that is found by skipping steps,
    and trainings that are compared would skip different ones.
    """
    if device.type == "cuda":
        with torch.cuda.device(device):
            # Cards before Ampere only emulate it, slower than float32.
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu":
        capable = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return "bf16" if capable else "fp32"
    return "fp32"
