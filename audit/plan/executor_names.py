"""Executors as they are asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec

from audit.base.errors import BadInput, ClusterError

LOCAL, RAY = "local", "ray"
_ADDRESS = re.compile(r"[A-Za-z0-9_.:/\[\]-]{1,256}")


@dataclass(frozen=True)
class Where:
    """An executor as it was asked for; `address` is None for this machine's own cluster."""

    kind: str
    address: str | None = None


def asked_executor(text: str) -> Where:
    """Read `local`, `ray` or `ray:ADDRESS`; `ray://HOST:PORT`, as Ray writes it, is taken too.

    Raises:
        BadInput: `executor-unknown`.
        ClusterError: `cluster-missing`, Ray is not installed; `cluster-system`, on Windows.
    """
    if text == LOCAL:
        return Where(LOCAL)
    kind, colon, address = text.partition(":")
    if kind != RAY or (colon and not _ADDRESS.fullmatch(address)):
        raise BadInput("executor-unknown", executor=text)
    # A node's folder is held by shared locks, which only POSIX has.
    if find_spec("fcntl") is None:
        raise ClusterError("cluster-system")
    if find_spec(RAY) is None:
        raise ClusterError("cluster-missing")
    return Where(RAY, (text if address.startswith("//") else address) if colon else None)
