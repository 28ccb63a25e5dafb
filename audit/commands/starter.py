"""A file to double-click that opens the page in the browser or the guided start, in the form that each system takes."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import render, say
from audit.store import storage_errors

NAMES = {"win32": "CloakCheck.bat", "darwin": "CloakCheck.command"}
LINUX = "CloakCheck.desktop"
MARK = "X-CloakCheck-Starter"
"""Stands in each starter that was written here, so that no other file is written over."""


def can_open_page() -> bool:
    """Whether this installation has what the page in the browser takes, and what trains (`ui` and `train`)."""
    return all(find_spec(name) is not None for name in ("starlette", "uvicorn", "torch"))


def write_starter(folder: Path, *, program: Path, reports: Path, page: bool, system: str = sys.platform) -> Path:
    """Write the starter of a system into a folder; one of before is written over.

    Args:
        program: the Python that CloakCheck is installed in, which is called by its whole path.
        reports: the folder in which tests begin, so that their reports lie below it.
        page: it opens the page in the browser; else questions in a terminal.

    Raises:
        BadInput: `starter-folder`; `starter-exists`, a file of another making. StorageError: it cannot be written.
    """
    folder = folder.expanduser()
    if not folder.is_dir():
        raise BadInput("starter-folder", folder=folder.absolute().name)
    path = folder / NAMES.get(system, LINUX)
    if path.is_file() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise BadInput("starter-exists", file=path.name, folder=folder.absolute().name)
    command = "start --page --wait" if page else "start --wait"
    written = {"win32": _batch, "darwin": _shell}.get(system, _desktop)(program, reports, command)
    with storage_errors(folder):
        path.write_bytes(written.encode("utf-8", "surrogateescape"))
        path.chmod(0o755)
    return path


def _desktop(program: Path, reports: Path, command: str) -> str:
    """An entry of the freedesktop standard: within quotation marks four characters are escaped, and % is doubled."""
    quoted = str(program)
    for character in '\\"`$':
        quoted = quoted.replace(character, "\\" + character)
    # The value of a key is unescaped once more before it is read as a command.
    called = f'"{quoted}" -P -m audit {command}'.replace("%", "%%").replace("\\", "\\\\")
    rows = {
        "Type": "Application",
        "Name": "CloakCheck",
        "Comment": render(say("start.comment")),
        "Exec": called,
        "Path": str(reports).replace("\\", "\\\\"),
        "Terminal": "true",
        MARK: "1",
    }
    return "[Desktop Entry]\n" + "".join(f"{name}={value}\n" for name, value in rows.items())


def _shell(program: Path, reports: Path, command: str) -> str:
    call = f"exec {shlex.quote(str(program))} -P -m audit {command}"
    return f"#!/bin/sh\n# {MARK}\ncd {shlex.quote(str(reports))} || exit 1\n{call}\n"


def _batch(program: Path, reports: Path, command: str) -> str:
    where, what = (str(path).replace("%", "%%") for path in (reports, program))
    lines = ("@echo off", f"rem {MARK}", "chcp 65001 >nul", f'cd /d "{where}"', f'"{what}" -P -m audit {command}')
    return "".join(f"{line}\r\n" for line in lines)
