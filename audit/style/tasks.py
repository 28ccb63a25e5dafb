"""Looking at pictures as tasks: by a style metric, by a reader of subjects, beside their originals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from audit.base.rng import rng
from audit.executor import Bench, Engine, Needs, Task, Worker
from audit.store import Store
from audit.style import style_metric
from audit.style.model_cache import release
from audit.style.picture_noise import with_noise
from audit.style.score import View, at_side, features, features_key
from audit.style.subject import nearest_subject, prompt_adherence
from audit.style.visibility import PictureChange, picture_changes, plain_key, plain_parts, visibility_key

T = TypeVar("T")


def view_of(engine: Engine, *, equal_tone: bool = False) -> View:
    """Pictures are scored at the size of the model's own, on its device."""
    return View(side=engine.model.facts.resolution, device=engine.device, store=engine.store, equal_tone=equal_tone)


def in_pairs(pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Every picture of some pairs, once."""
    return tuple(dict.fromkeys(digest for pair in pairs for digest in pair))


@contextmanager
def room_for_encoders(bench: Bench) -> Iterator[Mapping[str, Tensor]]:
    """Where room on the device is short, the model leaves it, and what was opened is forgotten afterwards."""
    model = bench.model if isinstance(bench, Engine) else None
    if model is not None:
        model.leave()
    yield {}
    if model is not None and model.room is not None:
        release(bench.device)


@dataclass(frozen=True)
class Embed(Task[None]):
    """Work out a metric's features of stored pictures; they lie in the store."""

    metric: str
    pixels: tuple[str, ...]
    side: int
    equal_tone: bool = False

    @property
    def key(self) -> str:
        return features_key(self.metric, self.pixels, self.side, even=self.equal_tone)

    @property
    def units(self) -> int:
        """Pictures."""
        return len(self.pixels)

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Mapping[str, Tensor]]:
        with room_for_encoders(bench) as masters:
            yield masters

    def needs(self, bench: Bench) -> Needs | None:
        """Its pictures; an encoder's weights are the user's and stay where they were put."""
        return None if style_metric(self.metric).published else Needs(pictures=self.pixels, models=False)

    def is_made(self, store: Store) -> bool:
        return store.has("features", self.key)

    def run(self, worker: Worker) -> None:
        bench = worker.bench
        view = View(side=self.side, device=bench.device, store=bench.store, equal_tone=self.equal_tone)
        features(self.metric, self.pixels, view=view)


@dataclass(frozen=True)
class _OfSubjects(Task[T]):
    """Pictures that a reader of subjects looks at.

    Attributes:
        lab: whether the lab's own reader reads.
        side: px at which it sees them.
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
    def ready(self, bench: Bench) -> Iterator[Mapping[str, Tensor]]:
        with room_for_encoders(bench) as masters:
            yield masters

    def needs(self, bench: Bench) -> Needs | None:
        """Its pictures, for the lab's own reader; any other one's weights are the user's."""
        return Needs(pictures=self.pixels, models=False) if self.lab else None

    def seen(self, worker: Worker) -> NDArray[np.uint8]:
        """The pictures as they are looked at, uint8 (N, side, side, 3)."""
        return np.ascontiguousarray(at_side(self.side, worker.bench.store, self.pixels))


@dataclass(frozen=True)
class ReadSubjects(_OfSubjects[tuple[int, ...]]):
    """Which of some subjects each picture shows most; answers their places, picture by picture."""

    def run(self, worker: Worker) -> tuple[int, ...]:
        found = nearest_subject(self.seen(worker), self.subjects, lab=self.lab, device=worker.bench.device)
        return tuple(int(place) for place in found)


@dataclass(frozen=True)
class ReadAdherence(_OfSubjects[tuple[float, ...]]):
    """How much more each picture shows the subject that it was asked for than the others.

    Attributes:
        asked: place in `subjects` of what each picture was asked for.
    """

    asked: tuple[int, ...]

    def run(self, worker: Worker) -> tuple[float, ...]:
        # With one subject there is nothing that it could be told from.
        if len(self.subjects) < 2:
            return ()
        seen, device = self.seen(worker), worker.bench.device
        return tuple(prompt_adherence(seen, self.subjects, self.asked, lab=self.lab, device=device).tolist())


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

    def needs(self, bench: Bench) -> Needs:
        return Needs(pictures=self.pixels, models=False)

    def run(self, worker: Worker) -> tuple[str, ...]:
        store, found = worker.bench.store, []
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

    def needs(self, bench: Bench) -> Needs:
        return Needs(pictures=in_pairs(self.pairs), models=False)

    def is_made(self, store: Store) -> bool:
        return store.has("visibility", self.key)

    def run(self, worker: Worker) -> tuple[PictureChange, ...]:
        return picture_changes(self.pairs, worker.bench.store)


@dataclass(frozen=True)
class FitPlainEdit(Task[tuple[float | None, ...]]):
    """How much of the change a plain edit explains: pairs of stored pictures, (original, treated), of one condition."""

    pairs: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        return plain_key(self.pairs)

    @property
    def units(self) -> int:
        """Pictures."""
        return len(self.pairs)

    def needs(self, bench: Bench) -> Needs:
        return Needs(pictures=in_pairs(self.pairs), models=False)

    def is_made(self, store: Store) -> bool:
        return store.has("plain-edit", self.key)

    def run(self, worker: Worker) -> tuple[float | None, ...]:
        return plain_parts(self.pairs, worker.bench.store)
