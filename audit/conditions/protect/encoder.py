"""Encoder attack: push a picture's latent toward that of a target pattern.

PhotoGuard's encoder attack (Salman et al., 2023: any target picture's latent, random start) and
Mist's textural mode (Liang & Wu, 2023: the latent of one busy target picture). Their targets are
a grey picture and a tiled drawing; ours is a pattern made by `target_pattern`. A calibration
instrument re-implemented from the papers, not the tools of those names.
"""

from __future__ import annotations

from audit.base.messages import words
from audit.conditions.base import Context, Made, Pixels
from audit.conditions.protect.pgd import Aim, Pushed, Schedule, attack, linf_protection
from audit.conditions.protect.victim import Distance, Victim
from audit.records import Objective

SCHEDULE = Schedule(lab=60, published=100)


def _encoder_pgd(pictures: list[Pixels], argument: float, context: Context) -> Made:
    distance = Distance.of(Victim(context.surrogate))
    aim = Aim(distance, distance)
    return attack(pictures, argument, context, name="encoder-pgd", schedule=SCHEDULE, aim=aim)


ENCODER_PGD = linf_protection(
    name="encoder-pgd",
    run=_encoder_pgd,
    version=3,
    source=words("Salman et al. 2023 (PhotoGuard, encoder attack); Liang & Wu 2023 (Mist, textural mode)"),
    published=words("Mist: 100 steps of 1 level within 16; PhotoGuard: 200 to 1000 steps within 8 to 15"),
    settings=SCHEDULE.words,
    pushed=Pushed(
        Objective(said=words("squared latent distance to the target pattern, pushed down"), direction="down"),
        encoder_passes=SCHEDULE.lab,
    ),
)
