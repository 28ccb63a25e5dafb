"""The scoring stage: features of every picture once, closeness to the held-out works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from audit.records import Generations, MetricFacts, Recognition, ReferenceArtist, Score
from audit.store import Store
from audit.style import METRICS, Features, closeness
from audit.style.recognise import Others, nearest_artist
from audit.tensors import to_model_size, to_pixels, to_tensor


def at_side(side: int, store: Store, digests: Sequence[str]) -> NDArray[np.uint8]:
    """Stored pictures as a model of that resolution sees them: centre square, resized, uint8 (N, S, S, 3).

    Real works are scored at the size of generated ones, or sharpness alone would tell them apart.
    """
    rows = [to_pixels(to_model_size(to_tensor(store.get_pixels(d)), side)) for d in digests]
    return np.concatenate(rows)


def features(metric: str, digests: Sequence[str], *, side: int, store: Store) -> Features:
    """Whitened unit features of stored pictures, (N, d); computed once per list of pictures."""
    row = METRICS[metric]
    key = store.key("features", row.version, {"metric": metric, "side": side}, [row.digest(), *digests])
    folder = store.verified("features", key)
    if folder is None:
        found = row.whitening()(row.extract(at_side(side, store, digests)))
        with store.writing("features", key) as partial:
            (partial / "features.safetensors").write_bytes(save({"features": found}))
        return found
    return load_file(folder / "features.safetensors")["features"]


def other_artists(metric: str, given: Sequence[ReferenceArtist], *, side: int, store: Store) -> Others:
    """The reference artists: those that the user gave, else the lab's training sets."""
    if not given:
        lab = METRICS[metric].whitening()
        names = tuple(f"training set {i + 1} of the lab" for i in range(int(lab.others_set.max()) + 1))
        return Others(names=names, features=lab.others, artist=lab.others_set)
    found = [features(metric, artist.pixels, side=side, store=store) for artist in given]
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
    side: int,
    store: Store,
) -> Recognition:
    """How often real works are recognised as this artist's: the artist's own, and other artists'."""
    own = features(metric, references, side=side, store=store)
    of_pool = nearest_artist(features(metric, pool, side=side, store=store), own, others)
    of_others = nearest_artist(others.features, own, others)
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
    side: int,
    store: Store,
) -> dict[str, tuple[int, ...]]:
    """Metric -> nearest artist of each of a model's pictures; see `recognise`."""
    found = {}
    for metric, artists in others.items():
        own = features(metric, references, side=side, store=store)
        made = features(metric, generations.pixels, side=side, store=store)
        found[metric] = tuple(nearest_artist(made, own, artists).tolist())
    return found


def metric_facts(
    metric: str, *, pool: Sequence[str], references: Sequence[str], others: Others, side: int, store: Store
) -> MetricFacts:
    """How the metric does on real pictures: the artist's own and other artists'."""
    row = METRICS[metric]
    centre = features(metric, references, side=side, store=store)
    return MetricFacts(
        name=metric,
        lineage=row.lineage,
        weights_sha256=row.digest(),
        real=tuple(closeness(features(metric, pool, side=side, store=store), centre).tolist()),
        others=tuple(closeness(others.features, centre).tolist()),
        others_artists=len(others.names),
    )


def scores(
    generations: Generations,
    *,
    metrics: Sequence[str],
    references: Sequence[str],
    per_prompt: int,
    side: int,
    store: Store,
) -> tuple[Score, ...]:
    """Score one model's pictures by every metric."""
    found = []
    for metric in metrics:
        centre = features(metric, references, side=side, store=store)
        values = closeness(features(metric, generations.pixels, side=side, store=store), centre)
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
