"""A seat: what runs on a node. It keeps a model open, does one task at a time, and hands back what that made.

It knows nothing of the engine that carries the messages: `fetch` brings what a job points to.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import platform
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from audit import __version__
from audit.base.private import be_private
from audit.base.progress import Progress
from audit.executor import Bench, Engine, Worker
from audit.executor.cluster.cache import NodeCache
from audit.executor.cluster.models import ModelShelf
from audit.executor.cluster.wire import CacheAt, Done, Errand, Failed, Hello, News, NodeKit, NodeSetting, Small
from audit.executor.packing import Fitting, Packing
from audit.executor.serial import Serial
from audit.executor.side_by_side import WorkerStopped
from audit.records import StepEnvironment
from audit.store import Store
from audit.store.parcels import CHECKPOINT, PICTURE, Parcel, holds, pack, unpack
from audit.store.sound import MOST_BYTES, read_regular

Fetch = Callable[[Sequence[Any]], list[Any]]
"""Brings what references point to, in order."""


class NotingStore(Store):
    """A store that tells of every step and picture that is made or found in it."""

    def __init__(self, root: Path, note: Callable[[str, str], None]) -> None:
        super().__init__(root)
        self._note = note

    @contextlib.contextmanager
    def writing(self, name: str, key: str, *, signed: bool = False) -> Iterator[Path]:
        with super().writing(name, key, signed=signed) as folder:
            yield folder
        self._note(name, key)

    def has(self, name: str, key: str) -> bool:
        found = super().has(name, key)
        if found:
            self._note(name, key)
        return found

    def verified(self, name: str, key: str) -> Path | None:
        found = super().verified(name, key)
        if found is not None:
            self._note(name, key)
        return found

    def put_pixels(self, pixels: NDArray[np.uint8]) -> str:
        digest = super().put_pixels(pixels)
        self._note(PICTURE, digest)
        return digest

    def get_pixels(self, digest: str) -> NDArray[np.uint8]:
        found = super().get_pixels(digest)
        self._note(PICTURE, digest)
        return found


class _AtWork:
    """The job at hand: how far it is, and what it has made that was not handed over."""

    def __init__(self, job: Errand) -> None:
        self.job = job
        self.done = 0
        self.given = {(sent.name, sent.key) for sent in job.sent}
        self.noted: dict[tuple[str, str], None] = {}
        self.saved = b""


class Node:
    """See the module; one in each seat's process.

    Args:
        fetch: brings what a job points to.
        seats: that share the memory of this one's device.
    """

    def __init__(self, kit: NodeKit, at: CacheAt, fetch: Fetch, *, seats: int = 1) -> None:
        be_private()
        self._kit, self._fetch, self._seats = kit, fetch, seats
        self._cache = NodeCache(at)
        self._store = NotingStore(self._cache.folder / "store", self._note)
        self._shelf = ModelShelf(kit, self._cache.folder / "models", fetch)
        self._fitting: tuple[Packing, Fitting] | None = None
        self._environments: dict[tuple[str, str, int], tuple[torch.device, StepEnvironment]] = {}
        self._lock = threading.Lock()
        self._at: _AtWork | None = None
        self._stopped = threading.Event()

    def hello(self, device: str) -> Hello:
        """What this machine is."""
        return hello(self._kit, self._kit.device(device))

    def do(self, job: Errand) -> Done | Failed | Small:
        """Run a job's task to its end."""
        self._stopped.clear()
        with self._lock:
            self._at = _AtWork(job)
        try:
            answer = self._run(job)
            if isinstance(answer, Small):
                return answer
            return Done(answer, self._news().parcels)
        except Exception as error:
            return _failed(error)
        finally:
            with self._lock:
                self._at = None

    def news(self) -> News:
        """How far the job at hand is, with what it has finished or saved since the last time."""
        return self._news(unfinished=True)

    def stop(self) -> None:
        """End the job at hand at its next step."""
        self._stopped.set()

    def close(self) -> None:
        """Take away what this node was sent, if no other seat uses it."""
        self.stop()
        self._cache.close()

    # --- a job ---------------------------------------------------------------------------------------

    def _run(self, job: Errand) -> Any:
        bench = self._with_less(self._bench(job), job)
        if isinstance(bench, Engine) and bench.packing is not job.setting.packing and job.task.rows > 1:
            most = bench.packing.cells
            if most < job.task.rows:
                return Small(most)
        lacking = [sent for sent in job.sent if not holds(bench.store, sent.name, sent.key)]
        for sent, parcel in zip(lacking, self._fetch([sent.ref for sent in lacking]), strict=True):
            if (parcel.name, parcel.key) != (sent.name, sent.key):
                raise RuntimeError(f"{sent.name} {sent.key}")
            unpack(bench.store, parcel)
        torch.set_num_threads(job.threads)
        with job.task.ready(bench) as masters:
            worker = Worker(bench=bench, masters=masters, check=self._check, tell=self._tell)
            return job.task.run(worker)

    def _bench(self, job: Errand) -> Bench:
        setting = job.setting
        device, environment = self._made_with(setting)
        store = self._store.working(environment, plan=setting.plan)
        store.reuse = setting.reuse
        common: Mapping[str, Any] = {
            "device": device,
            "precision": setting.precision,
            "store": store,
            # What a task tells goes to the driver as its news.
            "progress": Progress(_Nowhere()),
            "environment": environment,
            "executor": Serial(),
        }
        packing = setting.packing
        if not job.models or setting.model is None or packing is None:
            return Bench(**common)
        if self._fitting is None or self._fitting[0] != packing:
            self._fitting = packing, Fitting(pictures=packing.pictures, decoded=packing.decoded)
        surrogate = None if setting.surrogate is None else self._shelf.opened(setting.surrogate, device)
        return Engine(
            **common,
            model=self._shelf.opened(setting.model, device),
            surrogate=surrogate,
            packing=packing,
            fitting=self._fitting[1],
        )

    def _with_less(self, bench: Bench, job: Errand) -> Bench:
        """The bench, packed for this machine where it has less memory than the driver's."""
        if not isinstance(bench, Engine):
            return bench
        own = self._kit.packing(bench, job.task, job.setting, device_bytes(bench.device) / self._seats)
        if own is None:
            return bench
        return replace(bench, packing=own, fitting=Fitting(pictures=own.pictures, decoded=own.decoded))

    def _made_with(self, setting: NodeSetting) -> tuple[torch.device, StepEnvironment]:
        """This machine's device and what steps are made with here; found out once, as it takes time."""
        named = setting.device, setting.precision, setting.threads
        if named not in self._environments:
            # Recorded beside every step, as of a run on the driver alone.
            torch.set_num_threads(setting.threads)
            device = self._kit.device(setting.device)
            self._environments[named] = device, self._kit.environment(device, setting.precision)
        return self._environments[named]

    def _check(self) -> None:
        if self._stopped.is_set():
            raise WorkerStopped

    def _tell(self, done: int) -> None:
        at = self._at
        if at is not None:
            at.done = done

    def _note(self, name: str, key: str) -> None:
        at = self._at
        if at is not None and (name, key) not in at.given:
            with self._lock:
                at.noted.setdefault((name, key))

    def _news(self, *, unfinished: bool = False) -> News:
        at = self._at
        if at is None:
            return News(0)
        with self._lock:
            noted = list(at.noted)
            at.given.update(noted)
            at.noted.clear()
        found = [pack(self._store, name, key) for name, key in noted]
        if unfinished and at.job.checkpoint:
            found.append(self._saved(at))
        return News(at.done, tuple(parcel for parcel in found if parcel is not None))

    def _saved(self, at: _AtWork) -> Parcel | None:
        """The job's unfinished state, where it is newer than the one that was told last."""
        folder = self._store.root / "checkpoints" / at.job.checkpoint
        try:
            stand = read_regular(folder / "step.json", limit=MOST_BYTES)
        except OSError:
            return None
        if stand == at.saved:
            return None
        parcel = pack(self._store, CHECKPOINT, at.job.checkpoint)
        if parcel is not None:
            at.saved = parcel.files["step.json"]
        return parcel


class _Nowhere(io.StringIO):
    """Keeps nothing of what is written."""

    def write(self, text: str) -> int:
        return len(text)


def device_bytes(device: torch.device) -> float:
    """Memory of a device, whoever uses it; main memory, where it is the processor."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory)
    return float(psutil.virtual_memory().total)


def hello(kit: NodeKit, device: torch.device) -> Hello:
    """What a process on this machine says of itself."""
    code = "\n".join(f"{name} {digest}" for name, digest in sorted(kit.code().items()))
    return Hello(
        host=socket.gethostname(),
        device=device.type,
        accelerator=torch.cuda.get_device_name(device) if device.type == "cuda" else "",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=int(psutil.virtual_memory().total),
        versions={"cloakcheck": __version__, "python": platform.python_version(), "torch": torch.__version__},
        code=hashlib.sha256(code.encode("utf-8")).hexdigest(),
    )


def _failed(error: Exception) -> Failed:
    sign = f"{type(error).__name__}: {error}"
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return Failed(RuntimeError(sign), sign)
    return Failed(error, sign)
