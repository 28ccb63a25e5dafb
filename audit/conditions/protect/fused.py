"""Fused attack: encoder and denoiser at once.

Mist's fused mode (Liang & Wu, 2023): the mean denoising loss is pushed up with weight 10^4 while
the summed squared latent distance to a target picture is pushed down. Over the 16,384 numbers of
a latent at 512 px that is 0.61 parts of the one mean to one of the other, which is what is used
here at every size. A calibration instrument re-implemented from the paper, not the tool.
"""

from __future__ import annotations

from torch import Tensor

from audit.base.messages import words
from audit.conditions.base import Context, Made, Pixels
from audit.conditions.protect.pgd import Aim, Draws, Pushed, Schedule, attack, linf_protection
from audit.conditions.protect.victim import Distance, Victim
from audit.records import Objective

SCHEDULE = Schedule(lab=60, published=100)
DENOISING_WEIGHT = 1e4 / (4 * 64 * 64)


def _fused_pgd(pictures: list[Pixels], argument: float, context: Context) -> Made:
    victim = Victim(context.surrogate)
    distance = Distance.of(victim)

    def loss(views: Tensor, draws: Draws) -> Tensor:
        latent = victim.latent(views)
        return distance.of_latent(latent) - DENOISING_WEIGHT * victim.denoising_loss_of(latent, draws)

    aim = Aim(loss, loss)
    return attack(pictures, argument, context, name="fused-pgd", schedule=SCHEDULE, aim=aim)


FUSED_PGD = linf_protection(
    name="fused-pgd",
    run=_fused_pgd,
    source=words("Liang & Wu 2023 (Mist, fused mode)"),
    published=words("100 steps of 1 level within 16"),
    settings=SCHEDULE.words,
    pushed=Pushed(
        Objective(
            said=words("latent distance to the target less 0.61 of the denoising loss, pushed down"), direction="down"
        ),
        encoder_passes=SCHEDULE.lab,
        unet_passes=SCHEDULE.lab,
    ),
)
