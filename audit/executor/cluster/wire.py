"""What travels between the driver and the nodes of a cluster: jobs one way, news and results the other.

The driver is the process that a person started. A node is a machine of the cluster, a seat a process there that does
one task at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from audit.executor import Engine, Task
from audit.executor.packing import Packing
from audit.models.model import Model
from audit.records import StepEnvironment
from audit.store.parcels import Parcel


@dataclass(frozen=True)
class NodeKit:
    """What a node needs of rooms above this one; functions travel by their names.

    Attributes:
        device: the torch device of a name such as `auto`; environment: what steps are made with on a device.
        packing: how a machine with less memory than the driver's does a task: the bench as the driver would have it,
            the task, the setting, and bytes for each seat. None where it does it as the driver would.
        code: digests of the program's files there, by name.
    """

    device: Callable[[str], torch.device]
    environment: Callable[[torch.device, str], StepEnvironment]
    load: Callable[..., Model]
    packing: Callable[[Engine, Task[Any], NodeSetting, float], Packing | None]
    code: Callable[[], dict[str, str]]


@dataclass(frozen=True)
class SentFile:
    """A file of a model: where the cluster keeps its pieces, and the digest of the whole."""

    name: str
    sha256: str
    pieces: tuple[Any, ...]


@dataclass(frozen=True)
class SentModel:
    """A base model.

    Attributes:
        sha256: of the model, as its facts state it.
        asked: the prediction type to state when it is opened.
        files: () of a model that is a part of the program.
        single: name of the file of a single-file checkpoint; '' for a folder.
        skip: which layer of the text encoder is read, counted from its end.
    """

    sha256: str
    asked: str | None
    files: tuple[SentFile, ...] = ()
    single: str = ""
    skip: int = 1


@dataclass(frozen=True)
class NodeSetting:
    """How a node's bench is made: alike for all jobs of a stage.

    Attributes:
        device: as the user named it; each node has its own.
        threads: of the driver's process; packages and threads are recorded beside every step.
        plan: digest of the plan that steps are first made for.
        reuse: whether what an earlier run has left on a node is taken.
        packing, model: None where work needs no base model.
        room: bytes of the driver's device for each worker.
    """

    device: str
    precision: str
    packing: Packing | None
    threads: int
    plan: str
    reuse: bool
    model: SentModel | None
    surrogate: SentModel | None
    room: float = 0.0


@dataclass(frozen=True)
class Sent:
    """Something that a task reads: its name and key, and where the cluster keeps it."""

    name: str
    key: str
    ref: Any


@dataclass(frozen=True)
class Errand:
    """A task on its way, with all that it reads.

    Attributes:
        threads: that it runs with; the number decides how sums are rounded.
        models: whether it needs the setting's models; checkpoint: key of its unfinished state, '' for none.
    """

    task: Task[Any]
    threads: int
    sent: tuple[Sent, ...]
    setting: NodeSetting
    models: bool
    checkpoint: str = ""


@dataclass(frozen=True)
class News:
    """What a seat tells while it works: units done, and what is finished or saved since it was asked last."""

    done: int
    parcels: tuple[Parcel, ...] = ()


@dataclass(frozen=True)
class Done:
    """A job's end: its answer, and what it made that was not told yet."""

    answer: Any
    parcels: tuple[Parcel, ...] = ()


@dataclass(frozen=True)
class Small:
    """A job that was not begun: this machine has room for so many rows of it at once."""

    most: int


@dataclass(frozen=True)
class Failed:
    """A job that raised.

    Attributes:
        error: what it raised, or a RuntimeError that says so where that cannot travel.
        sign: the same for the same error.
    """

    error: Exception
    sign: str


@dataclass(frozen=True)
class Hello:
    """What a seat says of itself when it opens.

    Attributes:
        host: the machine's name for people.
        versions: of CloakCheck, Python and torch; code: digest over the program's files.
    """

    host: str
    device: str
    accelerator: str
    cores: int
    memory_bytes: int
    versions: dict[str, str]
    code: str


@dataclass(frozen=True)
class CacheAt:
    """Where a node keeps what it was sent: a folder of the session's own, or one that stays.

    Attributes:
        session: names this run of the program.
    """

    session: str
    keep: bool
    base: Path | None = None
