"""The text file beside a picture that says what it shows, however its name is written."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import say
from audit.collect.encoding import decode_text
from audit.collect.names import clean_caption, first_caption
from audit.images import read_regular
from audit.records import Note

ENDINGS = (".txt", ".caption")
"""In the order in which they count."""
_BYTES = 64 * 1024
_NO_CAPTIONS = frozenset("readme license licence copying credits captions".split())
"""Text files that people and programs leave beside pictures and that are about none."""


def folded(name: str) -> str:
    """A file name as folders compare it that know no case and one normal form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_sidecar(name: str) -> bool:
    return Path(name).suffix.lower() in ENDINGS


class Sidecars:
    """All of one folder, listed once.

    `cat.png` has `cat.txt`, `cat.png.txt`, `cat.caption` or `cat.png.caption`, the first that exists; case and
    Unicode form do not matter, but a name that is written alike counts before one that is not.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exact = {name for name in sorted(os.listdir(folder)) if is_sidecar(name) and not name.startswith(".")}
        self._folded: dict[str, str] = {}
        for name in sorted(self._exact):
            self._folded.setdefault(folded(name), name)

    def all_beside(self, picture: str) -> tuple[str, ...]:
        """Names of a picture's sidecars; the first is the one that counts."""
        wanted = [stem + ending for ending in ENDINGS for stem in (Path(picture).stem, picture)]
        written = (name if name in self._exact else self._folded.get(folded(name)) for name in wanted)
        return tuple(dict.fromkeys(name for name in written if name is not None))

    def text(self, picture: str) -> str | None:
        """What the sidecar of a picture says, None without one.

        Raises:
            BadInput: `caption-unreadable`, `caption-encoding`.
        """
        beside = self.all_beside(picture)
        if not beside:
            return None
        path = self._folder / beside[0]
        try:
            data = read_regular(path, limit=_BYTES)
        except BadInput as exc:
            raise BadInput("caption-unreadable", file=path.name, kib=_BYTES // 1024) from exc
        text = decode_text(data)
        if text is None:
            raise BadInput("caption-encoding", file=path.name)
        return text

    def unused(self, pictures: Iterable[str]) -> tuple[str, ...]:
        """Names of those from which no picture's caption comes."""
        used = {beside[0] for picture in pictures if (beside := self.all_beside(picture))}
        left = sorted(self._exact - used)
        return tuple(name for name in left if Path(name).stem.lower() not in _NO_CAPTIONS)


def sidecar_notes(sidecars: Sidecars, *, listed: Sequence[str], used: Sequence[str]) -> list[Note]:
    """Sidecars that were not used, say nothing, or of which only a part is used.

    Args:
        listed: all picture files of the folder.
        used: those of them that are works.
    """
    texts = {file: text for file in used if (text := sidecars.text(file)) is not None}
    said = {file: first_caption(text) for file, text in texts.items()}
    groups = {
        "sidecars-unused": sidecars.unused(listed),
        "sidecars-empty": tuple(sidecars.all_beside(file)[0] for file in said if not said[file]),
        "captions-cut": tuple(
            sidecars.all_beside(file)[0] for file in said if said[file] and _longer(texts[file], said[file])
        ),
    }
    return [Note(said=say(id, names=names)) for id, names in groups.items() if names]


def _longer(text: str, used: str) -> bool:
    lines = [line for line in text.splitlines() if clean_caption(line)]
    return len(lines) > 1 or len(" ".join(lines[0].split())) > len(used) + 50
