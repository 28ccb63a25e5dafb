"""What guidance and sampling steps do on the lab: a clean LoRA's share of the way, and subjects and styles of base.

The default was chosen from this table (docs/decisions, 2026-11-22); no protection is in it. LoRAs are
trained once and drawn from with every setting.

Run: python -m scripts.lab.sampler --work DIR [--settings 1:15 2:15 4:20 ...] [--replicates K] [--no-base]
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from audit.base.progress import Progress
from audit.collect import collect, part_once
from audit.judge.gains import gains, recognised
from audit.models.cards import LAB_ARTISTS
from audit.models.loader import describe, load
from audit.models.model import Model
from audit.plan.cells import make_cells
from audit.plan.machine import make_engine
from audit.plan.making import make_plan
from audit.plan.spec import Spec
from audit.records import SampleSettings
from audit.stages.base import draw_base
from audit.stages.draw import draw_cells
from audit.stages.mimics import train_cells
from audit.stages.real_works import score_real_works
from audit.stages.scoring import score_cells
from audit.stages.treat import treat_works
from audit.store import Store
from scripts.lab.evaluate import ARTISTS
from scripts.lab.recognition import recognition

SETTINGS = ("1:15", "1.5:15", "2:12", "2:15", "2:50", "2.5:15", "3:15", "4:20")


def table(artist: str, settings: list[SampleSettings], *, model: Model, replicates: int, store: Store) -> list[str]:
    """One Markdown row per setting."""
    quiet = Progress(io.StringIO())
    spec = Spec(originals=LAB_ARTISTS / artist, control=("null",), planted_only=True, replicates=replicates)
    works = collect(originals=spec.originals, protected=None, artist=artist, save=store.put_pixels)
    works = part_once(works, seed=0)
    drawn = make_plan(spec, artist=works, model=describe("lab"), store=store)
    # One split and the same prompts for all runs: what is compared here are settings, not protections.
    plan = drawn.model_copy(update={"draws": (), "prompts": drawn.prompts[: len(drawn.asked(1))]})
    engine = make_engine(model, store=store, progress=quiet, training=plan.training, plan=plan.digest())
    treated = treat_works(plan, engine)
    cells = [
        cell
        for cell in make_cells(plan, {name: images.pixels for name, images in treated.items()})
        if cell.condition == "clean"
    ]
    trained = train_cells(plan, cells, engine)
    real = score_real_works(plan, engine)
    rows = []
    for sampling in settings:
        asked = plan.model_copy(update={"sampling": sampling})
        (base,) = draw_base(asked, [1], real, engine)
        made = draw_cells(asked, trained, {0: base.generations}, engine)
        audit = SimpleNamespace(plan=asked, cells=(base, *score_cells(asked, trained, made, real, engine)))
        words = []
        for facts in real.metrics:
            metric = facts.name
            known = gains(audit, metric)
            share = known.of("clean") / (np.mean(facts.real) - (known.base_mean or 0.0))
            rates = recognised(audit, metric)
            found = np.mean([rate for (condition, _), rate in rates.items() if condition == "clean"])
            words.append(f"{share.mean():.0%}, {found:.0%}")
        rows.append(f"| {artist} | {sampling.guidance:g} | {sampling.steps} | {' | '.join(words)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    parser.add_argument("--settings", nargs="+", default=SETTINGS, help="guidance:steps")
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument(
        "--no-base", action="store_true", help="without subjects and styles of base, which take minutes"
    )
    args = parser.parse_args()
    settings = [
        SampleSettings(guidance=float(guidance), steps=int(steps))
        for guidance, _, steps in (text.partition(":") for text in args.settings)
    ]
    model = load("lab", device=torch.device("cpu"))
    store = Store(args.work / "store")
    print(
        "| artist | guidance | steps | channel_stats: share of the way, recognised | openclip |\n|---|---|---|---|---|"
    )
    for artist in ARTISTS:
        for row in table(artist, settings, model=model, replicates=args.replicates, store=store):
            print(row, flush=True)
    for sampling in () if args.no_base else settings:
        found = recognition(model, args.work, sampling).shares
        print(
            sampling.guidance,
            sampling.steps,
            {what: f"{share:.0%}" for what, share in found.items()},
            flush=True,
        )


if __name__ == "__main__":
    main()
