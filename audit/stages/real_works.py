"""How each metric does on real pictures, before it scores any that a model made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audit.base.messages import say
from audit.executor import Engine
from audit.records import ArtistSet, MetricFacts, Plan, Recognition
from audit.style.recognise import Others
from audit.style.score import metric_facts, other_artists, recognition
from audit.style.tasks import Embed, view_of


@dataclass(frozen=True)
class RealWorks:
    """What scores are held against, and how well that tells real works apart.

    Attributes:
        others: by metric, works of other artists; references: the artist's held-out works, as stored.
    """

    others: Mapping[str, Others]
    references: tuple[str, ...]
    metrics: tuple[MetricFacts, ...]
    recognised: tuple[Recognition, ...]


def score_real_works(plan: Plan, artist: ArtistSet, engine: Engine) -> RealWorks:
    """The artist's own works against the held-out ones, and others'; the progress counts pictures and metrics."""
    pool, references = (tuple(w.pixels for w in works) for works in (artist.pool(), artist.reference()))
    lists = [pool, references, *(other.pixels for other in plan.reference_artists)]
    view = view_of(engine)
    engine.progress.stage(say("stage.real-works"), len(plan.metrics) * sum(map(len, lists)))
    engine.run([Embed(name, pixels, view.side) for name in plan.metrics for pixels in lists])
    others = {name: other_artists(name, plan.reference_artists, view=view) for name in plan.metrics}
    metrics, recognised = [], []
    for name, given in others.items():
        metrics.append(metric_facts(name, pool=pool, references=references, others=given, view=view))
        recognised.append(recognition(name, pool=pool, references=references, others=given, view=view))
    engine.progress.close()
    return RealWorks(others=others, references=references, metrics=tuple(metrics), recognised=tuple(recognised))
