"""Ray carries the messages: a seat is an actor, what travels lies in Ray's object store.

A cluster that is started here listens on this machine alone, tells nobody that it is used, and is gone with the
process. One that is joined stays as it is; only the seats go.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import torch
from filelock import FileLock

from audit.base.errors import ClusterError
from audit.executor.cluster.cache import HELD, drop_unheld
from audit.executor.cluster.node import Node, device_bytes
from audit.executor.cluster.terms import Seat, SeatLost
from audit.executor.cluster.wire import CacheAt, Done, Errand, Failed, Hello, News, NodeKit, Small

T = TypeVar("T")

LOOK_EVERY = 5.0
"""Seconds between two looks for machines that have come."""
OPENING = 300.0
"""Seconds that a seat may take to open: it loads everything that trains."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Ray tells its makers nothing of what runs here."""
MOST_PER_GPU = 4
"""Seats on one graphics processor, where a small model fits several times."""
OF_GPU = 0.85
"""How much of a graphics processor's memory seats may take."""
LOOK_SHARE = 0.01
"""Of a graphics processor, that looking at it asks Ray for; at none, Ray would hide it."""
ASIDE = "aside"
"""Group of the methods that a seat answers while it does a task."""
OWN = "cc-ray-"
"""Begins the names of folders that Ray works in here."""
MOST_PATH = 24
"""Bytes of the temporary folder's path, so that Ray's sockets fit below it."""
OUT_OF_MEMORY = re.compile(r"low\s+on\s+memory", re.IGNORECASE)
"""What Ray says of a process that it ended for that; of any that was killed it says that memory may be why."""


def _aside(method: T) -> T:
    """Ray's own mark of a method that answers while others are at work; set here, as Ray may not be installed."""
    method.__ray_concurrency_group__ = ASIDE  # type: ignore[attr-defined]
    return method


class SeatProcess:
    """What Ray runs on a node: a `Node`, with Ray bringing what jobs point to."""

    def __init__(self, kit: NodeKit, at: CacheAt, seats: int) -> None:
        import ray

        def fetch(refs: Sequence[Any]) -> list[Any]:
            return list(ray.get(list(refs)))

        self._node = Node(kit, at, fetch, seats=seats)

    def hello(self, device: str) -> Hello:
        return self._node.hello(device)

    def do(self, job: Errand) -> Done | Failed | Small:
        return self._node.do(job)

    @_aside
    def news(self) -> News:
        return self._node.news()

    @_aside
    def close(self) -> None:
        self._node.close()


class GpuLook:
    """What Ray runs on a machine before seats are opened there: it tells the bytes of a graphics processor."""

    def bytes(self) -> float:
        return device_bytes(torch.device("cuda")) if torch.cuda.is_available() else 0.0


@dataclass
class _Actor:
    """A seat's actor; `hello` is None until it has opened."""

    seat: Seat
    actor: Any
    opening: Any
    since: float
    hello: Hello | None = None


