"""Runs the command line and kills its own process when a number of steps of one kind is finished.

Usage: python -m tests.e2e.killed STAGE COUNT ARGUMENTS...
"""

from __future__ import annotations

import os
import signal
import sys

from audit import store
from audit.cli import app
from audit.training import pack_task


def main() -> None:
    stage, count, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    seen = 0

    def tick(name: str) -> None:
        nonlocal seen
        seen += name == stage
        if seen >= count:
            os.kill(os.getpid(), signal.SIGKILL)

    seal = store.Store._seal
    save = pack_task.Checkpoint.save

    def sealed(folder):
        # Called before the rename, so the step just sealed is lost and the ones before it are kept.
        name = folder.name.rsplit("-", 1)[0]
        seal(folder)
        if name == stage:
            nonlocal seen
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

    def saved(self, state):
        save(self, state)
        tick("checkpoint")

    store.Store._seal = staticmethod(sealed)
    pack_task.Checkpoint.save = saved
    pack_task.CHECKPOINT_SECONDS = 0.0
    app(arguments)


if __name__ == "__main__":
    main()
