"""Which executor runs an audit's tasks: this machine's own, or a cluster's."""

from __future__ import annotations

import atexit
import time
import uuid
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import torch

from audit.base.errors import ClusterError
from audit.base.messages import Said, say
from audit.executor import Engine, Task
from audit.executor.cluster import OnCluster, Shared
from audit.executor.cluster.node import hello
from audit.executor.cluster.rays import RayCluster
from audit.executor.cluster.wire import CacheAt, NodeKit, NodeSetting
from audit.executor.packing import Packing
from audit.executor.side_by_side import SideBySide
from audit.models.loader import load
from audit.models.model import Model
from audit.plan.devices import pick_device
from audit.plan.executor_names import LOCAL, Where, asked_executor
from audit.plan.machine import SHARE_OF_DEVICE, SHARE_OF_RAM, pick_pack, step_environment
from audit.plan.spec import Spec
from audit.records import TrainSettings
from audit.runfolder.provenance import code_digests
from audit.sampling.drawing import Draw
from audit.training.pack_task import TrainPack


def packed_for(engine: Engine, task: Task[Any], setting: NodeSetting, room: float) -> Packing | None:
    """How a seat packs that has less memory than each of the driver's workers; None where it packs as the driver does.

    Args:
        room: bytes of the seat's device, its share of them where others use it, too.
    """
    if room >= AS_MUCH * setting.room:
        return None
    share = SHARE_OF_DEVICE if engine.device.type == "cuda" else SHARE_OF_RAM
    if engine.packing.bytes / engine.packing.workers <= share * room:
        return None
    match task:
        case TrainPack():
            settings = task.settings
        case Draw():
            settings = task.training
        case _:
            return None
    return _measured(engine.model, settings, precision=engine.precision, memory=share * room / 1e9)


@lru_cache(maxsize=8)
def _measured(model: Model, settings: TrainSettings, *, precision: str, memory: float) -> Packing:
    return replace(pick_pack(model, settings, precision=precision, memory=memory), workers=1)


KIT = NodeKit(device=pick_device, environment=step_environment, load=load, packing=packed_for, code=code_digests)
AS_MUCH = 0.95
"""Of the driver's memory: machines of one kind tell a little more or less."""
SEEN_WITHIN = 120.0
"""Seconds that machines have to answer a question about themselves."""


def with_executor(spec: Spec, engine: Engine) -> Engine:
    """The engine with the executor that was asked for; a cluster is opened when the first task goes there.

    Raises:
        BadInput: `executor-unknown`. ClusterError: `cluster-missing`.
    """
    where = asked_executor(spec.executor)
    if where.kind == LOCAL:
        return engine
    workers = engine.packing.workers
    threads = max(1, torch.get_num_threads() // workers)
    if where.address is not None:
        engine.progress.say(say("cluster.goes-to", address=where.address))
    executor = OnCluster(
        shared=partial(
            _opened,
            where,
            device=spec.device,
            threads=threads,
            keep=spec.keep_node_cache,
            seat_bytes=engine.packing.bytes / workers,
        ),
        here=SideBySide(workers),
        names=tuple(name for name in (spec.model, spec.surrogate, spec.draw_with) if name),
        device=spec.device,
        workers=workers,
    )
    return replace(engine, executor=executor)


_OPEN: dict[tuple[Where, str, int, bool], Shared] = {}


def _opened(where: Where, *, device: str, threads: int, keep: bool, seat_bytes: float) -> Shared:
    """The cluster, opened once per process: the audits of a batch share it."""
    named = (where, device, threads, keep)
    if named not in _OPEN:
        _OPEN[named] = Shared(open_cluster(where, device=device, threads=threads, keep=keep, seat_bytes=seat_bytes))
        if len(_OPEN) == 1:
            # Ray's own end comes after it, because it was registered before.
            atexit.register(close_clusters)
    return _OPEN[named]


def open_cluster(
    where: Where, *, device: str, threads: int, keep: bool = False, refuse: bool = True, seat_bytes: float = 0.0
) -> RayCluster:
    """Start a cluster, or join one; `refuse` machines with other versions than this one's.

    Args:
        seat_bytes: that a seat takes of a graphics processor, at most; 0 gives each a whole one.

    Raises:
        ClusterError: `cluster-missing`, `cluster-unreachable`.
    """
    at = CacheAt(session=uuid.uuid4().hex, keep=keep)
    own = hello(KIT, pick_device("cpu")) if refuse else None
    return RayCluster(
        where.address, kit=KIT, at=at, threads=threads, device=device, expected=own, seat_bytes=seat_bytes
    )


def close_clusters() -> None:
    """Leave every cluster: no seat works any more, and what nodes were sent is deleted there."""
    while _OPEN:
        _, shared = _OPEN.popitem()
        shared.carrier.close()


def describe_cluster(where: Where, *, device: str) -> tuple[Said, ...]:
    """What `cloakcheck doctor --executor` tells: every machine with its seats, device and versions.

    Raises:
        ClusterError: `cluster-missing`, `cluster-unreachable`, `cluster-gone` where no machine answers.
    """
    cluster = open_cluster(where, device=device, threads=1, refuse=False)
    try:
        until = time.monotonic() + SEEN_WITHIN
        cluster.seats()
        while cluster.opening() and time.monotonic() < until:
            time.sleep(0.2)
            cluster.seats()
        found = cluster.hellos()
    finally:
        cluster.close()
    if not found:
        raise ClusterError("cluster-gone")
    own = hello(KIT, pick_device("cpu"))
    told = []
    for node in dict.fromkeys(node for node, _ in found):
        of_node = [hello for at, hello in found if at == node]
        seen = of_node[0]
        told.append(
            say(
                "doctor.machine",
                node=node[:8],
                host=seen.host,
                seats=len(of_node),
                cores=seen.cores,
                device=seen.accelerator or seen.device,
                memory=seen.memory_bytes / 1e9,
                **seen.versions,
            )
        )
        if (seen.versions, seen.code) != (own.versions, own.code):
            told.append(say("doctor.machine-differs", host=seen.host))
    return tuple(told)
