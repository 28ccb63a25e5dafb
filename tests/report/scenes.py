"""Whole judged runs with pictures, one for each kind of verdict, for the report's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from audit import records as r
from audit.judge import judge
from tests.builders import make_plan, make_results, make_work
from tests.made_conditions import RECIPES, tried
from tests.made_conditions import conditions as made

SUBJECTS = ("cat", "castle", "rocket", "tree", "lighthouse", "teapot", "bicycle", "owl")
CLOAK = "encoder-pgd:16"
COUNTER = "encoder-pgd:16+jpeg:50"
CONDITIONS = made("clean", CLOAK, COUNTER, "placebo:16", "null")


def run(
    *,
    protection: dict[str, float] | None = None,
    replicates: int = 6,
    conditions: tuple[r.Condition, ...] = CONDITIONS,
    artist: str = "Ada Quill",
    prompts: tuple[str, ...] = SUBJECTS,
    works: tuple[r.Work, ...] | None = None,
    battery: bool = False,
    **effects: object,
) -> r.Results:
    """A judged run, with every way around its protection tried where `battery`; `effects` go to make_results."""
    works = works or tuple(
        make_work(i, split="reference" if i % 3 == 0 else "pool", name=f"sketch {i}.png") for i in range(24)
    )
    more = (tried(conditions[1]),) if battery else ()
    plan = make_plan(
        conditions=(*conditions, *more), replicates=replicates, artist=artist, prompts=prompts, works=works
    )
    plan = plan.model_copy(update={"recipes": RECIPES if battery else ()})
    return judge(make_results(plan=plan, protection=protection or {}, **effects))  # type: ignore[arg-type]


STATES: dict[str, dict[str, object]] = {
    "held": {"protection": {CLOAK: 0.85, COUNTER: 0.75}, "battery": True},
    "held-plain": {"protection": {CLOAK: 0.75, COUNTER: 0.85}},
    "partly-held": {"protection": {CLOAK: 0.7, COUNTER: 0.35}},
    "did-not-hold": {"protection": {CLOAK: 0.05, COUNTER: 0.02}, "run_sd": 0.005},
    "models-broke": {
        "protection": {CLOAK: 0.85, COUNTER: 0.75},
        "collapsed": frozenset((CLOAK, replicate) for replicate in range(1, 7)),
    },
    "inconclusive": {"protection": {CLOAK: 0.3, COUNTER: 0.2}, "run_sd": 0.08},
    "not-valid": {"protection": {CLOAK: 0.6, COUNTER: 0.3}, "finite": False},
    "exploratory": {"protection": {CLOAK: 0.6, COUNTER: 0.4}, "replicates": 2},
}
"""Verdict label -> a run that gets it."""


def state(label: str) -> r.Results:
    """A run with that verdict."""
    return run(**STATES[label])  # type: ignore[arg-type]


def states() -> dict[str, r.Results]:
    """One run for every verdict label."""
    return {label: state(label) for label in STATES}


def small() -> r.Results:
    """One protection and a countermeasure, four prompts: all that a page can hold, little of each."""
    return run(protection={CLOAK: 0.7, COUNTER: 0.35}, conditions=CONDITIONS[:3], prompts=SUBJECTS[:4])


def many(count: int) -> tuple[r.Condition, ...]:
    """Clean and `count` primary conditions."""
    return made("clean", *(f"encoder-pgd:{i + 1}" for i in range(count)))


def draw(results: r.Results, folder: Path, *, side: int = 64, work_side: int = 160) -> Path:
    """Write every picture that `results` names into `folder` as simple shapes."""
    folder.mkdir(parents=True, exist_ok=True)
    per_prompt = results.plan.sampling.per_prompt
    shares = {e.condition: e.value for e in results.estimates if e.name == "protection_index"}
    for cell in results.cells:
        learned = 0.0 if cell.condition == "base" else 1 - (shares.get(cell.condition) or 0.0)
        for index, name in enumerate(cell.generations.files):
            picture(index // per_prompt, learned, side=side, seed=cell.replicate).save(folder / name)
    for position, (work, name) in enumerate(results.work_images.items()):
        original = picture(position, 1.0, side=work_side, seed=50 + position)
        original.save(folder / name)
        for condition, files in results.treated_images.items():
            if work in files:
                noisy(original, strength=16, seed=len(condition)).save(folder / files[work])
    return folder


def picture(subject: int, learned: float, *, side: int, seed: int) -> Image.Image:
    """A shape; the more `learned`, the more it is a black line drawing instead of flat colour."""
    rng = np.random.default_rng([subject, seed])
    flat = tuple(int(v) for v in np.random.default_rng(subject).integers(60, 230, 3))
    learned = min(max(learned, 0.0), 1.0)
    fill = tuple(round(c + (250 - c) * learned) for c in flat)
    ground = round(235 + 20 * learned)
    image = Image.new("RGB", (4 * side, 4 * side), (ground, ground, ground))
    pen = ImageDraw.Draw(image)
    line, width = (20, 24, 40), round(0.5 + 0.09 * side * learned)
    edge = line if learned > 0.2 else None
    low, high = 0.6 * side + float(rng.uniform(-8, 8)), 3.4 * side + float(rng.uniform(-8, 8))
    if subject % 3 == 0:
        pen.ellipse((low, low, high, high), fill=fill, outline=edge, width=width)
    elif subject % 3 == 1:
        pen.rectangle((low, low + 40, high, high), fill=fill, outline=edge, width=width)
    else:
        pen.polygon(((low + high) / 2, low, high, high, low, high), fill=fill, outline=line, width=width)
    eye = (40, 90, 220) if learned > 0.5 else line
    pen.ellipse((1.5 * side, 1.9 * side, 2.1 * side, 2.5 * side), fill=eye)
    return image.resize((side, side), Image.Resampling.LANCZOS)


def noisy(image: Image.Image, *, strength: int, seed: int) -> Image.Image:
    pixels = np.asarray(image).astype(int)
    noise = np.random.default_rng(seed).choice((-strength, strength), pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
