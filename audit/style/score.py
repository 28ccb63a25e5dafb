"""The scoring stage: features of every picture once, closeness to the held-out works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from audit.base.messages import say
from audit.images.tensors import to_model_size, to_pixels, to_tensor
from audit.models.memory import in_parts
from audit.records import Generations, MetricFacts, Recognition, ReferenceArtist, Score
from audit.store import Store
from audit.style import Features, StyleMetric, style_metric, style_scores, unit
from audit.style.equal_tone import VERSION, equal_tone
from audit.style.recognise import Others, nearest_artist

Mask = NDArray[np.bool_]
ONE = "memory-for.scoring"
"""Names what one picture's features take, where that is too much."""


@dataclass(frozen=True)
class View:
    """How pictures are looked at, and where they and their features lie.

    Attributes:
        side: of the square that every picture, real or made, is brought to, px: real works are scored at the
            size of generated ones, or sharpness alone would tell them apart.
        device: where features are worked out; it never enters a key.
        equal_tone: whether all pictures are brought to one tone and grain first (`audit.style.equal_tone`).
    """

    side: int
    device: torch.device
    store: Store
    equal_tone: bool = False

    def seen(self, digests: Sequence[str]) -> NDArray[np.uint8]:
        """Stored pictures as they are scored, uint8 (N, S, S, 3)."""
        pictures = at_side(self.side, self.store, digests)
        return np.stack([equal_tone(picture) for picture in pictures]) if self.equal_tone else pictures


def at_side(side: int, store: Store, digests: Sequence[str]) -> NDArray[np.uint8]:
    """Stored pictures as a model of that resolution sees them: centre square, resized, uint8 (N, S, S, 3)."""
    rows = [to_pixels(to_model_size(to_tensor(store.get_pixels(d)), side)) for d in digests]
    return np.concatenate(rows)


def features(metric: str, digests: Sequence[str], *, view: View) -> Features:
    """Unit features of stored pictures, (N, d): of a shipped metric whitened, once per list; else once per picture.

    Raises:
        BadModel: `encoder-missing`, `encoder-unsuitable`.
    """
    row = style_metric(metric)
    if row.published:
        return np.stack([_of_picture(row, digest, view=view) for digest in digests])

    def compute() -> Features:
        return row.whitening()(_extracted(row, digests, view))

    return _stored("features", row, digests, compute, view=view)


def _of_picture(row: StyleMetric, digest: str, *, view: View) -> Features:
    """An encoder takes long, and works and references come back in every audit."""

    def compute() -> Features:
        return unit(_extracted(row, [digest], view))

    found: Features = _stored("encoded", row, [digest], compute, view=view)[0]
    return found


def _extracted(row: StyleMetric, digests: Sequence[str], view: View) -> Features:
    """Raw features of stored pictures, of a part of them at a time where memory runs out."""
    seen = view.seen(digests)
    parts = in_parts(lambda rows: row.extract(seen[rows], view.device), len(seen), device=view.device, what=ONE)
    return np.concatenate(parts)


def features_key(metric: str, digests: Sequence[str], side: int, *, even: bool = False) -> str:
    """Key of the features of a list of pictures, `even` at equal tone; of an encoder, which keeps each picture's, one
    over all of them."""
    row = style_metric(metric)
    return _key("encoded" if row.published else "features", row, digests, side, even)


def _key(step: str, row: StyleMetric, digests: Sequence[str], side: int, even: bool) -> str:
    # The digest holds the metric's own version.
    settings = {"metric": row.plain, "side": side} | ({"equal_tone": VERSION} if even else {})
    return Store.key(step, settings, [style_metric(row.plain).digest(), *digests])


def _stored(
    step: str, row: StyleMetric, digests: Sequence[str], compute: Callable[[], Features], *, view: View
) -> Features:
    key, store = _key(step, row, digests, view.side, view.equal_tone), view.store
    found = store.read(step, key, lambda folder: _read(folder / "features.safetensors", len(digests)))
    if found is not None:
        return found
    made = compute()
    with store.writing(step, key) as partial:
        (partial / "features.safetensors").write_bytes(save({"features": made}))
    return made


def _read(path: Path, rows: int) -> Features:
    """Stored features; ValueError or OSError where the file holds none of so many rows."""
    try:
        found = load_file(path).get("features")
    except SafetensorError as error:
        raise ValueError(path.name) from error
    if found is None or found.dtype.kind != "f" or found.ndim != 2 or len(found) != rows:
        raise ValueError(path.name)
    return found


