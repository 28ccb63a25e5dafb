"""Alternating attack: protect against a model that keeps learning from the protected pictures.

ASPL of Anti-DreamBooth (Van Le et al., 2023): in every round a copy of the surrogate first learns
from the originals, the pictures are then attacked with that copy, and the surrogate itself learns
from the pictures as they are now. ACE (Zheng et al., 2024; Mist 2) runs the same kind of loop with
a target: the predicted noise is drawn to the latent of one busy picture. Where they fine-tune the
whole U-Net (ASPL) or a LoRA (ACE), the surrogate here is always a LoRA, trained by the package's
own trainer. Calibration instruments re-implemented from the papers, not the tools of those names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from audit.base.messages import Said, words
from audit.conditions.base import Context, Made, Pixels
from audit.conditions.protect.pgd import (
    Aim,
    Descent,
    Draws,
    Pushed,
    Schedule,
    delivered,
    linf_protection,
    measured,
    pgd,
    random_start,
    same_size,
    stacked,
)
from audit.conditions.protect.victim import PROMPT, Distance, Victim
from audit.conditions.windows import training_window, windows
from audit.images.tensors import to_pixels
from audit.models.conditioning import Text
from audit.models.kernels import training_attention
from audit.models.model import Model
from audit.records import ModelFacts, Objective, ProtectSettings, TrainSettings
from audit.training.adapters import Merged
from audit.training.batches import CellData
from audit.training.draws import Streams
from audit.training.footprint import base_of
from audit.training.loop import State, train_pack

SCHEDULE = Schedule(lab=60, published=300)
ATTACKS = 6
"""Attack steps in a round, as ASPL."""
LESSONS = 3
"""Training steps in a round, on the originals for the copy and on the protected pictures for the surrogate."""


@dataclass(frozen=True)
class Surrogate:
    """A LoRA that is trained on and off while pictures change."""

    model: Model
    settings: TrainSettings
    streams: Streams
    text: Text

    def lesson(self, pictures: list[Tensor], state: State | None, upto: int) -> tuple[dict[str, Tensor], State]:
        """Go on training on pictures as they are now; returns weight updates and the new state."""
        moments = [self._posterior(p) for p in pictures]
        data = CellData(
            streams=self.streams,
            mean=torch.cat([mean for mean, _ in moments]),
            std=torch.cat([std for _, std in moments]),
            text=self.text.to(torch.device("cpu")).expand(sum(len(p) for p in pictures)),
        )
        (adapter,), after = train_pack(base_of(self.model), [data], self.settings, resume=state, stop_at=upto)
        scale = self.settings.alpha / self.settings.rank
        return {
            f"{name}.weight": scale * (b @ a.flatten(1)).view(b.shape[0], *a.shape[1:])
            for name, (a, b) in adapter.items()
        }, after

    @torch.no_grad()
    def _posterior(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of pictures and their mirror images, (N, 2, C, h, w)."""
        small = training_window(*pictures.shape[-2:]).view(pictures, self.model.facts.resolution)
        both = torch.stack([small, small.flip(-1)], dim=1)
        mean, deviation = self.model.posterior(both.flatten(0, 1))
        shape = (*both.shape[:2], *mean.shape[1:])
        return mean.float().cpu().view(shape), deviation.float().cpu().view(shape)


