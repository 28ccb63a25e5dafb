"""A stranger: runs the Linux commands of VERIFY.txt in a shell, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commands(text: str) -> list[str]:
    """The indented lines of the LINUX part."""
    part = text.split("\nLINUX", 1)[1].split("\nMACOS", 1)[0]
    return [line.strip() for line in part.splitlines() if line.startswith("    ")]


def failing_commands(bundle: Path, text: str) -> list[str]:
    """Those commands that end with an error. `text` is VERIFY.txt as its maker published it."""
    # One shell for all, since starting ten is what takes the time.
    lines = [f"( {c} ) >/dev/null 2>&1 || echo {number}" for number, c in enumerate(commands(text))]
    done = subprocess.run(["bash", "-c", "\n".join(lines)], cwd=bundle, capture_output=True, text=True, check=False)
    return [commands(text)[int(number)] for number in done.stdout.split()]
