"""What bounds how far a LoRA of the lab goes, how often its pictures are recognised, and what an attack takes.

LoRAs of both demo artists over every prompt of the lab's list, trained longer, with more rank, or asked for the
subjects that the artist drew, on clean works and on works under the reference attack; beside them the artist's own
works, as they are and through the autoencoder. Intervals are t intervals over trainings; real works have none.

Run: python -m scripts.lab.bounds --work DIR [--artist NAME] [--replicates 6] [--out FILE.md]   (resumes)
"""

from __future__ import annotations

import argparse
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from audit.base.progress import Progress
from audit.collect import collect, part_once
from audit.executor import Engine
from audit.images.tensors import to_pixels, to_tensor
from audit.judge.gains import gains, recognised
from audit.judge.intervals import Interval, mean_interval, rate_interval, ratio_interval
from audit.models.cards import LAB_ARTISTS, LAB_PROMPTS
from audit.models.loader import describe, load
from audit.models.model import Model
from audit.plan.cells import make_cells
from audit.plan.machine import make_engine
from audit.plan.making import make_plan
from audit.plan.spec import Spec
from audit.records import Plan
from audit.stages.base import draw_base
from audit.stages.draw import draw_cells
from audit.stages.mimics import train_cells
from audit.stages.real_works import score_real_works
from audit.stages.scoring import score_cells
from audit.stages.treat import treat_works
from audit.store import Store
from audit.style import METRICS, style_metric
from audit.style.recognise import Others, nearest_artist
from audit.style.score import at_side, features
from audit.style.tasks import view_of
from scripts.lab import evaluate
from scripts.lab.evaluate import ARTISTS
from scripts.lab.fetch import load_sets

ATTACK = f"{evaluate.ATTACK}:{evaluate.STRONGEST}"
HEAD = f"""# What bounds a LoRA of the lab

`python -m scripts.lab.bounds`: LoRAs of both demo artists over all prompts of the lab, one thing changed at a time.
*Way* is the share of the way from base to the works that a clean LoRA goes, *recognised* the share of its pictures
nearest to the artist among all sets, beside it the sets that the rest is taken for most often; *index* is the
protection index of `{ATTACK}`. Intervals of 95 % over trainings.
"""
LONGER = (2, 4)
LEVEL = 0.95
SHOWN = 3
"""Training sets named as what pictures are taken for."""


def variations(plan: Plan) -> Iterator[tuple[str, Plan]]:
    """What is changed -> the plan so changed; the plan itself first."""
    training, steps = plan.training, plan.training.steps
    yield f"as audits are ({steps} steps, rank {training.rank})", plan
    for times in LONGER:
        longer = training.model_copy(update={"steps": times * steps})
        yield f"{times * steps} steps", plan.model_copy(update={"training": longer})
    wider = training.model_copy(update={"rank": 2 * training.rank, "alpha": 2 * training.alpha})
    yield f"rank {2 * training.rank}", plan.model_copy(update={"training": wider})
    drawn = tuple(dict.fromkeys(work.caption for work in plan.pool(1)))
    yield "asked for the subjects of the works it learned from", plan.model_copy(update={"prompts": drawn})


