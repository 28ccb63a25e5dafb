"""Denoiser attack: make the picture hard to denoise, over random timesteps and noise.

AdvDM (Liang et al., 2023): gradient ascent on the loss that a fine-tuning minimises, one timestep
and noise per step. A calibration instrument re-implemented from the paper, not the tool.
"""

from __future__ import annotations

from audit.base.messages import words
from audit.conditions.base import Context, Made, Pixels
from audit.conditions.protect.pgd import Aim, Pushed, Schedule, attack, linf_protection
from audit.conditions.protect.victim import Victim
from audit.records import Objective

SCHEDULE = Schedule(lab=60, published=100)


def _denoiser_pgd(pictures: list[Pixels], argument: float, context: Context) -> Made:
    victim = Victim(context.surrogate)
    aim = Aim(
        loss=lambda views, draws: -victim.denoising_loss(views, draws),
        measure=victim.denoising_loss,
    )
    return attack(pictures, argument, context, name="denoiser-pgd", schedule=SCHEDULE, aim=aim)


DENOISER_PGD = linf_protection(
    name="denoiser-pgd",
    run=_denoiser_pgd,
    source=words("Liang et al. 2023 (AdvDM)"),
    published=words("100 steps of 1 level within 8 or 16"),
    settings=SCHEDULE.words,
    pushed=Pushed(
        Objective(said=words("denoising loss, pushed up"), direction="up"),
        encoder_passes=SCHEDULE.lab,
        unet_passes=SCHEDULE.lab,
    ),
)
