"""Ray, as far as `audit.executor.cluster.rays` uses it, made of threads of this process: for machines without Ray.

It is installed under Ray's own name, so that the code that talks to Ray is what runs.
"""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from typing import Any


class RayActorError(Exception): ...


class OutOfMemoryError(Exception): ...


class ObjectLostError(Exception): ...


class GetTimeoutError(Exception): ...


class RayTaskError(Exception): ...


class _Method:
    def __init__(self, actor: Actor, name: str) -> None:
        self.actor, self.name = actor, name

    def options(self, **_: Any) -> _Method:
        return self

    def remote(self, *arguments: Any) -> Future[Any]:
        return self.actor.call(self.name, arguments)


_ONE = threading.Lock()
"""Machines compute at the same time; the libraries were not made for that within one process."""


class Actor:
    """An object in threads of its own; killed, it answers nothing any more, and what it does is stopped."""

    def __init__(self, make: Any, arguments: Any) -> None:
        self._pools = {"aside": ThreadPoolExecutor(2), "": ThreadPoolExecutor(1)}
        self._open: list[Future[Any]] = []
        self._made = self._pools[""].submit(make, *arguments)

    def __getattr__(self, name: str) -> _Method:
        return _Method(self, name)

    def call(self, name: str, arguments: Sequence[Any]) -> Future[Any]:
        answer: Future[Any] = Future()
        self._open.append(answer)

        def work() -> None:
            try:
                with _ONE if name == "do" else nullcontext():
                    found = getattr(self._made.result(), name)(*arguments)
            except Exception as error:
                self.settle(answer, error)
            else:
                self.settle(answer, None, found)

        try:
            self._pools["aside" if name in ("news", "close") else ""].submit(work)
        except RuntimeError:
            # It was killed meanwhile; Ray tells so when the answer is asked for.
            self.settle(answer, RayActorError("killed"))
        return answer

    @staticmethod
    def settle(answer: Future[Any], error: Exception | None, found: Any = None) -> None:
        # Its work and its killer may settle it at once; the first counts.
        with suppress(InvalidStateError):
            answer.set_exception(error) if error else answer.set_result(found)

    def kill(self, error: Exception) -> None:
        if self._made.done() and not self._made.exception() and hasattr(self._made.result(), "close"):
            self._made.result().close()
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for answer in list(self._open):
            self.settle(answer, error)


class _Class:
    def __init__(self, ray: FakeRay, made: Any) -> None:
        self._ray, self._made = ray, made

    def options(self, **given: Any) -> _Class:
        self._node = given["scheduling_strategy"].node_id
        self._ray.given.append((self._made.__name__, given["num_gpus"]))
        return self

    def remote(self, *arguments: Any) -> Actor:
        actor = Actor(self._made, arguments)
        self._ray.actors.append((self._node, actor))
        return actor


class FakeRay(types.ModuleType):
    """See the module.

    Attributes:
        machines: by name, with their processors; gpus: of each.
        actors: with their machine; given: what each was made of, and its share of a graphics processor.
    """

    def __init__(self, machines: dict[str, int], gpus: int) -> None:
        super().__init__("ray")
        self.gpus, self.given = gpus, []
        self.machines, self.actors, self.inits = machines, [], []
        self.exceptions = types.ModuleType("ray.exceptions")
        for kind in (RayActorError, OutOfMemoryError, ObjectLostError, GetTimeoutError, RayTaskError):
            setattr(self.exceptions, kind.__name__, kind)

    def init(self, **options: Any) -> None:
        if options["address"] == "nowhere:1":
            raise ConnectionError("nobody is there")
        self.inits.append(options)

    def shutdown(self) -> None:
        self.machines = {}

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"Alive": True, "NodeID": name, "Resources": {"CPU": cpus, "GPU": self.gpus}}
            for name, cpus in self.machines.items()
        ]

    def remote(self, **_: Any) -> Any:
        return lambda made: _Class(self, made)

    def put(self, thing: Any) -> Any:
        return thing

    def get(self, what: Any, timeout: float | None = None) -> Any:
        return [self.get(each) for each in what] if isinstance(what, list) else self._one(what, timeout)

    @staticmethod
    def _one(what: Any, timeout: float | None) -> Any:
        return what.result(timeout) if isinstance(what, Future) else what

    def wait(self, handles: list[Any], *, num_returns: int = 1, timeout: float = 0, fetch_local: bool = True) -> Any:
        done, rest = wait(handles, timeout=timeout, return_when=FIRST_COMPLETED)
        return [h for h in handles if h in done], [h for h in handles if h in rest]

    def kill(self, actor: Actor, *, no_restart: bool) -> None:
        actor.kill(RayActorError("killed"))

    def lose(self, machine: str, error: Exception | None = None) -> None:
        """A machine is gone."""
        self.machines.pop(machine, None)
        for where, actor in self.actors:
            if where == machine:
                actor.kill(error or RayActorError("the machine is gone"))


class _OnNode:
    def __init__(self, *, node_id: str, soft: bool) -> None:
        self.node_id = node_id


def install(monkeypatch: Any, machines: dict[str, int], *, gpus: int = 0) -> FakeRay:
    """Put it in Ray's place for a test."""
    ray = FakeRay(machines, gpus)
    strategies = types.ModuleType("ray.util.scheduling_strategies")
    strategies.NodeAffinitySchedulingStrategy = _OnNode  # type: ignore[attr-defined]
    for name, module in {
        "ray": ray, "ray.exceptions": ray.exceptions, "ray.util": types.ModuleType("ray.util"),
        "ray.util.scheduling_strategies": strategies,
    }.items():  # fmt: skip
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("audit.plan.executor_names.find_spec", lambda name: True)
    return ray
