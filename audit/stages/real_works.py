"""How each metric does on real pictures, before it scores any that a model made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from audit.base.messages import say
from audit.executor import Engine
from audit.records import MetricFacts, Plan, Recognition
from audit.style import Features
from audit.style.recognise import Others
from audit.style.score import Mask, features, metric_facts, other_artists, recognition
from audit.style.tasks import Embed, view_of


@dataclass(frozen=True)
class RealWorks:
    """What scores are held against, and how well that tells real works apart.

    Attributes:
        others: by metric, works of other artists.
        works: by metric, unit features of the plan's works, (N, d), in order.
    """

    others: Mapping[str, Others]
    works: Mapping[str, Features]
    metrics: tuple[MetricFacts, ...]
    recognised: tuple[Recognition, ...]

    def held_out(self, plan: Plan, replicate: int) -> dict[str, Features]:
        """By metric, features of the works that a replicate's pictures are scored against, (K, d)."""
        mask = held_out_mask(plan, replicate)
        return {metric: rows[mask] for metric, rows in self.works.items()}


def held_out_mask(plan: Plan, replicate: int) -> Mask:
    """Which of the plan's works a replicate holds out, (N,)."""
    held_out = {work.id for work in plan.held_out(replicate)}
    return np.array([work.id in held_out for work in plan.works])


def at_equal_tone(plan: Plan, real: RealWorks, engine: Engine) -> RealWorks:
    """The same works seen at equal tone; facts about the metrics stay those of works as they are.

    Without reference artists the lab's training sets stay as they are: of these, features alone are shipped.
    """
    lists = [tuple(w.pixels for w in plan.works), *(other.pixels for other in plan.reference_artists)]
    view = view_of(engine, equal_tone=True)
    engine.run([Embed(name, pixels, view.side, True) for name in plan.metrics for pixels in lists])
    return replace(
        real,
        others={name: other_artists(name, plan.reference_artists, view=view) for name in plan.metrics},
        works={name: features(name, lists[0], view=view) for name in plan.metrics},
    )


def score_real_works(plan: Plan, engine: Engine) -> RealWorks:
    """The artist's own works against the held-out ones, and others'; the progress counts pictures and metrics."""
    lists = [tuple(w.pixels for w in plan.works), *(other.pixels for other in plan.reference_artists)]
    view = view_of(engine)
    engine.progress.stage(say("stage.real-works"), len(plan.metrics) * sum(map(len, lists)))
    engine.run([Embed(name, pixels, view.side) for name in plan.metrics for pixels in lists])
    others = {name: other_artists(name, plan.reference_artists, view=view) for name in plan.metrics}
    works = {name: features(name, lists[0], view=view) for name in plan.metrics}
    masks = [held_out_mask(plan, draw.replicate) for draw in plan.draws] or [held_out_mask(plan, 0)]
    metrics, recognised = [], []
    for name, given in others.items():
        facts = metric_facts(name, works=works[name], held_out=masks, others=given)
        metrics.append(facts if plan.draws else facts.model_copy(update={"real_means": ()}))
        recognised.append(recognition(name, works=works[name], held_out=masks, others=given))
    engine.progress.close()
    return RealWorks(others=others, works=works, metrics=tuple(metrics), recognised=tuple(recognised))
