"""The released pictures of a published comparison, scored: what did each protection take from the mimicry?

In each case a model tuned on protected works stands beside one tuned on the originals. Prompts are the
units within an artist, artists over all; the published study had people judge single pictures.
There was one training each, so that none of these intervals holds the spread between trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from audit import __version__
from audit.base.messages import say
from audit.collect import reference_works
from audit.collect.folders import list_pictures, read_picture
from audit.collect.generated import prompt_of
from audit.collect.publication import Case, find_cases
from audit.executor import Bench
from audit.judge.estimate_rows import as_estimate
from audit.judge.intervals import mean_interval
from audit.judge.separation import auc
from audit.records import Estimate, ReferenceArtist, Released, ReleasedArtist
from audit.store import Store
from audit.style import Features, style_metric, style_scores
from audit.style.recognise import Others, nearest_artist
from audit.style.score import View, features, other_artists
from audit.style.tasks import Embed

LEVEL = 0.95
MIN_AUC = 0.8
SIDE = 512
Pixels: TypeAlias = tuple[str, ...]
"""Stored pictures."""


@dataclass(frozen=True)
class _Artist:
    name: str
    pool: tuple[str, ...]
    held_out: tuple[str, ...]


@dataclass(frozen=True)
class _Seen:
    """What a metric makes of an artist's works: whether it tells them apart, and what scores are held against."""

    own: Features
    others: Others
    area: float | None

    @property
    def separated(self) -> bool:
        return self.area is not None and self.area >= MIN_AUC


def score_released(folder: Path, *, metrics: Sequence[str], bench: Bench) -> Released:
    """Score every case of the folder.

    Raises:
        BadInput: `released-layout`, and those of reading pictures.
    """
    paths, cases = find_cases(folder)
    progress, store = bench.progress, bench.store
    progress.stage(say("stage.read"), len(paths) + 2 * len(cases))
    artists = []
    for path in paths:
        digests = tuple(dict.fromkeys(_read(path, store, key=str).values()))
        chosen = reference_works(digests, seed=0)
        artists.append(_Artist(path.name, tuple(d for d in digests if d not in chosen), tuple(sorted(chosen))))
        progress.update(len(artists))
    made = {}
    for case in cases:
        for at in (case.made, case.baseline):
            if at not in made:
                made[at] = _read(at, store)
    progress.close()
    view = View(side=SIDE, device=bench.device, store=store)
    works = [pixels for a in artists for pixels in (a.held_out, a.pool, (*a.pool, *a.held_out))]
    progress.stage(say("stage.real-works"), len(metrics) * sum(map(len, works)))
    bench.run([Embed(metric, pixels, SIDE) for metric in metrics for pixels in works])
    seen = {metric: {a.name: _seen(metric, a, artists, view) for a in artists} for metric in metrics}
    progress.close()
    pairs = {metric: list(_pairs(cases, made, seen[metric])) for metric in metrics}
    lists = [(metric, pixels) for metric in metrics for _, *both in pairs[metric] for pixels in both]
    progress.stage(say("stage.score"), sum(len(pixels) for _, pixels in lists))
    bench.run([Embed(metric, pixels, SIDE) for metric, pixels in lists])
    rows = [row for metric in metrics for row in _lost(metric, seen[metric], pairs[metric], view)]
    progress.close()
    return Released(
        tool_version=__version__,
        side=SIDE,
        metrics=tuple(metrics),
        metric_weights={name: style_metric(name).digest() for name in metrics},
        artists=tuple(
            ReleasedArtist(
                name=a.name,
                works=len(a.pool) + len(a.held_out),
                auc=seen[metrics[0]][a.name].area,
                separated=seen[metrics[0]][a.name].separated,
            )
            for a in artists
        ),
        other_seeds=tuple(sorted({c.name for c in cases if not c.same_seeds})),
        estimates=tuple(rows),
    )


def _seen(metric: str, artist: _Artist, artists: Sequence[_Artist], view: View) -> _Seen:
    others = _others(metric, artist, artists, view)
    own = features(metric, artist.held_out, view=view)
    area = auc(
        style_scores(metric, features(metric, artist.pool, view=view), own, others),
        style_scores(metric, others.features, own, others),
        others_units=len(others.names),
        level=LEVEL,
    )
    return _Seen(own, others, area.value)


def _pairs(
    cases: Sequence[Case], made: Mapping[Path, Mapping[str, str]], seen: Mapping[str, _Seen]
) -> Iterator[tuple[Case, Pixels, Pixels]]:
    """Each case of an artist whom the metric tells apart, with the pictures before and after, prompt by prompt."""
    for case in cases:
        shared = sorted(set(made[case.made]) & set(made[case.baseline]))
        if shared and seen[case.artist].separated:
            before, after = (tuple(made[at][prompt] for prompt in shared) for at in (case.baseline, case.made))
            yield case, before, after


def _lost(
    metric: str, seen: Mapping[str, _Seen], pairs: Sequence[tuple[Case, Pixels, Pixels]], view: View
) -> Iterator[Estimate]:
    """What each case took from the mimicry: artist by artist, then over all."""
    lost: dict[str, list[tuple[float, float]]] = {}
    for case, *lists in sorted(pairs, key=lambda pair: list(seen).index(pair[0].artist)):
        own, others = seen[case.artist].own, seen[case.artist].others
        before, after = (features(metric, pixels, view=view) for pixels in lists)
        score = style_scores(metric, before, own, others) - style_scores(metric, after, own, others)
        hits = [np.mean(nearest_artist(rows, own, others) == 0) for rows in (before, after)]
        yield _row("score_lost", f"{case.name} | {case.artist}", metric, "score", score, "prompts")
        lost.setdefault(case.name, []).append((float(score.mean()), float(hits[0] - hits[1])))
    for name, values in lost.items():
        table = np.array(values)
        yield _row("score_lost", name, metric, "score", table[:, 0], "artists")
        yield _row("recognised_lost", name, metric, "share", table[:, 1], "artists")


def _read(folder: Path, store: Store, *, key: Callable[[str], str] = prompt_of) -> dict[str, str]:
    """Prompt (or file name) -> stored picture."""
    read = [read_picture(p, "given", store.put_pixels, known=()) for p in list_pictures(folder, "given", [])]
    return {key(picture.file): picture.stored for picture in read}


def _others(metric: str, artist: _Artist, artists: Sequence[_Artist], view: View) -> Others:
    """Every other artist of the release."""
    rest = [ReferenceArtist(name=a.name, pixels=(*a.pool, *a.held_out)) for a in artists if a is not artist]
    return other_artists(metric, rest, view=view)


def _row(
    name: str, case: str, metric: str, unit: str, values: NDArray[np.float64], over: Literal["artists", "prompts"]
) -> Estimate:
    found = mean_interval(values, level=LEVEL)
    if found.n == 1:
        found = replace(found, why=say("why.one-only"))
    how = say(f"how.released-{over}")
    return as_estimate(found, name=name, condition=case, metric=metric, level=LEVEL, unit=unit, how=how)
