"""Watches what a process does while a model is opened: names looked up, connections, imports, files, programs.

An audit hook (PEP 578) sees what the libraries do below Python's own functions, and cannot be taken away again; so
there is one for the process, which is silent outside `watched`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REACHES_OUT = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request")
RUNS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "ctypes.dlopen")
FOREIGN = ("kernels", "transformers_modules", "diffusers_modules")
"""Packages through which the libraries run what they fetched or found in a model folder."""


@dataclass
class Seen:
    """What happened: reaching out and running programs, imported modules (name, file), files opened by Python."""

    outside: list[str] = field(default_factory=list)
    imported: list[tuple[str, str]] = field(default_factory=list)
    opened: list[Path] = field(default_factory=list)

    def foreign(self, folder: Path) -> list[str]:
        """Modules of packages that run fetched code, and any that lie in a folder."""
        inside = str(folder.resolve())
        return [
            name
            for name, file in self.imported
            if name.partition(".")[0] in FOREIGN or str(Path(file).resolve()).startswith(inside + "/")
        ]


_WATCHING: list[Seen] = []
_HOOKED: list[bool] = []


def _hook(event: str, args: tuple[object, ...]) -> None:
    for seen in _WATCHING:
        if event in REACHES_OUT:
            seen.outside.append(f"{event} {args!r}")
            raise ConnectionRefusedError("a model was opened, and something reached for the network")
        if event in RUNS:
            # Opening the process itself, which runs nothing.
            if not (event == "ctypes.dlopen" and args[0] is None):
                seen.outside.append(f"{event} {args!r}")
        elif event == "import":
            seen.imported.append((str(args[0]), str(args[1] or "")))
        elif event == "open" and isinstance(args[0], str | bytes):
            seen.opened.append(Path(args[0] if isinstance(args[0], str) else args[0].decode()))


@contextlib.contextmanager
def watched() -> Iterator[Seen]:
    """Watch a block; connections are refused in it."""
    if not _HOOKED:
        sys.addaudithook(_hook)
        _HOOKED.append(True)
    seen = Seen()
    _WATCHING.append(seen)
    try:
        yield seen
    finally:
        _WATCHING.remove(seen)
