"""Many audits from one file: what holds for all, a table per artist, folders by pattern."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import Field, ValidationError

from audit.base.errors import AuditError, BadInput
from audit.base.messages import framed
from audit.models.layout import resolve
from audit.plan.making import check_names
from audit.plan.spec import Spec, beside, joined, read_toml
from audit.records import Record
from audit.runfolder import folder_name

STAR = "*"
"""Stands for the artist's name in a path."""
BY_PATTERN = ("originals", "protected", "reference_artists", "prompts", "captions")
"""Fields of an audit in whose paths it does."""
JOINED = ("training", "sampling", "protection", "margins")
"""Tables of which an artist's own settings join those of all; of every other field the artist's own counts."""
OF_THE_BATCH = {"out": "out", "store": "store", "model": "models", "no_reuse": "no_reuse"}
"""Fields of an audit that no table may name -> what the file says instead; itself where a batch has no such thing."""
MOST_ARTISTS = 1000
_LISTED = 100_000
"""Entries of a folder that are held against a pattern."""


class BatchFile(Record):
    """A batch as asked for: audits of every artist by every model.

    An artist is a table of `artists`, or whatever folder the pattern `originals` of `defaults` matches.
    """

    out: str = ""
    """Folder for the run folders, beside the file or below that; '' for `reports/<name of the file>` where you are."""
    store: str = ""
    """Folder for finished steps; '' for the user's cache."""
    models: tuple[str, ...] = Field(("lab",), min_length=1)
    """Base models, as `--model` names them."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Fields of an audit, for every artist; a `*` in a path stands for the artist's name."""
    artists: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Artist -> fields of an audit that are other for this one."""


@dataclass(frozen=True)
class BatchEntry:
    """One audit of a batch.

    Attributes:
        artist: the table's or the folder's name; model: as typed.
        folder: name of its run folder in the batch's.
    """

    artist: str
    model: str
    folder: str
    spec: Spec

    @property
    def run_folder(self) -> Path:
        assert self.spec.out is not None
        return self.spec.out


@dataclass(frozen=True)
class BatchPlan:
    """All audits of a batch, in the order in which they run: model by model."""

    out: Path
    audits: tuple[BatchEntry, ...]


def load_batch(file: Path, options: Mapping[str, Any] = MappingProxyType({})) -> BatchPlan:
    """Read a batch file; nothing is written, and no picture is opened.

    Args:
        options: of the command line, for every audit; None means "not given". `out` and `store` are the batch's.

    Raises:
        BadInput: the file cannot be read as TOML, has an unknown key, names a folder that is not there, a pattern that
            matches nothing, an artist who cannot be called that, or two whose run folders would have one name; an
            audit of it cannot be what it says. BadModel: a base model is not there.
    """
    told = _read(file)
    given = {name: value for name, value in options.items() if value is not None}
    out = given.pop("out", None) or _below(told.out, "out", file) or Path("reports") / folder_name(file.stem)
    store = given.pop("store", None) or _below(told.store, "store", file)
    for model in told.models:
        resolve(model)
    names = _names(told, file)
    audits = []
    for model in dict.fromkeys(told.models):
        for name in names:
            folder = folder_name(name)
            if len(set(told.models)) > 1:
                folder = f"{folder}-{folder_name(Path(model).stem)}"
            values = {**_values(told, name, file), **given, "model": model, "out": out / folder}
            audits.append(BatchEntry(name, model, folder, _spec(values, name, store)))
    _refuse_doubles(audits, file)
    return BatchPlan(out, tuple(audits))


def _read(file: Path) -> BatchFile:
    try:
        return BatchFile.model_validate(read_toml(file))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput("batch-invalid", file=file.name, place=place, why=first["msg"]) from error


def _below(written: str, name: str, file: Path) -> Path | None:
    return beside({name: written}, file)[name] if written else None


def _names(told: BatchFile, file: Path) -> tuple[str, ...]:
    """Artists that the pattern finds, by name, and those that have a table."""
    for table, values in {"defaults": told.defaults, **told.artists}.items():
        for field, instead in OF_THE_BATCH.items():
            if field in values:
                id = "batch-field.none" if instead == field else "batch-field"
                raise BadInput(id, file=file.name, table=table, field=field, instead=instead)
    pattern = told.defaults.get("originals")
    found = tuple(_matches(pattern, file)) if isinstance(pattern, str) and STAR in pattern else ()
    names = tuple(dict.fromkeys((*found, *told.artists)))
    if not names:
        raise BadInput("batch-no-artist", file=file.name)
    if len(names) > MOST_ARTISTS:
        raise BadInput("batch-too-many", file=file.name, count=len(names), most=MOST_ARTISTS)
    for name in names:
        if name != name.strip() or name in ("", ".", "..") or any(c in name for c in "/\\\0*"):
            raise BadInput("batch-artist-name", file=file.name, name=name)
    return names


def _matches(pattern: str, file: Path) -> Iterator[str]:
    """What the `*` of a pattern stands for, by name: every folder that is there with it.

    Raises:
        BadInput: `batch-pattern`, it has two of them; `batch-pattern.none`, nothing matches.
    """
    if pattern.count(STAR) > 1 or "\0" in pattern:
        raise BadInput("batch-pattern", file=file.name, pattern=pattern)
    head, tail = pattern.split(STAR)
    parent, slash, before = head.rpartition("/")
    after, _, _ = tail.partition("/")
    try:
        with os.scandir(file.parent / (parent + slash)) as entries:
            listed = sorted(entry.name for entry, _ in zip(entries, range(_LISTED), strict=False))
    except OSError:
        listed = []
    there = [
        name
        for entry in listed
        if entry.startswith(before) and entry.endswith(after) and len(entry) > len(before) + len(after)
        if not (name := entry[len(before) : len(entry) - len(after)]).startswith(".")
        if (file.parent / pattern.replace(STAR, name)).is_dir()
    ]
    if not there:
        raise BadInput("batch-pattern.none", file=file.name, pattern=pattern)
    yield from there


def _values(told: BatchFile, name: str, file: Path) -> dict[str, Any]:
    """What is asked for one artist, with paths relative to the file."""
    own = told.artists.get(name, {})
    values = {"artist": name, **told.defaults, **own}
    for table in JOINED:
        both = [given[table] for given in (told.defaults, own) if table in given]
        if len(both) == 2 and all(isinstance(given, dict) for given in both):
            values[table] = both[0] | both[1]
    for field in BY_PATTERN:
        if field in values:
            values[field] = _named(values[field], name)
    placed = beside(values, file)
    _refuse_absent(placed, name, file)
    return placed


def _named(written: Any, name: str) -> Any:
    """The same with the artist's name for every `*`."""
    if isinstance(written, str):
        return written.replace(STAR, name)
    if isinstance(written, Mapping):
        return {key: _named(value, name) for key, value in written.items()}
    return [_named(value, name) for value in written] if isinstance(written, list) else written


