"""Arms: sets of protected copies of the same works, each with a name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from audit.base.errors import BadInput

ONLY = "protected"
"""Name of an arm to which nobody gave one."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_VERSIONED = re.compile(r"(.+?)[-_ ]v?(\d+(?:\.\d+)*)")


def cloak_and_version(arm: str) -> tuple[str, str]:
    """What the name that was given to an arm says: `glaze-2.1` is version 2.1 of `glaze`; '' where it tells none."""
    told = _VERSIONED.fullmatch(arm)
    return (told[1], told[2]) if told else (arm, "")


def read_arms(given: Any) -> Any:
    """Arm -> folder, from what an option or a spec file holds: a folder, `NAME=FOLDER`, several of them, or a table.

    What is none of these stays as it is, for the record to refuse.

    Raises:
        BadInput: `arm-name`, a name that is none; `arm-twice`.
    """
    if isinstance(given, str | os.PathLike):
        given = [given]
    if isinstance(given, Mapping):
        given = given.items()
    elif isinstance(given, Iterable):
        given = [_named(one) for one in given]
    else:
        return given
    arms: dict[str, Any] = {}
    for name, folder in given:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise BadInput("arm-name", name=str(name))
        if name in arms:
            raise BadInput("arm-twice.unnamed") if name == ONLY else BadInput("arm-twice", name=name)
        arms[name] = folder
    return arms


def arm_folders(given: Iterable[str]) -> dict[str, Path]:
    """Arm -> folder, from what options of the command line hold.

    Raises:
        BadInput: `arm-name`, `arm-twice`.
    """
    return {name: Path(folder) for name, folder in read_arms(list(given)).items()}


def _named(given: Any) -> tuple[Any, Any]:
    """Name and folder; a folder that is there is one, whatever its name holds."""
    name, equals, folder = str(given).partition("=")
    if not equals or not folder or not isinstance(given, str) or Path(given).is_dir() or "/" in name or "\\" in name:
        return ONLY, given
    return name, folder
