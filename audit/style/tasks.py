"""Looking at pictures as tasks: by a style metric, by a reader of subjects, beside their originals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from audit.base.rng import rng
from audit.executor import Engine, Task, Worker
from audit.style.model_cache import release
from audit.style.picture_noise import with_noise
from audit.style.score import View, at_side, features, features_key
from audit.style.subject import nearest_subject
from audit.style.visibility import PictureChange, picture_changes, visibility_key


def view_of(engine: Engine) -> View:
    """Pictures are scored at the size of the model's own, on its device."""
    return View(side=engine.model.facts.resolution, device=engine.device, store=engine.store)


@contextmanager
def room_for_encoders(engine: Engine) -> Iterator[Mapping[str, Tensor]]:
    """Where room on the device is short, the model leaves it, and what was opened is forgotten afterwards."""
    engine.model.leave()
    yield {}
    if engine.model.room is not None:
        release(engine.device)


@dataclass(frozen=True)
class Embed(Task[None]):
    """Work out a metric's features of stored pictures; they lie in the store."""

    metric: str
    pixels: tuple[str, ...]
    side: int

    @property
    def key(self) -> str:
        return features_key(self.metric, self.pixels, self.side)

    @property
    def units(self) -> int:
        """Pictures."""
        return len(self.pixels)

    @contextmanager
    def ready(self, engine: Engine) -> Iterator[Mapping[str, Tensor]]:
        with room_for_encoders(engine) as masters:
            yield masters

    def run(self, worker: Worker) -> None:
        features(self.metric, self.pixels, view=view_of(worker.engine))


@dataclass(frozen=True)
class ReadSubjects(Task[tuple[int, ...]]):
    """Which of some subjects each picture shows most; answers their places, picture by picture.

    Attributes:
        lab: whether the lab's own reader reads.
    """

    pixels: tuple[str, ...]
    subjects: tuple[str, ...]
    lab: bool
    side: int

    @property
    def units(self) -> int:
        """Pictures."""
        return len(self.pixels)

    @contextmanager
    def ready(self, engine: Engine) -> Iterator[Mapping[str, Tensor]]:
        with room_for_encoders(engine) as masters:
            yield masters

    def run(self, worker: Worker) -> tuple[int, ...]:
        seen = np.ascontiguousarray(at_side(self.side, worker.engine.store, self.pixels))
        found = nearest_subject(seen, self.subjects, lab=self.lab, device=worker.engine.device)
        return tuple(int(place) for place in found)


@dataclass(frozen=True)
class AddNoise(Task[tuple[str, ...]]):
    """Pictures with random noise added; answers their digests.

    Attributes:
        levels: of each picture's noise, in levels of 255.
        seed, replicate: with its place they name the draw of a picture.
    """

    pixels: tuple[str, ...]
    levels: tuple[float, ...]
    seed: int
    replicate: int

    @property
    def units(self) -> int:
        """Pictures."""
        return len(self.pixels)

    def run(self, worker: Worker) -> tuple[str, ...]:
        store, found = worker.engine.store, []
        for place, (digest, level) in enumerate(zip(self.pixels, self.levels, strict=True)):
            draw = rng("cloakcheck", self.seed, "picture noise", self.replicate, place)
            found.append(store.put_pixels(with_noise(store.get_pixels(digest), level=level, rng=draw)))
        return tuple(found)


@dataclass(frozen=True)
class MeasureChange(Task[tuple[PictureChange, ...]]):
    """How far each picture is from its original: pairs of stored pictures, (original, treated)."""

    pairs: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        return visibility_key(self.pairs)

    @property
    def units(self) -> int:
        """Pictures."""
        return len(self.pairs)

    def run(self, worker: Worker) -> tuple[PictureChange, ...]:
        return picture_changes(self.pairs, worker.engine.store)
