"""Score-distillation attack: the denoiser's error as a direction, without a pass back through it.

Diff-Protect (Xue et al., 2024) replaces the gradient through the U-Net by (predicted noise - noise),
carried back through the encoder alone, as score distillation does (Poole et al., 2023). Ascent, the
paper's SDS(+). A calibration instrument re-implemented from the paper, not the tool.
"""

from __future__ import annotations

import torch
from torch import Tensor

from audit.base.messages import words
from audit.conditions.base import Context, Made, Pixels
from audit.conditions.protect.pgd import Aim, Draws, Pushed, Schedule, attack, linf_protection
from audit.conditions.protect.victim import Victim
from audit.records import Objective

SCHEDULE = Schedule(lab=100, published=100)


def sds_aim(victim: Victim) -> Aim:
    """Climb (predicted noise - noise) as if it were the gradient."""

    def loss(views: Tensor, draws: Draws) -> Tensor:
        latent = victim.latent(views)
        with torch.no_grad():
            at = victim.noised(latent, draws)
            error = victim.as_epsilon(victim.predict(at), at) - at.noise
        # Its gradient with respect to the latent is the error itself, to be climbed.
        return -(error * latent).flatten(1).mean(dim=1)

    return Aim(loss, victim.denoising_loss)


def _sds_pgd(pictures: list[Pixels], argument: float, context: Context) -> Made:
    aim = sds_aim(Victim(context.surrogate))
    return attack(pictures, argument, context, name="sds-pgd", schedule=SCHEDULE, aim=aim)


SDS_PGD = linf_protection(
    name="sds-pgd",
    run=_sds_pgd,
    source=words("Xue et al. 2024 (Diff-Protect, SDS+)"),
    published=words("100 steps of 1 level within 16"),
    settings=SCHEDULE.words,
    pushed=Pushed(
        Objective(said=words("denoising loss, pushed up"), direction="up"),
        encoder_passes=SCHEDULE.lab,
        unet_passes=SCHEDULE.lab // 3,
    ),
)
