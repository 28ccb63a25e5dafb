"""One model's pictures as a task: of base, or of one trained cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import TypeAdapter
from torch import Tensor

from audit.executor import Bench, Needs, Task, Worker, with_model
from audit.images.drawn import blank_share, changed_share, noise_level
from audit.images.tensors import autocast_of
from audit.models.encode import encode_texts, text_key
from audit.records import BASE, Digest, Generations, SampleSettings, TrainSettings
from audit.sampling import Execution, sample, text_under
from audit.store import Store
from audit.training import Trained, adapter_file
from audit.training.adapters import load_updates
from audit.training.saving import saved_drawing

DIGESTS = TypeAdapter(tuple[Digest, ...])


@dataclass(frozen=True)
class Draw(Task[Generations]):
    """Make (or find in the store) one model's pictures; the texts are encoded already.

    Attributes:
        trained: whose adapter; None for base.
        base_pixels: base's pictures, to tell whether the adapter changes anything; None where that is not asked.
        replicate: of the model, or whose prompts and noise base draws from; 0 where it draws once for all.
        texts: full prompts; places: the number of each, which its pictures are called by.
        training: how adapters are trained, which tells what must be at hand to apply one.
        model: digest of the base model.
        precision: what the pictures' key holds.
        cut: whether a text is longer than the model reads.
    """

    shares: ClassVar[bool] = True
    trained: Trained | None
    base_pixels: tuple[str, ...] | None
    replicate: int
    texts: tuple[str, ...]
    places: tuple[int, ...]
    settings: SampleSettings
    training: TrainSettings
    seed: int
    model: str
    precision: str
    cut: bool = False

    @property
    def _named(self) -> dict[str, Any]:
        named: dict[str, Any] = {
            "texts": list(self.texts),
            "settings": self.settings.model_dump(mode="json"),
            "seed": self.seed,
            "precision": self.precision,
        }
        # The end of a long text was cut once, style word and all.
        return named | ({"style kept": True} if self.cut else {})

    @property
    def _inputs(self) -> list[str]:
        return [self.model, self.trained.adapter.sha256 if self.trained else ""]

    @property
    def key(self) -> str:
        return Store.key("pictures", self._named, self._inputs)

    @property
    def units(self) -> int:
        """Pictures."""
        return len(self.texts) * self.settings.per_prompt

    def needs(self, bench: Bench) -> Needs:
        model = with_model(bench).model
        adapter = (("adapter", self.trained.key),) if self.trained else ()
        texts = tuple(("text", text_key(model, text)) for text in dict.fromkeys((*self.texts, "")))
        return Needs(pictures=self.base_pixels or (), steps=(*adapter, *texts))

    def is_made(self, store: Store) -> bool:
        return store.has("pictures", self.key)

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Mapping[str, Tensor]]:
        engine = with_model(bench)
        with saved_drawing(engine.model, self.training, engine.packing.saving) as masters:
            yield masters

    def run(self, worker: Worker) -> Generations:
        store = worker.engine.store
        digests = store.json_step(
            "pictures",
            self._named,
            self._inputs,
            lambda: self._drawn(worker),
            of=DIGESTS,
            fits=lambda found: len(found) == self.units,
        )
        if not all(store.blob_path(d).exists() for d in digests):
            digests = tuple(self._drawn(worker))
        return self._seen(digests, store)

    def _drawn(self, worker: Worker) -> list[str]:
        model, store = worker.engine.model, worker.engine.store
        updates = load_updates(adapter_file(store, self.trained.key)) if self.trained else None
        lines = [*self.texts, ""]
        if updates is not None and updates.of(model.family.text_encoders):
            hidden = text_under(model, updates, lines)
        else:
            hidden = encode_texts(model, store, lines)
        pictures = sample(
            model,
            text=hidden[:-1],
            empty=hidden[-1:],
            settings=self.settings,
            seed=self.seed,
            updates=updates,
            on=Execution(worker.masters, worker.engine.fitting, autocast_of(self.precision), worker.check),
        )
        return [store.put_pixels(p) for p in pictures]

    def _seen(self, digests: tuple[str, ...], store: Store) -> Generations:
        condition = self.trained.adapter.condition if self.trained else BASE
        pictures = [store.get_pixels(d) for d in digests]
        changed = None
        if self.base_pixels is not None:
            changed = changed_share(pictures, [store.get_pixels(d) for d in self.base_pixels])
        stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in condition)
        per_prompt = self.settings.per_prompt
        return Generations(
            condition=condition,
            replicate=self.replicate,
            files=tuple(
                f"ai-generated-{stem}-r{self.replicate:02d}-p{self.places[i // per_prompt]:02d}-n{i % per_prompt}"
                f"-{digest[:8]}.png"
                for i, digest in enumerate(digests)
            ),
            pixels=digests,
            changed_share=changed,
            blank_share=blank_share(pictures),
            noise=tuple(noise_level(p) for p in pictures),
        )
