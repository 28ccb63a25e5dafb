"""Commands about the machine at hand."""

from __future__ import annotations

from audit.cli.app import app
from audit.cli.options import one_sentence


@app.command()
def doctor() -> None:
    """Say what this machine offers to a run, and what is missing."""
    with one_sentence():
        from audit.plan.machine import describe_machine

        for line in describe_machine():
            print(line)
