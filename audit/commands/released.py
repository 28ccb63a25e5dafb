"""The released pictures of a published comparison, scored: what did each protection take from the mimicry?

In each case a model tuned on protected works stands beside one tuned on the originals. Prompts are the
units within an artist, artists over all; the published study had people judge single pictures.
There was one training each, so that none of these intervals holds the spread between trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from audit import __version__
from audit.base.messages import say
from audit.base.progress import Progress
from audit.collect import reference_works
from audit.collect.folders import list_pictures, read_picture
from audit.collect.generated import prompt_of
from audit.collect.publication import Case, find_cases
from audit.judge.intervals import mean_interval
from audit.judge.rows import as_estimate
from audit.judge.separation import auc
from audit.records import Estimate, ReferenceArtist, Released, ReleasedArtist
from audit.store import Store
from audit.style import style_metric, style_scores
from audit.style.recognise import Others, nearest_artist
from audit.style.score import View, features, other_artists

LEVEL = 0.95
MIN_AUC = 0.8
SIDE = 512


@dataclass(frozen=True)
class _Artist:
    name: str
    pool: tuple[str, ...]
    held_out: tuple[str, ...]


def score_released(
    folder: Path, *, metrics: Sequence[str], store: Store, device: torch.device, progress: Progress
) -> Released:
    """Score every case of the folder.

    Raises:
        BadInput: `released-layout`, and those of reading pictures.
    """
    paths, cases = find_cases(folder)
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
    view = View(side=SIDE, device=device, store=store)
    told: list[ReleasedArtist] = []
    rows: list[Estimate] = []
    progress.stage(say("stage.score"), len(metrics))
    for done, metric in enumerate(metrics, start=1):
        known, found = _by_metric(metric, artists, cases, made, view)
        told = told or known
        rows += found
        progress.update(done)
    progress.close()
    return Released(
        tool_version=__version__,
        side=SIDE,
        metrics=tuple(metrics),
        metric_weights={name: style_metric(name).digest() for name in metrics},
        artists=tuple(told),
        other_seeds=tuple(sorted({c.name for c in cases if not c.same_seeds})),
        estimates=tuple(rows),
    )


def _by_metric(
    metric: str,
    artists: Sequence[_Artist],
    cases: Sequence[Case],
    made: Mapping[Path, Mapping[str, str]],
    view: View,
) -> tuple[list[ReleasedArtist], list[Estimate]]:
    """Which artists the metric tells apart, and what each case took from the mimicry of those."""
    told, rows = [], []
    lost: dict[str, list[tuple[float, float]]] = {}
    for artist in artists:
        others = _others(metric, artist, artists, view)
        own = features(metric, artist.held_out, view=view)
        area = auc(
            style_scores(metric, features(metric, artist.pool, view=view), own, others),
            style_scores(metric, others.features, own, others),
            others_units=len(others.names),
            level=LEVEL,
        )
        separated = area.value is not None and area.value >= MIN_AUC
        works = len(artist.pool) + len(artist.held_out)
        told.append(ReleasedArtist(name=artist.name, works=works, auc=area.value, separated=separated))
        for case in (c for c in cases if c.artist == artist.name and separated):
            shared = sorted(set(made[case.made]) & set(made[case.baseline]))
            if not shared:
                continue
            before, after = (
                features(metric, [made[at][prompt] for prompt in shared], view=view)
                for at in (case.baseline, case.made)
            )
            score = style_scores(metric, before, own, others) - style_scores(metric, after, own, others)
            hits = [np.mean(nearest_artist(seen, own, others) == 0) for seen in (before, after)]
            rows.append(_row("score_lost", f"{case.name} | {artist.name}", metric, "score", score, "prompts"))
            lost.setdefault(case.name, []).append((float(score.mean()), float(hits[0] - hits[1])))
    for name, values in lost.items():
        table = np.array(values)
        rows.append(_row("score_lost", name, metric, "score", table[:, 0], "artists"))
        rows.append(_row("recognised_lost", name, metric, "share", table[:, 1], "artists"))
    return told, rows


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
