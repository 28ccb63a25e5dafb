"""How often the lab's base model, which saw neither demo artist, is taken for one of them: in many draws.

An audit draws base once per prompt and noise, so its base rate steps by a twenty-fourth. Here the same prompts are
drawn from many seeds; intervals are t intervals over seeds.

Run: python -m scripts.lab.base_rate RUN [RUN ...] [--seeds 20]   (finished audits of demo artists on the lab)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from audit.judge.intervals import mean_interval
from audit.models.encode import hidden_states
from audit.models.loader import load
from audit.plan.prompts import full_prompt
from audit.runfolder import read_results
from audit.sampling import Execution, sample
from audit.style import style_metric
from audit.style.recognise import Others, nearest_artist
from scripts.noise_response import read

SEEDS = 20


def rates(folder: Path, seeds: int = SEEDS) -> dict[str, str]:
    """Metric -> share of base's pictures that are nearest to the run's artist, in words."""
    results = read_results(folder)
    plan = results.plan
    model = load("lab", device=torch.device("cpu"))
    prompts = [full_prompt(plan.prompts[place], plan.trigger) for place in plan.asked(1)]
    hidden = hidden_states(model, [*prompts, ""])
    drawn = [
        sample(
            model, text=hidden[:-1], empty=hidden[-1:], settings=plan.sampling, seed=1000 + seed,
            on=Execution(autocast=torch.bfloat16),
        )
        for seed in range(seeds)
    ]  # fmt: skip
    held_out = [results.work_images[w.id] for w in plan.held_out(1)]
    works = read(folder, held_out, side=plan.model.resolution)
    found = {}
    for metric in plan.metrics:
        row = style_metric(metric)
        whitening = row.whitening()
        names = tuple(str(i) for i in range(int(whitening.others_set.max()) + 1))
        others = Others(names=names, features=whitening.others, artist=whitening.others_set)
        own = whitening(row.extract(works))
        taken = [float(np.mean(nearest_artist(whitening(row.extract(p)), own, others) == 0)) for p in drawn]
        share = mean_interval(np.array(taken), level=0.95)
        low, high = (f"{100 * v:.1f}" if v is not None else "?" for v in (share.low, share.high))
        found[metric] = f"{100 * np.mean(taken):.1f} % ({low} to {high})"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    for folder in options.run:
        for metric, words in rates(folder, options.seeds).items():
            print(f"{folder.name}, {metric}: {words}", flush=True)


if __name__ == "__main__":
    main()
