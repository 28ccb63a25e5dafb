"""A process of its own beside a seat: waits for the seat's end, then takes away the folder that no other seat holds.

Its argument is the file in that folder which seats lock. It imports nothing of the program, so that it is small, and
leaves its parent, so that whoever ends the seat does not end it, too.
"""

from __future__ import annotations

import os
import shutil
import sys


def _main(held: str) -> None:
    import fcntl

    if os.fork():
        os._exit(0)
    os.setsid()
    sys.stdin.buffer.read()
    try:
        with open(held, "a+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(os.path.dirname(held), ignore_errors=True)
    except OSError:
        pass


if __name__ == "__main__":
    _main(sys.argv[1])