def table(artist: str, *, model: Model, replicates: int, store: Store) -> Iterator[str]:
    """Markdown rows: real works, then every variation."""
    quiet = Progress(io.StringIO())
    spec = Spec(
        originals=LAB_ARTISTS / artist,
        protect=(ATTACK,),
        replicates=replicates,
        prompts=LAB_PROMPTS,
    )
    works = collect(originals=spec.originals, protected=None, artist=artist, save=store.put_pixels)
    works = part_once(works, seed=0)
    drawn = make_plan(spec, artist=works, model=describe("lab"), store=store)
    # One split and the same prompts for all runs: what is compared here are settings, not protections.
    plan = drawn.model_copy(update={"draws": ()})
    engine = make_engine(model, store=store, progress=quiet, training=plan.training, plan=plan.digest())
    real = score_real_works(plan, engine)
    pool, references = ([w.pixels for w in part] for part in (plan.pool(1), plan.held_out(1)))
    facts = {f.name: f for f in real.metrics}
    for name, through in (("the artist's own works", False), ("the same through the autoencoder", True)):
        words = []
        for metric in plan.metrics:
            seen = nearest_real(metric, pool, references, real.others[metric], through=through, engine=engine)
            words.append(f"- | {100 * np.mean(seen == 0):.0f} % | {taken_for(seen)} | -")
        yield f"| {artist} | {name} | {' | '.join(words)} |"
    treated = treat_works(plan, engine)
    for name, asked in variations(plan):
        cells = [
            cell
            for cell in make_cells(asked, {c: images.pixels for c, images in treated.items()})
            if cell.condition in ("clean", ATTACK)
        ]
        # Other settings fit in other packs.
        engine = make_engine(model, store=store, progress=quiet, training=asked.training, plan=asked.digest())
        trained = train_cells(asked, cells, engine)
        (base,) = draw_base(asked, [1], real, engine)
        made = draw_cells(asked, trained, {0: base.generations}, engine)
        scored = (base, *score_cells(asked, trained, made, real, engine))
        audit = SimpleNamespace(plan=asked, cells=scored)
        words = []
        for metric in plan.metrics:
            known = gains(audit, metric)
            clean, attacked = known.paired("clean", ATTACK)
            way = known.of("clean") / (np.mean(facts[metric].real) - (known.base_mean or 0.0))
            rates = [rate for (condition, _), rate in recognised(audit, metric).items() if condition == "clean"]
            seen = np.concatenate([np.array(c.nearest[metric]) for c in scored if c.condition == "clean"])
            words += [
                percent(mean_interval(way, level=LEVEL)),
                percent(rate_interval(np.array(rates), level=LEVEL)),
                taken_for(seen),
                percent(ratio_interval(clean - attacked, clean, level=LEVEL)),
            ]
        yield f"| {artist} | {name} | {' | '.join(words)} |"


def nearest_real(
    metric: str,
    works: list[str],
    references: list[str],
    others: Others,
    *,
    through: bool,
    engine: Engine,
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Nearest artist of each work, (N,), if asked after a pass through the autoencoder."""
    view, model = view_of(engine), engine.model
    pictures = at_side(view.side, view.store, works)
    if through:
        with torch.no_grad():
            unit = torch.cat([to_tensor(p) for p in pictures])
            latents = model.vae.encode(unit).latent_dist.mode()
            pictures = to_pixels(model.vae.decode(latents).sample.clamp(-1, 1))
    row = style_metric(metric)
    own = features(metric, references, view=view)
    return nearest_artist(row.whitening()(row.extract(pictures, view.device)), own, others)


def taken_for(nearest: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    """The training sets that pictures are most often taken for, with shares of all pictures."""
    names = sorted(name for name, pin in load_sets().items() if pin["role"] == "train")
    counts: Mapping[int, int] = Counter(int(i) for i in nearest if i > 0)
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    return ", ".join(f"{names[i - 1]} {100 * n / len(nearest):.0f} %" for i, n in most) or "none"


def percent(found: Interval) -> str:
    if found.value is None:
        return "none"
    bounds = "" if found.low is None or found.high is None else f" ({100 * found.low:.0f} to {100 * found.high:.0f})"
    return f"{100 * found.value:.0f} %{bounds}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    parser.add_argument("--artist", choices=ARTISTS, action="append", help="only this one")
    parser.add_argument("--replicates", type=int, default=6)
    parser.add_argument("--out", type=Path, help="write the table here, too")
    args = parser.parse_args()
    model = load("lab", device=torch.device("cpu"))
    store = Store(args.work / "store")
    heads = " | ".join(f"{m}: way | recognised | else taken for | index" for m in METRICS)
    lines = [f"| artist | what | {heads} |", "|---" * (2 + 4 * len(METRICS)) + "|"]
    print("\n".join(lines), flush=True)
    for artist in args.artist or ARTISTS:
        for row in table(artist, model=model, replicates=args.replicates, store=store):
            print(row, flush=True)
            lines.append(row)
    if args.out:
        args.out.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
