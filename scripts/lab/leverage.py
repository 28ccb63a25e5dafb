"""Leverage of encoder attacks on a VAE: how much of the way to a target picture's latent PGD can go.

For each budget, the share of the squared, per-channel normalised latent distance between a demo work
and a target work (filled colour) that PGD removes. Takes a minute or two; run it on every VAE before a
U-Net is trained on it. A tame encoder hardly lets itself be cloaked.

Run: python -m scripts.lab.leverage VAE_FOLDER...
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor

from audit.conditions.protect.pgd import Descent, Draws, delivered, pgd
from audit.conditions.windows import windows
from audit.images.tensors import to_model_size, to_tensor
from audit.models.cards import LAB_ARTISTS

SIDE = 64
WORKS = 8
STEPS = 200
BUDGETS = (8, 16, 32, 64)
ARTISTS = ("streamline-freehand-color", "streamline-stickies-color")


def works(artist: str, first: int, count: int) -> Tensor:
    """Works of a demo artist at model size, (count, 3, SIDE, SIDE), whole levels in -1..1."""
    files = sorted((LAB_ARTISTS / artist).glob("*.png"))[first : first + count]
    rows = [to_model_size(to_tensor(np.asarray(Image.open(f).convert("RGB"))), SIDE) for f in files]
    return torch.cat(rows).add(1).mul(127.5).round().div(127.5).sub(1)


def leverage(vae: AutoencoderKL, artist: str, budget: float) -> float:
    """Mean share of the squared latent distance to the target that PGD removes."""
    pictures = works(artist, 0, WORKS)
    other = next(a for a in ARTISTS if a != artist)
    with torch.no_grad():
        everything = vae.encode(torch.cat([works(a, 0, 40) for a in ARTISTS])).latent_dist.mode()
        spread = everything.std(dim=(0, 2, 3), keepdim=True)
        goal = vae.encode(works(other, 20, 1)).latent_dist.mode() / spread

    def distance(unit: Tensor, draws: Draws | None = None) -> Tensor:
        return (vae.encode(unit).latent_dist.mode() / spread - goal).pow(2).mean(dim=(1, 2, 3))

    falling = [budget / 10 * (1 - 0.9 * i / (STEPS - 1)) for i in range(STEPS)]
    change = pgd(
        pictures,
        torch.zeros_like(pictures),
        Descent(budget, falling),
        loss=distance,
        places=windows(SIDE, SIDE, side=SIDE, policy="squares"),
        side=SIDE,
        names=[("leverage", i) for i in range(WORKS)],
    )
    moved = delivered(pictures, change)
    with torch.no_grad():
        return float((1 - distance(moved) / distance(pictures)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vae", type=Path, nargs="+", help="folder of an AutoencoderKL in diffusers layout")
    args = parser.parse_args()
    print(f"| VAE | artist | {' | '.join(f'{b}/255' for b in BUDGETS)} |\n|---|---|{'---|' * len(BUDGETS)}")
    for folder in args.vae:
        vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval().requires_grad_(False)
        for artist in ARTISTS:
            shares = " | ".join(f"{leverage(vae, artist, b):.0%}" for b in BUDGETS)
            print(f"| {folder.parent.name}/{folder.name} | {artist} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
