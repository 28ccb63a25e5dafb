"""Whose process asks, where the system tells: on Linux a connection of this machine has an owner.

A cookie is sent to every port of an address. Another user of the machine who gets somebody to open a page of his own
there has the cookie; his own processes are not answered all the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

TABLE = Path("/proc/net/tcp")
ROOT, UNKNOWN = 0, 65534
"""Users that are let pass: who may read everything anyway, and owners outside of a container, which it cannot name."""


def foreign(client: Sequence[object] | None, server: Sequence[object] | None) -> bool:
    """Whether a connection over 127.0.0.1 belongs to another user of this machine; False where nobody tells.

    Args:
        client, server: address and port of both ends.
    """
    if sys.platform != "linux" or client is None or server is None or client[0] != "127.0.0.1":
        return False
    try:
        near, far = (f"0100007F:{int(str(end[1])):04X}" for end in (client, server))
        lines = TABLE.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return False
    for line in lines:
        parts = line.split()
        # The client's own end: from its port to ours.
        if len(parts) > 7 and (parts[1], parts[2]) == (near, far):
            return int(parts[7]) not in (os.geteuid(), ROOT, UNKNOWN)
    return False
