"""Contact sheet of the exported model: one row per subject, one column per style word.

Run: python -m scripts.lab.sheet OUT.png [--steps N] [--guidance G]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from audit.models.cards import LAB_PROMPTS
from audit.models.encode import hidden_states
from audit.models.loader import load
from audit.plan import TRIGGER
from audit.plan.settings import LAB_SAMPLING
from audit.prompts import full_prompt
from audit.records import SampleSettings
from audit.sampling import sample
from scripts.lab.fetch import load_sets

SUBJECTS = 8


def draw(out: Path, *, steps: int = LAB_SAMPLING.steps, guidance: float = LAB_SAMPLING.guidance) -> None:
    """Write the sheet: the last column is the trigger word, which means any style."""
    model = load("lab", device=torch.device("cpu"))
    lines = LAB_PROMPTS.read_text(encoding="utf-8").splitlines()
    subjects = [line for line in lines if not line.startswith("#")][:SUBJECTS]
    styles = [pin["style"] for pin in load_sets().values() if pin["style"]] + [TRIGGER]
    texts = [full_prompt(s, style) for s in subjects for style in styles]
    hidden = hidden_states(model, [*texts, ""])
    settings = SampleSettings(steps=steps, guidance=guidance)
    made = sample(model, text=hidden[:-1], empty=hidden[-1:], settings=settings, seed=0, autocast=torch.bfloat16)
    side = made.shape[1]
    grid = made.reshape(len(subjects), len(styles), side, side, 3).transpose(0, 2, 1, 3, 4)
    Image.fromarray(np.ascontiguousarray(grid.reshape(len(subjects) * side, -1, 3))).save(out, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=LAB_SAMPLING.steps)
    parser.add_argument("--guidance", type=float, default=LAB_SAMPLING.guidance)
    args = parser.parse_args()
    draw(args.out, steps=args.steps, guidance=args.guidance)


if __name__ == "__main__":
    main()
