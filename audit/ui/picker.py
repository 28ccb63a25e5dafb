"""The picker: a folder that is being looked into, what lies there, and how many pictures a folder holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.base.errors import BadInput
from audit.base.messages import Said, say
from audit.base.text import printable
from audit.ui.opened import Opened, Place, files_in, subfolders

if TYPE_CHECKING:
    from audit.collect.folders import Role


@dataclass(frozen=True)
class CountedFolder:
    """A folder as the page shows it.

    Attributes:
        name: of the folder; steps: its way from the root; count: pictures in it.
        notes: what is left out; problem: why it cannot be used.
    """

    name: str
    steps: list[tuple[str, str]]
    root: int
    count: int
    notes: tuple[Said, ...] = ()
    problem: Said | None = None


@dataclass(frozen=True)
class PickerView:
    """A place that is being looked into.

    Attributes:
        wanted: what a folder or file is looked for, as a form names it.
        roots: number and name of every root; inside: name and `at` of folders; more: whether there are more of them.
        files: name and `at` of files that may be taken.
        beneath: what pictures lie here; None where none are looked for.
        takes: whether this folder itself may be taken.
        problem: why it cannot be listed.
    """

    wanted: str
    place: Place
    roots: list[tuple[int, str]]
    inside: list[tuple[str, str]]
    more: bool
    files: list[tuple[str, str]]
    beneath: CountedFolder | None
    takes: bool
    problem: Said | None


def look(
    opened: Opened,
    place: Place,
    *,
    wanted: str,
    pictures: bool = True,
    also: Collection[str] = (),
    files: Collection[str] = (),
    marked: str = "",
) -> PickerView:
    """What lies in a place.

    Args:
        pictures: whether a folder of pictures is looked for; also: endings of other files that count as such.
        files: endings of files that may be taken in a folder's place.
        marked: name of a file that makes a folder one of those that are looked for, '' for none.
    """
    inside: list[tuple[str, str]] = []
    found: list[tuple[str, str]] = []
    more, problem = False, None
    try:
        inside, more = subfolders(place)
        found = files_in(place, files)
    except OSError:
        problem = say("folder-unreadable", role=say("role.given"), folder=place.name)
    beneath = counted(opened, str(place.path), "given", also=also) if pictures else None
    takes = (beneath is not None and beneath.count > 0) or (bool(marked) and (place.path / marked).is_file())
    roots = [(i, printable(root.name) or "/") for i, root in enumerate(opened.roots())]
    return PickerView(wanted, place, roots, inside, more, found, beneath, takes, problem)


def counted(opened: Opened, folder: str, role: Role, *, also: Collection[str] = ()) -> CountedFolder | None:
    """A folder with its pictures; a clip that stands in its place counts as one. None for ''."""
    if not folder:
        return None
    from audit.collect.folders import list_pictures
    from audit.records import Note

    path = Path(folder)
    single = path.suffix.lower() in also and path.is_file()
    place = opened.holding(path.parent if single else path)
    notes: list[Note] = []
    name, steps, root = printable(path.name) or "/", place.steps if place else [], place.root if place else 0
    if place is None:
        return CountedFolder(name, steps, root, 0, problem=say("ui-folder-closed"))
    if single:
        return CountedFolder(name, steps, root, 1)
    try:
        count = len(list_pictures(path, role, notes, also=also))
    except BadInput as error:
        return CountedFolder(name, steps, root, 0, tuple(n.said for n in notes), error.said)
    return CountedFolder(name, steps, root, count, tuple(n.said for n in notes))


def taken(opened: Opened, fields: dict[str, str]) -> Path:
    """The folder or file that a form of the picker names.

    Raises:
        BadInput: `ui-folder-closed`.
    """
    root, file = fields.get("root", ""), fields.get("file", "")
    path = None
    if file:
        path = opened.file(root, file)
    elif (place := opened.at(root, fields.get("at", ""))) is not None:
        path = place.path
    if path is None:
        raise BadInput("ui-folder-closed")
    return path