def other_artists(metric: str, given: Sequence[ReferenceArtist], *, view: View) -> Others:
    """The reference artists: those that the user gave, else (for a shipped metric) the lab's training sets."""
    if not given:
        lab = style_metric(metric).whitening()
        names = tuple(f"training set {i + 1} of the lab" for i in range(int(lab.others_set.max()) + 1))
        return Others(names=names, features=lab.others, artist=lab.others_set)
    found = [features(metric, artist.pixels, view=view) for artist in given]
    return Others(
        names=tuple(artist.name for artist in given),
        features=np.concatenate(found),
        artist=np.repeat(np.arange(len(given)), [len(rows) for rows in found]),
    )


def recognition(metric: str, *, works: Features, held_out: Sequence[Mask], others: Others) -> Recognition:
    """How often real works are recognised as this artist's: the artist's own, and other artists'.

    Args:
        works: unit features of all the artist's works, (N, d); held_out: which of them are held out, (N,) each, by
            replicate, or once for all.
    """
    own_rates, false_rates = [], []
    for mask in held_out:
        own_rates.append(np.mean(nearest_artist(works[~mask], works[mask], others) == 0))
        false_rates.append(np.mean(nearest_artist(others.features, works[mask], others, themselves=True) == 0))
    return Recognition(
        metric=metric,
        artists=others.names,
        own_rate=float(np.mean(own_rates)),
        false_rate=float(np.mean(false_rates)),
    )


def nearest(
    generations: Generations,
    *,
    held_out: Mapping[str, Features],
    others: Mapping[str, Others],
    view: View,
) -> dict[str, tuple[int, ...]]:
    """Metric -> nearest artist of each of a model's pictures; see `recognise`."""
    found = {}
    for metric, artists in others.items():
        made = features(metric, generations.pixels, view=view)
        found[metric] = tuple(nearest_artist(made, held_out[metric], artists).tolist())
    return found


def metric_facts(metric: str, *, works: Features, held_out: Sequence[Mask], others: Others) -> MetricFacts:
    """How the metric does on real pictures: the artist's own and other artists'; arguments as of `recognition`."""
    row = style_metric(metric)
    real = np.zeros((len(held_out), len(works)))
    rest = np.zeros((len(held_out), len(others.features)))
    for number, mask in enumerate(held_out):
        real[number, ~mask] = style_scores(metric, works[~mask], works[mask], others)
        rest[number] = style_scores(metric, others.features, works[mask], others, themselves=True)
    compared = ~np.stack(held_out)
    ever = compared.any(axis=0)
    return MetricFacts(
        name=metric,
        said=row.lineage,
        weights_sha256=row.digest(),
        real=tuple(real[:, ever].mean(axis=0, where=compared[:, ever]).tolist()),
        others=tuple(rest.mean(axis=0).tolist()),
        others_artists=len(others.names),
        real_means=tuple(real.mean(axis=1, where=compared).tolist()),
    )


def scores(
    generations: Generations,
    *,
    others: Mapping[str, Others],
    held_out: Mapping[str, Features],
    prompts: Sequence[int],
    view: View,
) -> tuple[Score, ...]:
    """Score one model's pictures by every metric that `others` has works of other artists for.

    Args:
        held_out: by metric, features of the works that they are scored against, (K, d).
        prompts: places in the plan of those that the pictures were asked for, in order.
    """
    found = []
    per_prompt = len(generations.pixels) // len(prompts)
    for metric, artists in others.items():
        made = features(metric, generations.pixels, view=view)
        values = style_scores(metric, made, held_out[metric], artists)
        for index, value in enumerate(values.tolist()):
            finite = bool(np.isfinite(value))
            found.append(
                Score(
                    metric=metric,
                    prompt=prompts[index // per_prompt],
                    noise=index % per_prompt,
                    value=value if finite else None,
                    why=None if finite else say("score.not-finite"),
                )
            )
    return tuple(found)


def scores_by_work(
    generations: Generations, *, held_out: Mapping[str, Features], view: View
) -> dict[str, tuple[float, ...]]:
    """Metric -> mean cosine of a model's pictures to each held-out work.

    A metric that corrects for local scaling is left out, whose score is no mean over works, and so is one that gave no
    finite value for a picture.
    """
    found = {}
    for metric, works in held_out.items():
        if style_metric(metric).csls:
            continue
        means = (features(metric, generations.pixels, view=view) @ works.T).mean(axis=0)
        if np.isfinite(means).all():
            found[metric] = tuple(means.tolist())
    return found
