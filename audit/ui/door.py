"""How a browser gets in: a token that works once, kept as a digest in a folder that only the user may read."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from audit.base.files import read_bounded, user_folder
from audit.base.private import private_file, private_folder, write_private

SECONDS = 300.0
"""For which a token may be used."""
MOST_BYTES = 1 << 24


def state_folder() -> Path:
    """Where the page keeps what is its own.

    Raises:
        BadInput: `no-home`.
    """
    return user_folder("XDG_STATE_HOME", ".local", "state") / "cloakcheck" / "ui"


class Door:
    """Tokens that wait to be used; several processes of one user may make them, the server takes them."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where the folder cannot be made or others may write to it."""
        self.folder = folder
        private_folder(folder)
        private_folder(folder / "door")

    def token(self) -> str:
        """A new one. Raises OSError where it cannot be kept."""
        made = secrets.token_urlsafe(32)
        os.close(private_file(self._place(made)))
        return made

    def take(self, token: str) -> bool:
        """Whether it is one that nobody has used, and recent; from now on it is neither."""
        place = self._place(token)
        try:
            age = time.time() - place.stat().st_mtime
            place.unlink()
        except OSError:
            return False
        return -SECONDS < age < SECONDS

    def _place(self, token: str) -> Path:
        return self.folder / "door" / hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """A file of the page's own; {} where it is missing or damaged."""
    try:
        found = json.loads(read_bounded(path, limit=MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Raises OSError where it cannot be written."""
    write_private(path, (json.dumps(value, indent=1) + "\n").encode("ascii"))
