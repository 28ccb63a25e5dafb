"""Breaks a real Ray cluster under real audits, and compares with an undisturbed run on this machine alone.

The driver is a process of its own beside the nodes (`scripts/cluster_nodes.py`). `scripts/faults --executor ray` calls
it.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from audit import training
from audit.base.rng import rng
from audit.cli import app
from audit.executor.cluster.rays import RayCluster
from audit.executor.cluster.terms import Rules
from audit.executor.cluster.wire import Done, News
from audit.plan import executors
from scripts.cluster_nodes import SEAT, Nodes, cluster, ip, namespaces

LONGEST = 900.0
"""Seconds after which an audit counts as lost."""
SILENT = 15.0
"""Seconds without news after which a seat counts as gone here; usually two minutes."""
GAP = (2.0, 8.0)
"""Seconds between two faults, at random."""


# --- the driver --------------------------------------------------------------------------------------------


def driver(arguments: Sequence[str], words: Any, *, corrupt: int = 0) -> int:
    """Start the command in a forked child; `corrupt` answers have a byte changed on their way. Returns its id."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    os.dup2(words.fileno(), 1)
    os.dup2(words.fileno(), 2)
    code = 70
    try:
        training.pack_task.CHECKPOINT_SECONDS = 0.0
        executors.OnCluster = _hasty(executors.OnCluster)  # type: ignore[misc]
        if corrupt:
            _spoil(corrupt)
        app(list(arguments))
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        with suppress(BaseException):
            executors.close_clusters()
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _hasty(made: Any) -> Any:
    return lambda **given: made(**given, rules=Rules(silent=SILENT))


def _spoil(times: int) -> None:
    """Change a byte of so many parcels as they come."""
    answer, left = RayCluster.answer, itertools.count(times, -1)
    draws = rng("cluster faults", "spoil", os.getpid())

    def spoiled(self: RayCluster, handle: Any) -> Any:
        found = answer(self, handle)
        if isinstance(found, News | Done) and found.parcels and draws.random() < 0.2 and next(left) > 0:
            (first, *rest) = found.parcels
            name, data = max(first.files.items(), key=lambda item: len(item[1]))
            at = int(draws.integers(0, len(data)))
            changed = data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]
            print("faults: a byte changed", file=sys.stderr, flush=True)
            return replace(found, parcels=(replace(first, files={**first.files, name: changed}), *rest))
        return found

    RayCluster.answer = spoiled  # type: ignore[method-assign]


@dataclass(frozen=True)
class Broken:
    """How an audit on the cluster ended: its exit code, its last words, and how many faults it saw."""

    code: int
    said: str
    faults: int


def run(
    arguments: Sequence[str],
    *,
    fault: Callable[[], bool] | None = None,
    most: int = 0,
    draws: np.random.Generator | None = None,
    kill: tuple[float, int] | None = None,
    corrupt: int = 0,
) -> Broken:
    """An audit to its end, with a fault now and then.

    Args:
        fault: breaks something, and says whether there was anything to break; `most` times.
        kill: after so many seconds the driver gets this signal.
    """
    begun, faults = time.monotonic(), 0
    with tempfile.TemporaryFile() as words:
        child = driver(arguments, words, corrupt=corrupt)
        due = begun + (float(draws.uniform(*GAP)) if draws is not None else 0.0)
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            now = time.monotonic()
            if ended:
                break
            if kill is not None and now - begun > kill[0]:
                with suppress(ProcessLookupError):
                    os.kill(child, kill[1])
                kill, faults = None, faults + 1
            if fault is not None and draws is not None and faults < most and now > due:
                due = now + float(draws.uniform(*GAP))
                faults += fault()
            if now - begun > LONGEST:
                os.killpg(child, signal.SIGKILL)
            time.sleep(0.1)
        words.seek(0)
        said = words.read().decode("utf-8", "replace").strip()
    changed = said.count("faults: a byte changed")
    return Broken(os.waitstatus_to_exitcode(status), said.splitlines()[-1] if said else "", faults + changed)


# --- faults ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Audits:
    """What is run on a cluster.

    Attributes:
        arguments: of the command, given a run folder and a store.
        same: whether a run folder holds the undisturbed results and a whole log.
    """

    arguments: Callable[[Path, Path], list[str]]
    same: Callable[[Path], bool]
    home: Path

    def on(self, nodes: Nodes, at: Path) -> list[str]:
        return [*self.arguments(at / "out", at / "store"), "--executor", nodes.address]

    def ended(self, at: Path, broken: Broken) -> str:
        if broken.code not in (0, 3):
            return f"EXIT {broken.code} {broken.said[:80]}"
        return "the same" if self.same(at / "out") else "with OTHER RESULTS"


def _until(times: int, audits: Audits, once: Callable[[Path, int], tuple[int, str]]) -> str:
    """Audit after audit until so many faults were seen."""
    seen, outcomes = 0, Counter[str]()
    while seen < times:
        with tempfile.TemporaryDirectory(dir=audits.home) as at:
            faults, outcome = once(Path(at), times - seen)
        seen += faults
        outcomes[outcome] += 1
        print(f"{seen} of {times}: {outcome}", file=sys.stderr, flush=True)
        if outcome != "the same" and sum(outcomes.values()) > 20:
            break
    told = ", ".join(f"{count} {what}" for what, count in outcomes.most_common())
    return f"{seen} in {sum(outcomes.values())} audits; these ended: {told}"


