"""Encoding as a task: what the base sees of pictures and texts, before what encodes them may be away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from torch import Tensor

from audit.executor import Bench, Task, Worker, with_model
from audit.models.encode import encode_picture, encode_texts
from audit.models.frames import Shape
from audit.models.kernels import training_attention


@dataclass(frozen=True)
class Encode(Task[None]):
    """Encode pictures and texts; the results lie in the store, each under a key of its own.

    Attributes:
        pictures: stored ones, each with the shape that it is seen in, None for a square; texts: as they stand.
        model: digest of the base model.
        training: with the attention kernel of training, for another one would round another way.
    """

    pictures: tuple[tuple[str, Shape | None], ...]
    texts: tuple[str, ...]
    model: str
    training: bool

    @property
    def units(self) -> int:
        """None: a stage counts what is made of them."""
        return 0

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Mapping[str, Tensor]]:
        with training_attention(with_model(bench).model) if self.training else nullcontext():
            yield {}

    def run(self, worker: Worker) -> None:
        engine = worker.engine
        for pixels, shape in self.pictures:
            encode_picture(engine.model, engine.store, pixels, shape)
        if self.texts:
            encode_texts(engine.model, engine.store, self.texts)