class RayCluster:
    """See the module.

    Args:
        address: of a cluster to join; None starts one here.
        threads: that a seat takes on a machine without graphics processors; device: as the user named it.
        expected: what the driver's own seat would say of itself; a machine with other versions is refused. None
            refuses none: nothing is run then.
        seat_bytes: that a seat takes of a graphics processor, at most; 0 gives each a whole one.
    """

    def __init__(
        self,
        address: str | None,
        *,
        kit: NodeKit,
        at: CacheAt,
        threads: int,
        device: str,
        expected: Hello | None,
        seat_bytes: float = 0.0,
    ) -> None:
        self._kit, self._at, self._threads, self._device, self._expected = kit, at, threads, device, expected
        self._seat_bytes = seat_bytes
        self._seats: dict[str, _Actor] = {}
        self._per_gpu: dict[str, int] = {}
        self._looks: dict[str, tuple[Any, Any, float]] = {}
        self._made = 0
        self._looked = 0.0
        self._own: Path | None = None
        self._ray = _imported()
        with _signals_kept():
            self._open(address)

    def _open(self, address: str | None) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address is None:
            # A folder of its own: what Ray writes to disk there holds pictures, and must be closed to others.
            # One that was killed leaves it; the next one takes it away.
            drop_unheld(Path(_short_folder()).glob(f"{OWN}*"))
            self._own = Path(tempfile.mkdtemp(prefix=OWN, dir=_short_folder()))
            self._held = FileLock(self._own / HELD, mode=0o600, thread_local=False)
            self._held.acquire(timeout=0)
            # Ray asks for a token by itself, and else writes it into the home folder, where others may read it. Its
            # mode is left to Ray, which has read it from the environment already.
            if not any(name in os.environ for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
                os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
            quiet |= {
                "address": "local", "num_cpus": cores, "include_dashboard": False,
                "_node_ip_address": "127.0.0.1", "_temp_dir": str(self._own),
            }  # fmt: skip
        else:
            quiet["address"] = address
        try:
            with self._loopback(address):
                self._ray.init(**quiet)
        except (ConnectionError, RuntimeError, ValueError, ImportError, OSError, TimeoutError) as error:
            self._forget_own()
            why = (str(error) or type(error).__name__).splitlines()[0]
            raise ClusterError("cluster-unreachable", address=address or "local", why=why) from error

    @contextlib.contextmanager
    def _loopback(self, address: str | None) -> Iterator[None]:
        """A cluster of this machine's own listens on 127.0.0.1, as Ray does by itself on macOS and Windows alone.

        On Linux it takes the machine's outside address, even where it is told the inside one.
        """
        constants: Any = getattr(getattr(self._ray, "_private", None), "ray_constants", None)
        before = getattr(constants, "ENABLE_RAY_CLUSTER", None)
        if address is None and before is not None:
            constants.ENABLE_RAY_CLUSTER = False
        try:
            yield
        finally:
            if before is not None:
                constants.ENABLE_RAY_CLUSTER = before

    # --- seats -----------------------------------------------------------------------------------------

    def seats(self) -> list[Seat]:
        """Those that are open.

        Raises:
            ClusterError: `cluster-versions`, a machine has another version of CloakCheck or torch.
        """
        now = time.monotonic()
        if self._looks or now - self._looked > LOOK_EVERY:
            self._looked = now
            self._look(now)
        self._greet(now)
        return [own.seat for own in self._seats.values() if own.hello is not None]

    def opening(self) -> bool:
        """Whether any seat has yet to open."""
        return bool(self._looks) or any(own.hello is None for own in self._seats.values())

    def _look(self, now: float) -> None:
        """Seats for every machine that is there: for so many threads one, on graphics processors as many as fit."""
        for node in self._ray.nodes():
            if not node["Alive"]:
                continue
            resources = node["Resources"]
            cores = int(resources.get("CPU", 0))
            gpus = int(resources.get("GPU", 0)) if self._device != "cpu" else 0
            each = self._seats_per_gpu(node["NodeID"], cores // gpus, now) if gpus else 0
            if gpus and not each:
                continue
            wanted = gpus * each or max(1, cores // self._threads)
            has = sum(own.seat.node == node["NodeID"] for own in self._seats.values())
            for _ in range(has, wanted if cores else 0):
                self._add(node["NodeID"], per_gpu=each, seats=each or wanted, now=now)

    def _seats_per_gpu(self, node: str, cores: int, now: float) -> int:
        """As many as fit into a graphics processor's memory; 0 while nobody knows yet how large that is."""
        if node in self._per_gpu:
            return self._per_gpu[node]
        if not self._seat_bytes or cores < 2:
            self._per_gpu[node] = 1
        elif node not in self._looks:
            actor = self._remote(GpuLook, node, num_cpus=0, num_gpus=LOOK_SHARE).remote()
            self._looks[node] = actor, actor.bytes.remote(), now
        else:
            actor, asked, since = self._looks[node]
            there = bool(self._ray.wait([asked], timeout=0)[0])
            if there or now - since > OPENING:
                with contextlib.suppress(SeatLost):
                    fitting = int(OF_GPU * self.answer(asked) / self._seat_bytes) if there else 1
                    self._per_gpu[node] = max(1, min(MOST_PER_GPU, cores, fitting))
                self._per_gpu.setdefault(node, 1)
                del self._looks[node]
                with contextlib.suppress(Exception):
                    self._ray.kill(actor, no_restart=True)
        return self._per_gpu.get(node, 0)

    def _remote(self, what: type, node: str, **needs: float) -> Any:
        """An actor's class, to be made on a machine."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return self._ray.remote(concurrency_groups={ASIDE: 2})(what).options(
            max_restarts=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=False),
            **needs,
        )

    def _add(self, node: str, *, per_gpu: int, seats: int, now: float) -> None:
        needs = {"num_cpus": 1, "num_gpus": 1 / per_gpu} if per_gpu else {"num_cpus": self._threads, "num_gpus": 0}
        actor = self._remote(SeatProcess, node, **needs).remote(self._kit, self._at, seats)
        self._made += 1
        name = f"{node[:8]}-{self._made}"
        self._seats[name] = _Actor(Seat(name, node), actor, actor.hello.remote(self._device), now)

    def _greet(self, now: float) -> None:
        for own in [own for own in self._seats.values() if own.hello is None]:
            if self._ray.wait([own.opening], timeout=0)[0]:
                try:
                    own.hello = self.answer(own.opening)
                except SeatLost:
                    self.end(own.seat)
                    continue
                self._refuse_other(own.hello)
            elif now - own.since > OPENING:
                self.end(own.seat)

    def _refuse_other(self, hello: Hello) -> None:
        own = self._expected
        if own is None:
            return
        seen = {name: (hello.versions[name], version) for name, version in own.versions.items() if name != "python"}
        for name, (there, here) in seen.items():
            if there != here:
                raise ClusterError("cluster-versions", host=hello.host, name=name, there=there, here=here)
        if hello.code != own.code:
            raise ClusterError("cluster-versions.code", host=hello.host)

    def hellos(self) -> list[tuple[str, Hello]]:
        """What every open seat says of itself, with its node."""
        return [(own.seat.node, own.hello) for own in self._seats.values() if own.hello is not None]

    # --- messages --------------------------------------------------------------------------------------

    def put(self, thing: Any) -> Any:
        return self._ray.put(thing)

    def start(self, seat: Seat, job: Errand) -> Any:
        return self._seats[seat.name].actor.do.remote(job)

    def ask(self, seat: Seat) -> Any:
        return self._seats[seat.name].actor.news.remote()

    def ready(self, handles: Sequence[Any], seconds: float) -> list[Any]:
        if not handles:
            time.sleep(min(seconds, 0.2))
            return []
        # One at least, and all that are there by then.
        found, rest = self._ray.wait(list(handles), num_returns=1, timeout=seconds, fetch_local=False)
        if found and rest:
            found += self._ray.wait(rest, num_returns=len(rest), timeout=0, fetch_local=False)[0]
        # From outside a cluster, Ray answers with new references to the same.
        there = set(found)
        return [handle for handle in handles if handle in there]

    def answer(self, handle: Any) -> Any:
        from ray import exceptions

        try:
            return self._ray.get(handle, timeout=OPENING)
        except exceptions.OutOfMemoryError as error:
            raise SeatLost(type(error).__name__, memory=True) from error
        except (exceptions.RayActorError, exceptions.ObjectLostError, exceptions.GetTimeoutError) as error:
            raise SeatLost(type(error).__name__, memory=bool(OUT_OF_MEMORY.search(str(error)))) from error
        except exceptions.RayTaskError as error:
            # What a seat could not even open with.
            raise SeatLost(str(error).splitlines()[-1] if str(error) else type(error).__name__) from error

    def end(self, seat: Seat) -> None:
        own = self._seats.pop(seat.name, None)
        if own is not None:
            with contextlib.suppress(Exception):
                self._ray.kill(own.actor, no_restart=True)

    def close(self) -> None:
        """Take every seat away, and the cluster where it was started here."""
        with _signals_kept():
            closing = []
            for own in self._seats.values():
                with contextlib.suppress(Exception):
                    closing.append(own.actor.close.remote())
            with contextlib.suppress(Exception):
                self._ray.wait(closing, num_returns=len(closing), timeout=5.0)
            for own in list(self._seats.values()):
                self.end(own.seat)
            with contextlib.suppress(Exception):
                self._ray.shutdown()
        self._forget_own()

    def _forget_own(self) -> None:
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._held.release()


def _short_folder() -> str:
    """A temporary folder whose path leaves room for the names of Ray's sockets: 107 bytes in all."""
    usual = tempfile.gettempdir()
    return "/tmp" if len(os.fsencode(usual)) > MOST_PATH and Path("/tmp").is_dir() else usual


def _imported() -> Any:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    return import_module("ray")


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes signals for itself; Ctrl-C must go on ending this program as it always does."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            for number, handler in kept.items():
                signal.signal(number, handler)
