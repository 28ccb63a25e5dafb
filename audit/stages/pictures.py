"""The pictures that lie beside the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.base.messages import say
from audit.executor import Engine
from audit.records import Cell, ImageSet, Plan
from audit.runfolder.pictures import write_generated, write_treated_images, write_work_images


@dataclass(frozen=True)
class ShownPictures:
    """File names under images/: of works by id, of treated works by condition and id."""

    works: dict[str, str]
    treated: dict[str, dict[str, str]]


class Written:
    """Writes models' pictures beside the report, each once, as soon as they are drawn.

    Args:
        out: the run folder.
    """

    def __init__(self, engine: Engine, out: Path) -> None:
        self._engine, self._images = engine, out / "images"
        self._done: set[str] = set()

    def __call__(self, cells: Sequence[Cell]) -> None:
        """Write the pictures of some models that were not written before; the first of all is named."""
        files = [
            (name, digest)
            for cell in cells
            for name, digest in zip(cell.generations.files, cell.generations.pixels, strict=True)
            if name not in self._done
        ]
        if not files:
            return
        first = not self._done
        self._engine.progress.stage(say("stage.pictures"), len(files))
        for name, digest in files:
            write_generated(self._engine.store, digest, self._images / name)
            self._done.add(name)
            self._engine.progress.advance(1)
        self._engine.progress.close()
        if first:
            self._engine.progress.say(say("now.first-picture", file=str(self._images / files[0][0])))


def write_pictures(plan: Plan, treated: Mapping[str, ImageSet], engine: Engine, *, out: Path) -> ShownPictures:
    """Write examples of the works and of their treated copies."""
    engine.progress.stage(say("stage.pictures"), 1)
    shown = ShownPictures(
        works=write_work_images(out, plan, engine.store),
        treated=write_treated_images(out, plan, treated, engine.store),
    )
    engine.progress.advance(1)
    engine.progress.close()
    return shown
