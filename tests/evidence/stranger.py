"""A stranger: runs the Linux or macOS commands of VERIFY.txt in a shell, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

SYSTEMS = {"linux": ("\nLINUX", "\nMACOS"), "macos": ("\nMACOS", "\nWINDOWS")}
# What Homebrew says is where its OpenSSL lies; here the system's own is one of version 3.
BREW = "brew() { echo /usr; }\n"


def commands(text: str, system: str = "linux") -> list[str]:
    """The indented lines of a system's part."""
    begin, end = SYSTEMS[system]
    part = text.split(begin, 1)[1].split(end, 1)[0]
    return [line.strip() for line in part.splitlines() if line.startswith("    ")]


def failing_commands(bundle: Path, text: str, system: str = "linux") -> list[str]:
    """Those commands that end with an error. `text` is VERIFY.txt as its maker published it."""
    # One shell for all, since starting ten is what takes the time.
    lines = [f"( {c} ) >/dev/null 2>&1 || echo {number}" for number, c in enumerate(commands(text, system))]
    done = subprocess.run(
        ["bash", "-c", BREW + "\n".join(lines)], cwd=bundle, capture_output=True, text=True, check=False
    )
    return [commands(text, system)[int(number)] for number in done.stdout.split()]
