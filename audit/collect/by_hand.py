"""What a person mends where names and looks do not tell which protected file is the copy of which work.

One CSV file, as `cloakcheck ui` writes it. Its columns are arm, work and copy, by file names:

    arm,work,copy   this file is the copy of that work
    arm,,copy       this file is no copy of any work, and is not read
    ,work,          this work is left out, and is not read

What is chosen by hand is looked at like any other pair: a file that shows something else is refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import say
from audit.base.text import printable
from audit.collect.arms import Arm
from audit.collect.captions import inert, plain
from audit.collect.table import NotCsv, read_table
from audit.records import Note

COLUMNS = ("arm", "work", "copy")
Row = tuple[str, str, str]


@dataclass(frozen=True)
class ByHand:
    """What was mended.

    Attributes:
        works: files of works that are left out; copies: arm -> files that are.
        pairs: arm -> file of a work -> file of its copy.
    """

    works: frozenset[str] = frozenset()
    copies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pairs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def apply(self, listed: Sequence[Path], arms: Sequence[Arm]) -> tuple[list[Path], list[Note]]:
        """The works that stay, the arms likewise, and a note where anything was mended.

        Raises:
            BadInput: `pairs-unknown`, a name of the file is none of these.
        """
        _known(self.works, [p.name for p in listed])
        _known({*self.copies, *self.pairs}, [arm.name for arm in arms])
        for arm in arms:
            left = self.copies.get(arm.name, frozenset())
            _known(left, [p.name for p in arm.listed])
            arm.listed = [p for p in arm.listed if not _among(p.name, left)]
            arm.chosen = self.pairs.get(arm.name, {})
        chosen = sum(map(len, self.pairs.values()))
        if not chosen and not self.works and not self.copies:
            return list(listed), []
        note = say(
            "pairs-by-hand",
            pairs=chosen,
            works=len(self.works),
            copies=sum(map(len, self.copies.values())),
            names=tuple(sorted(self.works)),
        )
        return [p for p in listed if not _among(p.name, self.works)], [Note(said=note)]


def read_pairs(path: Path) -> ByHand:
    """What a person mended.

    Raises:
        BadInput: `pairs-unreadable`, `pairs-row`.
    """
    try:
        columns, rows = read_table(path)
    except NotCsv as error:
        raise BadInput("pairs-unreadable", file=path.name) from error
    if not set(COLUMNS) <= set(columns):
        raise BadInput("pairs-unreadable", file=path.name)
    works: set[str] = set()
    copies: dict[str, frozenset[str]] = {}
    pairs: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, start=2):
        arm, work, copy = (plain(row.get(column, "")) for column in COLUMNS)
        taken = pairs.get(arm, {})
        if arm and copy and work and work not in taken and copy not in taken.values():
            pairs.setdefault(arm, {})[work] = copy
        elif arm and copy and not work:
            copies[arm] = copies.get(arm, frozenset()) | {copy}
        elif work and not arm and not copy:
            works.add(work)
        else:
            raise BadInput("pairs-row", number=number, file=path.name)
    return ByHand(frozenset(works), copies, pairs)


def write_pairs(rows: Iterable[Row]) -> bytes:
    """Such a file, UTF-8; names that are no text are written as they are shown."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([inert(printable(cell, limit=1000)) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _among(name: str, names: Iterable[str]) -> bool:
    return name in names or printable(name, limit=1000) in names


def _known(names: Iterable[str], there: Sequence[str]) -> None:
    known = {*there, *(printable(one, limit=1000) for one in there)}
    for name in sorted(names):
        if name not in known:
            raise BadInput("pairs-unknown", file=name)
