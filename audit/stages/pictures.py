"""The pictures that lie beside the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.base.messages import say
from audit.executor import Engine
from audit.records import ArtistSet, Cell, ImageSet, Plan
from audit.runfolder import write_generated, write_treated_images, write_work_images


@dataclass(frozen=True)
class ShownPictures:
    """File names under images/: of works by id, of treated works by condition and id."""

    works: dict[str, str]
    treated: dict[str, dict[str, str]]


def write_pictures(
    plan: Plan, artist: ArtistSet, treated: Mapping[str, ImageSet], cells: Sequence[Cell], engine: Engine, *, out: Path
) -> ShownPictures:
    """Write every model's pictures, and examples of the works; the progress counts generated pictures."""
    files = [
        (name, digest)
        for cell in cells
        for name, digest in zip(cell.generations.files, cell.generations.pixels, strict=True)
    ]
    engine.progress.stage(say("stage.pictures"), len(files))
    for name, digest in files:
        write_generated(engine.store, digest, out / "images" / name)
        engine.progress.advance(1)
    shown = ShownPictures(
        works=write_work_images(out, artist, engine.store),
        treated=write_treated_images(out, plan, artist, treated, engine.store),
    )
    engine.progress.close()
    return shown