def _refuse_absent(values: Mapping[str, Any], name: str, file: Path) -> None:
    """Refuse an artist whose folders are not all there: cheap to mend now, and a day late after all others ran."""
    arms = values.get("protected")
    named = {"originals": values.get("originals"), "reference_artists": values.get("reference_artists")}
    named |= {f"protected.{arm}": folder for arm, folder in arms.items()} if isinstance(arms, dict) else {}
    for field, folder in named.items():
        if isinstance(folder, Path) and not folder.is_dir():
            shown = os.path.relpath(folder, file.parent)
            raise BadInput("batch-folder", file=file.name, artist=name, field=field, folder=shown)


def _spec(values: dict[str, Any], name: str, store: Path | None) -> Spec:
    """One audit, whose mistakes of typing are found before any picture is read."""
    try:
        spec = joined(values if store is None else {**values, "store": store})
        check_names(spec)
    except AuditError as error:
        raise type(error)(framed(error.said, "batch-audit", artist=name)) from error
    return spec


def _refuse_doubles(audits: list[BatchEntry], file: Path) -> None:
    seen: dict[str, BatchEntry] = {}
    for audit in audits:
        other = seen.setdefault(audit.folder, audit)
        if other is not audit:
            both = [f"{one.artist} ({one.model})" for one in (other, audit)]
            raise BadInput("batch-same-folder", file=file.name, both=both, folder=audit.folder)
