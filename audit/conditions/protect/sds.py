"""Score-distillation attack: the denoiser's error as a direction, without a pass back through it.

Diff-Protect (Xue et al., 2024) replaces the gradient through the U-Net by (predicted noise - noise),
carried back through the encoder alone, as score distillation does (Poole et al., 2023). Ascent, the
paper's SDS(+). A calibration instrument re-implemented from the paper, not the tool.
"""

from __future__ import annotations

import torch
from torch import Tensor

from audit.conditions.base import Context, Made, Pixels
from audit.conditions.protect.pgd import Draws, Objective, Schedule, attack, linf_protection
from audit.conditions.protect.victim import Victim

SCHEDULE = Schedule(lab=100, published=100)


def sds_objective(victim: Victim) -> Objective:
    """Climb (predicted noise - noise) as if it were the gradient."""

    def loss(views: Tensor, draws: Draws) -> Tensor:
        latent = victim.latent(views)
        with torch.no_grad():
            at = victim.noised(latent, draws)
            error = victim.as_epsilon(victim.predict(at), at) - at.noise
        # Its gradient with respect to the latent is the error itself, to be climbed.
        return -(error * latent).flatten(1).mean(dim=1)

    return Objective(loss, victim.denoising_loss, "denoising loss, pushed up")


def _sds_pgd(pictures: list[Pixels], argument: float, context: Context) -> Made:
    objective = sds_objective(Victim(context.surrogate))
    return attack(pictures, argument, context, name="sds-pgd", schedule=SCHEDULE, objective=objective)


SDS_PGD = linf_protection(
    name="sds-pgd",
    run=_sds_pgd,
    source="Xue et al. 2024 (Diff-Protect, SDS+)",
    published="100 steps of 1 level within 16",
    settings=SCHEDULE.words,
    encoder_passes=SCHEDULE.lab,
    unet_passes=SCHEDULE.lab // 3,
)
