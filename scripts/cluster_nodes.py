"""A real Ray cluster on this machine: every node a process group of its own, started by Ray's own command.

As root, each has a network namespace and an address of its own, too.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from audit.base.rng import rng

SEAT = "ray::SeatProcess"
HEALTH = {"period_ms": "1000", "timeout_ms": "1000", "failure_threshold": "4", "initial_delay_ms": "1000"}
"""How Ray finds out that a node is gone: in five seconds here, in half a minute as a rule."""


@dataclass
class Node:
    """A machine of the cluster, as a process group; `inside` begins commands in its network namespace."""

    started: subprocess.Popen[bytes]
    inside: tuple[str, ...] = ()

    def processes(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.started.pid)
            return [own, *own.children(recursive=True)]
        return []

    def named(self, name: str) -> list[psutil.Process]:
        found = []
        for process in self.processes():
            with suppress(psutil.Error):
                if process.name() == name or (process.cmdline() or [""])[0].startswith(name):
                    found.append(process)
        return found

    def kill(self) -> None:
        """All at once, as without power."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.started.wait()


@dataclass
class Nodes:
    """A cluster of a head that does no work and of machines with a core each."""

    at: str
    port: int
    folder: Path
    head: Node
    machines: list[Node] = field(default_factory=list)
    spaces: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> str:
        return f"ray:{self.at}:{self.port}"

    def add(self) -> Node:
        """A machine more; in the next network namespace where there are any."""
        inside, own = (), self.at
        if self.spaces:
            used = [node.inside[3] for node in self.machines]
            space, own = next(pair for pair in self.spaces if pair[0] not in used)
            inside = ("ip", "netns", "exec", space)
        words = ["--address", f"{self.at}:{self.port}", "--node-ip-address", own, "--num-cpus", "1"]
        before = self._sockets()
        node = Node(started(words, self.folder, inside), inside)
        self.machines.append(node)
        # Nodes of one machine that start at once take each other's names.
        until = time.monotonic() + 60.0
        while self._sockets() <= before and time.monotonic() < until:
            time.sleep(0.2)
        return node

    def _sockets(self) -> set[str]:
        return {path.name for path in self.folder.glob("session_2*/sockets/plasma_store*")}

    def lose(self, node: Node) -> None:
        node.kill()
        self.machines.remove(node)

    def seats(self) -> list[psutil.Process]:
        return [seat for node in self.machines for seat in node.named(SEAT)]


def started(words: Sequence[str], folder: Path, inside: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """`ray start` that stays with its processes."""
    fixed = ["--block", "--object-store-memory", "200000000", "--disable-usage-stats"]
    ray = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", *fixed, *words]
    with (folder / "ray.log").open("ab") as log:
        return subprocess.Popen([*inside, *ray], stdout=log, stderr=log, start_new_session=True)


@contextmanager
def cluster(machines: int = 2, *, at: str = "", spaces: tuple[tuple[str, str], ...] = ()) -> Iterator[Nodes]:
    """A cluster, gone afterwards.

    Args:
        at: address of the head; '' for this machine's own, for Ray takes no 127.0.0.1 where several nodes join.
        spaces: network namespaces, each with its address.
    """
    at = at or own_address()
    # A head takes the token of this user's own where there is one, and a driver with an address does not.
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    os.environ |= {f"RAY_health_check_{name}": value for name, value in HEALTH.items()}
    folder = Path(tempfile.mkdtemp(prefix="cf-", dir="/tmp"))
    port = int(rng("cluster faults", os.getpid(), time.monotonic_ns()).integers(20000, 29000))
    words = ["--head", "--port", str(port), "--node-ip-address", at, "--num-cpus", "0", "--include-dashboard", "false"]
    words += ["--ray-client-server-port", str(port + 1)]
    head = Node(started([*words, "--temp-dir", str(folder)], folder))
    nodes = Nodes(at, port, folder, head, spaces=spaces)
    try:
        answers(at, port, head)
        for _ in range(machines):
            nodes.add()
        yield nodes
    finally:
        for node in (*nodes.machines, head):
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def own_address() -> str:
    """The address that this machine has for others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        # Nothing is sent: it only looks up the way.
        asking.connect(("198.51.100.1", 9))
        return str(asking.getsockname()[0])


def answers(at: str, port: int, head: Node) -> None:
    """Wait until a head takes connections.

    Raises:
        TimeoutError: two minutes were not enough, or it has ended: without the extra `ray[client]` it does so at once.
    """
    until = time.monotonic() + 120.0
    while time.monotonic() < until and head.started.poll() is None:
        with suppress(OSError), socket.create_connection((at, port), timeout=1.0):
            return
        time.sleep(0.5)
    raise TimeoutError(f"no head at {at}:{port}; is ray[client] installed?")


@contextmanager
def namespaces(
    count: int, *, name: str = "cc", net: str = "10.77.0"
) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """A bridge on this machine and namespaces behind it; yields its address, and their names with theirs.

    Args:
        name: two letters that begin the names of all of them; net: the first three numbers of all addresses.
    """
    bridge = f"{name}br0"
    made: list[tuple[str, str]] = []
    try:
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{net}.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for number in range(count):
            space, own = f"{name}{number}", f"{net}.{number + 10}"
            ip("netns", "add", space)
            ip("link", "add", f"{name}v{number}", "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", f"{name}v{number}", "master", bridge, "up")
            ip("-n", space, "addr", "add", f"{own}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
            ip("-n", space, "link", "set", "lo", "up")
            made.append((space, own))
        yield f"{net}.1", tuple(made)
    finally:
        for space, _ in made:
            subprocess.run(["ip", "netns", "del", space], check=False)
        subprocess.run(["ip", "link", "del", bridge], check=False)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
