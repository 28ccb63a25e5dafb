"""Contact sheets with names beside their rows; here that of the exported model: subjects by style words.

Run: python -m scripts.lab.sheet OUT.png [--steps N] [--guidance G]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from audit.models.cards import LAB_PROMPTS
from audit.models.encode import hidden_states
from audit.models.loader import load
from audit.plan.making import TRIGGER
from audit.plan.prompts import full_prompt
from audit.plan.settings import LAB_SAMPLING
from audit.records import SampleSettings
from audit.sampling import Execution, sample
from scripts.lab.fetch import load_sets

SUBJECTS = 8
LETTERS = 14
"""Height of the letters, in pixels."""


def labelled(rows: Sequence[Sequence[Image.Image]], names: Sequence[str], columns: Sequence[str] = ()) -> Image.Image:
    """Pictures of one size in rows, the rows' names left of them, the columns' upright above them."""
    font = ImageFont.load_default(LETTERS)
    side = rows[0][0].width
    left, above = (int(max((font.getlength(n) for n in many), default=-12)) + 12 for many in (names, columns))
    sheet = Image.new("RGB", (left + side * max(map(len, rows)), above + side * len(rows)), "white")
    pen = ImageDraw.Draw(sheet)
    for y, (row, name) in enumerate(zip(rows, names, strict=True)):
        pen.text((6, above + y * side + side // 2), name, fill="black", font=font, anchor="lm")
        for x, picture in enumerate(row):
            sheet.paste(picture, (left + x * side, above + y * side))
    for x, name in enumerate(columns):
        strip = Image.new("RGB", (above, side), "white")
        ImageDraw.Draw(strip).text((6, side // 2), name, fill="black", font=font, anchor="lm")
        sheet.paste(strip.transpose(Image.Transpose.ROTATE_90), (left + x * side, 0))
    return sheet


def draw(out: Path, *, steps: int = LAB_SAMPLING.steps, guidance: float = LAB_SAMPLING.guidance) -> None:
    """Write the sheet: the last column is the trigger word, which means any style."""
    model = load("lab", device=torch.device("cpu"))
    lines = LAB_PROMPTS.read_text(encoding="utf-8").splitlines()
    subjects = [line for line in lines if not line.startswith("#")][:SUBJECTS]
    sets = {name: pin["style"] for name, pin in load_sets().items() if pin["style"]}
    styles = [*sets.values(), TRIGGER]
    texts = [full_prompt(s, style) for s in subjects for style in styles]
    hidden = hidden_states(model, [*texts, ""])
    settings = SampleSettings(steps=steps, guidance=guidance)
    made = sample(
        model, text=hidden[:-1], empty=hidden[-1:], settings=settings, seed=0, on=Execution(autocast=torch.bfloat16)
    )
    pictures = [Image.fromarray(picture) for picture in made]
    rows = [pictures[i : i + len(styles)] for i in range(0, len(pictures), len(styles))]
    labelled(rows, subjects, [*sets, "any style"]).save(out, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=LAB_SAMPLING.steps)
    parser.add_argument("--guidance", type=float, default=LAB_SAMPLING.guidance)
    args = parser.parse_args()
    draw(args.out, steps=args.steps, guidance=args.guidance)


if __name__ == "__main__":
    main()