def breaking(audits: Audits, nodes: Nodes, times: int, seed: int, name: str) -> str:
    """A fault of a machine or of its processes, by its name, at random moments."""
    draws = rng("cluster faults", name, seed)

    def pick(found: Sequence[Any]) -> Any:
        return found[int(draws.integers(0, len(found)))] if found else None

    def process(name: str, how: int) -> bool:
        found = pick(nodes.seats() if name == SEAT else [r for n in nodes.machines for r in n.named(name)])
        if found is None:
            return False
        with suppress(psutil.NoSuchProcess):
            found.send_signal(how)
        return True

    def worker() -> bool:
        return process(SEAT, signal.SIGKILL)

    def hang() -> bool:
        return process(SEAT, signal.SIGSTOP)

    def node() -> bool:
        if not nodes.seats():
            return False
        nodes.lose(pick(nodes.machines))
        nodes.add()
        return True

    def raylet() -> bool:
        if not nodes.seats():
            return False
        found = pick(nodes.machines)
        for process in found.named("raylet"):
            process.kill()
        # Ray's own command ends with it; another machine takes its place.
        time.sleep(1.0)
        nodes.lose(found)
        nodes.add()
        return True

    def once(at: Path, left: int) -> tuple[int, str]:
        fault = {"worker": worker, "hang": hang, "node": node, "raylet": raylet}[name]
        broken = run(audits.on(nodes, at), fault=fault, most=min(left, 6), draws=draws)
        return broken.faults, audits.ended(at, broken)

    return _until(times, audits, once)


def driver_killed(audits: Audits, nodes: Nodes, times: int, seed: int, how: int = signal.SIGKILL) -> str:
    """The driver killed at random moments, five times an audit; then the same command until it ends."""
    draws = rng("cluster faults", "driver", seed, how)

    def once(at: Path, left: int) -> tuple[int, str]:
        faults = 0
        for _ in range(min(5, left)):
            broken = run(audits.on(nodes, at), kill=(float(draws.uniform(4.0, 18.0)), how))
            faults += broken.faults
            if how == signal.SIGINT and (left_over := _left(nodes)):
                return faults, f"LEFT {left_over}"
            if broken.code in (0, 3):
                break
        else:
            broken = run(audits.on(nodes, at))
        return faults, audits.ended(at, broken)

    return _until(times, audits, once)


def _left(nodes: Nodes) -> int:
    """Seats that are there ten seconds after the driver's end."""
    until = time.monotonic() + 10.0
    while nodes.seats() and time.monotonic() < until:
        time.sleep(0.2)
    return len(nodes.seats())


def corrupted(audits: Audits, nodes: Nodes, times: int, seed: int) -> str:
    """One byte of one result changed on its way, in each audit."""

    def once(at: Path, left: int) -> tuple[int, str]:
        broken = run(audits.on(nodes, at), corrupt=1)
        return broken.faults, audits.ended(at, broken)

    return _until(times, audits, once)


# --- the network -------------------------------------------------------------------------------------------


def network_cut(audits: Audits, nodes: Nodes, times: int, seed: int) -> str:
    """The network of a node goes away in the middle and stays away."""
    if not nodes.spaces:
        return "not tried: needs root"
    draws = rng("cluster faults", "network", seed)

    def cut(number: int) -> bool:
        if len(nodes.seats()) < 2:
            return False
        ip("link", "set", f"ccv{number}", "down")
        return True

    def once(folder: Path, left: int) -> tuple[int, str]:
        number = int(draws.integers(0, 2))
        broken = run(audits.on(nodes, folder), fault=lambda: cut(number), most=1, draws=draws)
        ip("link", "set", f"ccv{number}", "up")
        nodes.lose(next(node for node in nodes.machines if node.inside[3] == nodes.spaces[number][0]))
        nodes.add()
        return broken.faults, audits.ended(folder, broken)

    return _until(times, audits, once)


# --- all ---------------------------------------------------------------------------------------------------


def rows(audits: Audits, share: float, seed: int, only: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name and outcome of every row, or of those whose names hold a text of `only`; `share` of the usual faults."""
    with ExitStack() as stack:
        at, spaces = stack.enter_context(namespaces(2)) if os.geteuid() == 0 else ("", ())
        nodes = stack.enter_context(cluster(2, at=at, spaces=spaces))

        def of_machine(name: str) -> Callable[[int], str]:
            return lambda times: breaking(audits, nodes, times, seed, name)

        table: tuple[tuple[str, int, Callable[[int], str]], ...] = (
            ("nothing", 1, lambda times: _undisturbed(audits, nodes)),
            ("the network of a node cut", 3, lambda times: network_cut(audits, nodes, times, seed)),
            ("a seat's process killed", 40, of_machine("worker")),
            ("Ray's process on a node killed", 14, of_machine("raylet")),
            ("all processes of a node killed", 14, of_machine("node")),
            ("a seat's process stopped (SIGSTOP)", 4, of_machine("hang")),
            ("the driver killed", 20, lambda times: driver_killed(audits, nodes, times, seed)),
            ("Ctrl-C in the driver", 4, lambda times: driver_killed(audits, nodes, times, seed, signal.SIGINT)),
            ("a byte of a result changed", 4, lambda times: corrupted(audits, nodes, times, seed)),
        )
        for name, usual, outcome in table:
            if not only or any(text in name for text in only):
                yield name, outcome(max(1, round(usual * share)))


def _undisturbed(audits: Audits, nodes: Nodes) -> str:
    with tempfile.TemporaryDirectory(dir=audits.home) as at:
        begun = time.monotonic()
        outcome = audits.ended(Path(at), run(audits.on(nodes, Path(at))))
        return f"an audit in {time.monotonic() - begun:.0f} s ended {outcome}"
