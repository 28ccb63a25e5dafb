"""Base models on a cluster: cut into pieces by the driver, put together and opened by every node once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from audit.base.files import file_digest
from audit.executor.cluster.wire import NodeKit, SentFile, SentModel
from audit.models.layout import CHECKPOINT, open_source
from audit.models.loader import describe, stated
from audit.models.model import Model
from audit.store.parcels import Damaged
from audit.store.sound import is_digest

PIECE = 64 << 20
"""Bytes of a file that travel at once: no machine holds a whole checkpoint in memory to pass it on."""
BESIDE = ("model_index.json",)
"""Files of a folder that say what it is and are no part of its digest."""


def send(names: Sequence[str], model: Model, put: Callable[[bytes], Any]) -> SentModel:
    """What nodes need to open a model.

    Args:
        names: names or paths of the run's models; this one's is among them.
        put: hands bytes to the cluster, for a reference.
    """
    facts = model.facts
    if facts.sha256 == describe("lab").sha256:
        return SentModel(facts.sha256, stated(facts), skip=facts.clip_skip)
    sources = (open_source(name, asked=stated(facts), skip=facts.clip_skip) for name in names)
    source = next(source for source in sources if source.digest() == facts.sha256)
    if source.path.is_file():
        files = {source.path.name: (source.path, source.files[CHECKPOINT])}
        name = source.path.name
        return SentModel(facts.sha256, stated(facts), _sent(files, put), single=name, skip=facts.clip_skip)
    files = {inner: (source.path / inner, digest) for inner, digest in source.files.items()}
    beside = [*(source.path / n for n in BESIDE), *source.path.glob("*/*.index.json")]
    files |= {p.relative_to(source.path).as_posix(): (p, file_digest(p)) for p in beside if p.is_file()}
    return SentModel(facts.sha256, stated(facts), _sent(files, put), skip=facts.clip_skip)


def _sent(files: dict[str, tuple[Path, str]], put: Callable[[bytes], Any]) -> tuple[SentFile, ...]:
    return tuple(
        SentFile(name, digest, tuple(put(piece) for piece in _pieces(path))) for name, (path, digest) in files.items()
    )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as handle:
        while piece := handle.read(PIECE):
            yield piece


class ModelShelf:
    """The models of one seat: its node's files, shared by its seats, and what is open of them."""

    def __init__(self, kit: NodeKit, folder: Path, fetch: Callable[[Sequence[Any]], list[Any]]) -> None:
        self._kit, self._folder, self._fetch = kit, folder, fetch
        self._open: dict[tuple[str, torch.device], Model] = {}

    def opened(self, sent: SentModel, device: torch.device) -> Model:
        """The model on a device; at most two stay open, one that is audited and one that is attacked.

        Raises:
            Damaged: its files are not those that were sent, or make another model. AuditError: it cannot be opened.
        """
        found = self._open.pop((sent.sha256, device), None)
        if found is None:
            place = "lab" if not sent.files else str(self._placed(sent))
            found = self._kit.load(place, device=device, asked=sent.asked, skip=sent.skip)
            if found.facts.sha256 != sent.sha256:
                raise Damaged(f"model {sent.sha256}")
        self._open[sent.sha256, device] = found
        while len(self._open) > 2:
            del self._open[next(iter(self._open))]
        return found

    def _placed(self, sent: SentModel) -> Path:
        if not is_digest(sent.sha256):
            raise Damaged("model")
        final = self._folder / sent.sha256
        if not final.is_dir():
            partial = self._folder / f"{sent.sha256}.{id(self)}.{torch.initial_seed()}"
            try:
                for file in sent.files:
                    self._write(partial / file.name, file)
                try:
                    partial.rename(final)
                except OSError:
                    # Another seat of this node was faster.
                    if not final.is_dir():
                        raise
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return final / sent.single if sent.single else final

    def _write(self, path: Path, file: SentFile) -> None:
        if Path(file.name).is_absolute() or ".." in Path(file.name).parts:
            raise Damaged(file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as handle:
            for piece in file.pieces:
                (data,) = self._fetch([piece])
                handle.write(data)
        if file_digest(path) != file.sha256:
            raise Damaged(file.name)