def _alternate(
    pictures: list[Pixels], budget: float, context: Context, *, name: str, aimed: Callable[[Victim], Aim]
) -> Made:
    model, side = context.surrogate, context.surrogate.facts.resolution
    steps = SCHEDULE.steps(model.facts, context.protection)
    sizes = SCHEDULE.sizes(budget, steps)
    rounds = -(-steps // ATTACKS)
    victim = Victim(model)
    aim = aimed(victim)
    surrogate = Surrogate(
        model=model,
        settings=_lessons(model.facts, rounds, len(pictures)),
        streams=Streams(seed=context.seed, replicate=0, variant=name),
        text=victim.text,
    )
    groups = list(same_size(pictures, side))
    originals = [stacked([pictures[i] for i in rows], model) for rows in groups]
    named = [[(name, context.seed, context.names[i]) for i in rows] for rows in groups]
    changes = [random_start(o, n, budget) for o, n in zip(originals, named, strict=True)]
    state: State | None = None
    with training_attention(model):
        for turn in range(rounds):
            upto = LESSONS * (turn + 1)
            updates, _ = surrogate.lesson(originals, state, upto)
            with Merged(model.roots(), updates):
                for at, batch in enumerate(originals):
                    changes[at] = pgd(
                        batch,
                        changes[at],
                        Descent(budget, sizes[turn * ATTACKS : (turn + 1) * ATTACKS], before=turn * ATTACKS),
                        loss=aim.loss,
                        places=windows(*batch.shape[-2:], side=side, policy=context.protection.crop),
                        side=side,
                        names=named[at],
                    )
            _, state = surrogate.lesson([o + c for o, c in zip(originals, changes, strict=True)], state, upto)
        made: list[Pixels] = [np.zeros(0, np.uint8)] * len(pictures)
        first, last = [0.0] * len(pictures), [0.0] * len(pictures)
        for rows, batch, change in zip(groups, originals, changes, strict=True):
            done, works = delivered(batch, change), [context.names[i] for i in rows]
            befores = measured(aim, batch, side=side, names=works)
            afters = measured(aim, done, side=side, names=works)
            for row, picture, before, after in zip(rows, to_pixels(done), befores, afters, strict=True):
                made[row], first[row], last[row] = picture, before, after
    return Made(made, tuple(first), tuple(last))


def _lessons(facts: ModelFacts, rounds: int, works: int) -> TrainSettings:
    """The surrogate's own training; the lab learns at a higher rate than Stable Diffusion."""
    return TrainSettings(
        rank=4,
        alpha=4,
        steps=LESSONS * rounds,
        batch=min(8, works),
        learning_rate=1e-3 if facts.lab else 1e-4,
        warmup=0,
        min_snr=None,
    )


def _words(argument: float, surrogate: ModelFacts, asked: ProtectSettings) -> dict[str, Said]:
    steps = SCHEDULE.steps(surrogate, asked)
    lessons = _lessons(surrogate, -(-steps // ATTACKS), 8)
    return {
        **SCHEDULE.words(argument, surrogate, asked),
        "rounds": words(
            "{rounds} of {lessons} lessons on originals, {attacks} attack steps, as many lessons on the "
            "protected pictures",
            rounds=-(-steps // ATTACKS),
            lessons=LESSONS,
            attacks=ATTACKS,
        ),
        "lessons": words(
            "LoRA of rank {rank}, learning rate {learning_rate:g}, batch of at most 8, every caption '{prompt}'",
            rank=lessons.rank,
            learning_rate=lessons.learning_rate,
            prompt=PROMPT,
        ),
    }


def _aspl(victim: Victim) -> Aim:
    return Aim(
        loss=lambda views, draws: -victim.denoising_loss(views, draws),
        measure=victim.denoising_loss,
    )


def _ace(victim: Victim) -> Aim:
    goal = Distance.of(victim).goal

    def loss(views: Tensor, draws: Draws) -> Tensor:
        at = victim.noised(victim.latent(views), draws)
        return (victim.as_epsilon(victim.predict(at), at) - goal).pow(2).flatten(1).mean(dim=1)

    return Aim(loss, loss)


def _before_lessons(goal: Said, direction: Literal["up", "down"]) -> Objective:
    return Objective(said=words("{goal}; on the model before any lesson", goal=goal), direction=direction)


def _surrogate_pgd(pictures: list[Pixels], argument: float, context: Context) -> Made:
    return _alternate(pictures, argument, context, name="surrogate-pgd", aimed=_aspl)


def _surrogate_target_pgd(pictures: list[Pixels], argument: float, context: Context) -> Made:
    return _alternate(pictures, argument, context, name="surrogate-target-pgd", aimed=_ace)


SURROGATE_PGD = linf_protection(
    name="surrogate-pgd",
    run=_surrogate_pgd,
    source=words("Van Le et al. 2023 (Anti-DreamBooth, ASPL)"),
    published=words("50 rounds of 3 lessons, 6 steps of 0.64 levels within 6.4, 3 lessons, whole U-Net at 5e-7"),
    settings=_words,
    whole_set=True,
    pushed=Pushed(
        _before_lessons(words("denoising loss, pushed up"), "up"),
        encoder_passes=SCHEDULE.lab,
        unet_passes=2 * SCHEDULE.lab,
    ),
)

SURROGATE_TARGET_PGD = linf_protection(
    name="surrogate-target-pgd",
    run=_surrogate_target_pgd,
    source=words("Zheng et al. 2024 (ACE, Mist 2)"),
    published=words("5 rounds of 10 lessons and 30 steps of 0.64 levels within 4 to 5, LoRA of rank 4 at 1e-4"),
    settings=_words,
    whole_set=True,
    pushed=Pushed(
        _before_lessons(words("distance of predicted noise to the target pattern's latent, pushed down"), "down"),
        encoder_passes=SCHEDULE.lab,
        unet_passes=2 * SCHEDULE.lab,
    ),
)
