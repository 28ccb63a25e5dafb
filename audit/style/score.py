"""The scoring stage: features of every picture once, closeness to the held-out works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from audit.images.tensors import to_model_size, to_pixels, to_tensor
from audit.records import Generations, MetricFacts, Recognition, ReferenceArtist, Score
from audit.store import Store
from audit.style import Features, StyleMetric, style_metric, style_scores, unit
from audit.style.recognise import Others, nearest_artist


@dataclass(frozen=True)
class View:
    """How pictures are looked at, and where they and their features lie.

    Attributes:
        side: of the square that every picture, real or made, is brought to, px: real works are scored at the
            size of generated ones, or sharpness alone would tell them apart.
        device: where features are worked out; it never enters a key.
    """

    side: int
    device: torch.device
    store: Store


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
    if row.source:
        return np.stack([_of_picture(row, digest, view=view) for digest in digests])

    def compute() -> Features:
        return row.whitening()(row.extract(at_side(view.side, view.store, digests), view.device))

    return _stored("features", row, digests, compute, view=view)


def _of_picture(row: StyleMetric, digest: str, *, view: View) -> Features:
    """An encoder takes long, and works and references come back in every audit."""

    def compute() -> Features:
        return unit(row.extract(at_side(view.side, view.store, [digest]), view.device))

    found: Features = _stored("encoded", row, [digest], compute, view=view)[0]
    return found


def features_key(metric: str, digests: Sequence[str], side: int) -> str:
    """Key of the features of a list of pictures; of an encoder, which keeps each picture's, one over all of them."""
    row = style_metric(metric)
    return _key("encoded" if row.source else "features", row, digests, side)


def _key(step: str, row: StyleMetric, digests: Sequence[str], side: int) -> str:
    # The digest holds the metric's own version.
    return Store.key(step, {"metric": row.plain, "side": side}, [style_metric(row.plain).digest(), *digests])


def _stored(
    step: str, row: StyleMetric, digests: Sequence[str], compute: Callable[[], Features], *, view: View
) -> Features:
    key, store = _key(step, row, digests, view.side), view.store
    folder = store.verified(step, key)
    if folder is None:
        found = compute()
        with store.writing(step, key) as partial:
            (partial / "features.safetensors").write_bytes(save({"features": found}))
        return found
    return load_file(folder / "features.safetensors")["features"]


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


def recognition(
    metric: str,
    *,
    pool: Sequence[str],
    references: Sequence[str],
    others: Others,
    view: View,
) -> Recognition:
    """How often real works are recognised as this artist's: the artist's own, and other artists'."""
    own = features(metric, references, view=view)
    of_pool = nearest_artist(features(metric, pool, view=view), own, others)
    of_others = nearest_artist(others.features, own, others, themselves=True)
    return Recognition(
        metric=metric,
        artists=others.names,
        own_rate=float(np.mean(of_pool == 0)),
        false_rate=float(np.mean(of_others == 0)),
    )


def nearest(
    generations: Generations,
    *,
    references: Sequence[str],
    others: Mapping[str, Others],
    view: View,
) -> dict[str, tuple[int, ...]]:
    """Metric -> nearest artist of each of a model's pictures; see `recognise`."""
    found = {}
    for metric, artists in others.items():
        own = features(metric, references, view=view)
        made = features(metric, generations.pixels, view=view)
        found[metric] = tuple(nearest_artist(made, own, artists).tolist())
    return found


def metric_facts(
    metric: str, *, pool: Sequence[str], references: Sequence[str], others: Others, view: View
) -> MetricFacts:
    """How the metric does on real pictures: the artist's own and other artists'."""
    row = style_metric(metric)
    centre = features(metric, references, view=view)
    return MetricFacts(
        name=metric,
        said=row.lineage,
        weights_sha256=row.digest(),
        real=tuple(style_scores(metric, features(metric, pool, view=view), centre, others).tolist()),
        others=tuple(style_scores(metric, others.features, centre, others, themselves=True).tolist()),
        others_artists=len(others.names),
    )


def scores(
    generations: Generations,
    *,
    others: Mapping[str, Others],
    references: Sequence[str],
    per_prompt: int,
    view: View,
) -> tuple[Score, ...]:
    """Score one model's pictures by every metric that `others` has works of other artists for."""
    found = []
    for metric, artists in others.items():
        centre = features(metric, references, view=view)
        made = features(metric, generations.pixels, view=view)
        values = style_scores(metric, made, centre, artists)
        for index, value in enumerate(values.tolist()):
            finite = bool(np.isfinite(value))
            found.append(
                Score(
                    metric=metric,
                    prompt=index // per_prompt,
                    noise=index % per_prompt,
                    value=value if finite else None,
                    missing="" if finite else "the metric gave no finite value for this picture",
                )
            )
    return tuple(found)
