"""A stranger: runs the Linux or macOS commands of VERIFY.txt in a shell, and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

PARTS = ("\nLINUX", "\nMACOS", "\nTIME STAMPS", "\nWINDOWS")
SYSTEMS = {"linux": (0, 2), "macos": (1, 2)}
# What Homebrew says is where its OpenSSL lies; here the system's own is one of version 3. A Mac's date reads a time in
# a form that is named; here the only such form is one that GNU's date knows by itself.
MAC = """brew() { echo /usr; }
date() { if [ "$1" = -juf ]; then command date -ud "$3" "$4"; else command date "$@"; fi; }
"""


def commands(text: str, system: str = "linux") -> list[str]:
    """The indented lines of a system's part, then those of the time stamps."""
    found = []
    for part in SYSTEMS[system]:
        lines = text.split(PARTS[part], 1)[1].split(PARTS[part + 1], 1)[0].splitlines()
        found += [line.strip() for line in lines if line.startswith("    ")]
    return found


def failing_commands(
    bundle: Path, text: str, system: str = "linux", *, env: Mapping[str, str] | None = None
) -> list[str]:
    """Those commands that end with an error. `text` is VERIFY.txt as its maker published it."""
    # One shell for all, since starting ten is what takes the time; what a line defines, later ones use.
    lines = [f"{{ {c}; }} >/dev/null 2>&1 || echo {number}" for number, c in enumerate(commands(text, system))]
    done = subprocess.run(
        ["bash", "-c", MAC * (system == "macos") + "\n".join(lines)],
        cwd=bundle,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return [commands(text, system)[int(number)] for number in done.stdout.split()]
