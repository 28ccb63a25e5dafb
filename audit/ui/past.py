"""Audits of before: the run folders below one folder, read and judged in a process apart, a page never waits for it."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from audit.base.messages import OtherWords, Said, render
from audit.base.text import printable
from audit.ui.door import read_json, write_json

if TYPE_CHECKING:
    from audit.records import AuditFacts

RESULTS = ("results.json", "score.json", "plan.json")


@dataclass(frozen=True)
class PastAudit:
    """A run folder as the page lists it.

    Attributes:
        id: what its addresses are made of; name: of the folder.
        facts: what was found in it; said: why there are none; both None while it is read.
        report: whether it holds a page.
    """

    id: str
    folder: Path
    name: str
    facts: AuditFacts | None
    said: Said | None
    report: bool

    @property
    def reading(self) -> bool:
        return self.facts is None and self.said is None


class PastAudits:
    """What was read is kept with size and time of the file that it was read from."""

    def __init__(self, reports: Path, kept: Path) -> None:
        self._reports, self._kept = reports, kept
        self._found = read_json(kept)
        self._lock = threading.Lock()
        self._at_work = False

    def rows(self) -> list[PastAudit]:
        """All of them, the latest first; what is new is read meanwhile."""
        rows = [self._row(folder) for folder in self._folders()]
        if any(row.reading for row in rows):
            self._begin()
        return sorted(rows, key=lambda r: (r.facts.finished if r.facts else "", r.name), reverse=True)

    def one(self, id: str) -> PastAudit | None:
        """A run folder by its id: only those that are listed have one."""
        return next((self._row(folder) for folder in self._folders() if run_id(folder) == id), None)

    def _folders(self) -> list[Path]:
        if not self._reports.is_dir():
            return []
        if _stamp(self._reports):
            return [self._reports]
        return [f for f in sorted(self._reports.iterdir()) if f.is_dir() and not f.is_symlink() and _stamp(f)]

    def _row(self, folder: Path) -> PastAudit:
        kept = self._found.get(run_id(folder), {})
        facts = said = None
        if isinstance(kept, dict) and kept.get("stamp") == _stamp(folder):
            # The records take a quarter of a second to load, and the first page shall not wait for them.
            from audit.records import AuditFacts

            try:
                facts = AuditFacts.model_validate(kept["facts"]) if "facts" in kept else None
                said = Said.model_validate(kept["said"]) if "said" in kept else None
                for one in (said,) if facts is None else (facts.said, *facts.edited):
                    render(one) if one is not None else None
            except (ValidationError, OtherWords):  # damaged, or in the words of another version
                facts = said = None
        report = folder / "report.html"
        there = report.is_file() and not report.is_symlink()
        return PastAudit(run_id(folder), folder, printable(folder.name), facts, said, there)

    def _begin(self) -> None:
        with self._lock:
            if not self._at_work:
                self._at_work = True
                threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        # What judges takes a second to load, and the first page shall not wait for it.
        from audit.commands.read_apart import Reader

        try:
            with Reader() as reader:
                for folder in self._folders():
                    if not self._row(folder).reading:
                        continue
                    stamp = _stamp(folder)
                    read = reader.read(folder, pictures=False)
                    told = {"said": read} if isinstance(read, Said) else {"facts": read.facts}
                    ((name, record),) = told.items()
                    self._keep(run_id(folder), {"stamp": stamp, name: record.model_dump(mode="json")})
        finally:
            self._at_work = False

    def _keep(self, id: str, found: dict[str, Any]) -> None:
        """Add one, and drop what lies there no more; on the disk before any page shows it."""
        there = {run_id(folder) for folder in self._folders()}
        kept = {other: was for other, was in self._found.items() if other in there} | {id: found}
        write_json(self._kept, kept)
        self._found = kept


def run_id(folder: Path) -> str:
    """What the addresses of a run folder are made of."""
    return hashlib.sha256(str(folder.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:20]


def _stamp(folder: Path) -> list[int]:
    """Time and size of the file that tells; [] without one."""
    for name in RESULTS:
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        return [status.st_mtime_ns, status.st_size]
    return []
