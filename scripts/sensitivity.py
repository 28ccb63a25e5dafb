"""Does the verdict of a finished run survive? One prompt or replicate less, the other metric, and other training.

Judges the run's own records again: without each prompt, without each replicate (labels as if the
fewer were planned), by each other metric. With `--retrain`, also trains anew with twice the LoRA rank
(alpha with it) and with twice the steps, through the ordinary command; give the run's own options then.

Run: python -m scripts.sensitivity RUN [--out FILE.md] [--retrain --originals DIR --protect NAME ...]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from audit.judge import judge
from audit.judge.checks import override
from audit.judge.estimates import find, primary_conditions
from audit.judge.verdict import labels
from audit.records import Plan, Results
from audit.runfolder import read_results


def without_prompt(results: Results, prompt: int) -> Results:
    """The run as if base and every model had never been asked for that prompt."""
    cells = tuple(
        cell.model_copy(update={"scores": tuple(s for s in cell.scores if s.prompt != prompt)})
        for cell in results.cells
    )
    controls = tuple(
        c.model_copy(update={"scores": tuple(s for s in c.scores if s.prompt != prompt)})
        for c in results.noise_controls
    )
    return results.model_copy(update={"cells": cells, "noise_controls": controls})


def without_replicate(results: Results, replicate: int) -> Results:
    """The run as if that replicate had been neither planned nor run."""
    kept = [cell for cell in results.cells if cell.replicate != replicate]
    cells = tuple(cell.model_copy(update={"replicate": cell.replicate - (cell.replicate > replicate)}) for cell in kept)
    controls = tuple(
        c.model_copy(update={"replicate": c.replicate - (c.replicate > replicate)})
        for c in results.noise_controls
        if c.replicate != replicate
    )
    fewer = results.replicates - 1
    plan = results.plan.model_copy(update={"replicates": fewer})
    fields = {"cells": cells, "noise_controls": controls, "plan": plan, "stopped_after": None}
    return results.model_copy(update=fields)


def by_metric(results: Results, metric: str) -> Results:
    plan = results.plan.model_copy(update={"primary_metric": metric})
    return results.model_copy(update={"plan": plan})


def variations(results: Results) -> Iterator[tuple[str, str, Results]]:
    """Kind, name and records of every variation that needs no training; the planned one first."""
    yield "as planned", "", results
    for index, prompt in enumerate(results.plan.prompts):
        yield "without one prompt", prompt, without_prompt(results, index)
    if results.replicates > 2:
        for replicate in range(1, results.replicates + 1):
            yield "without one replicate", str(replicate), without_replicate(results, replicate)
    for metric in results.plan.metrics:
        if metric != results.plan.primary_metric:
            yield "by another metric", metric, by_metric(results, metric)


def doubled(plan: Plan) -> dict[str, str]:
    """Name -> spec file text with one training setting twice what the plan has."""
    t = plan.training
    changes = {"rank x2": {"rank": 2 * t.rank, "alpha": 2 * t.alpha}, "steps x2": {"steps": 2 * t.steps}}
    margins = "".join(f"{name} = {value}\n" for name, value in plan.margins)
    return {
        name: "[training]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()) + f"[margins]\n{margins}"
        for name, values in changes.items()
    }


def retrained(folder: Path, plan: Plan, options: list[str]) -> Iterator[tuple[str, str, Results]]:
    """The run with each doubled setting, through the ordinary command, beside the run's folder; resumes."""
    for name, text in doubled(plan).items():
        out = folder.with_name(f"{folder.name}-{name.replace(' ', '-')}")
        spec = out.with_suffix(".toml")
        spec.write_text(text, encoding="utf-8")
        words = [sys.executable, "-m", "audit.cli", "run", *options, "--spec", str(spec), "--out", str(out)]
        done = subprocess.run(words, check=False)
        if done.returncode not in (0, 3):
            raise SystemExit(f"the run with {name} ended with exit code {done.returncode}")
        yield "trained anew", name, read_results(out)


def table(found: list[tuple[str, str, Results]]) -> str:
    """Markdown: per kind and primary condition the span of the index and of its bounds, and the labels."""
    lines = [
        "| variation | condition | index | lower bound | upper bound | labels | checks red |",
        "|---|---|---|---|---|---|---|",
    ]
    judged = [(kind, name, judge(results)) for kind, name, results in found]
    for kind in dict.fromkeys(kind for kind, _, _ in judged):
        rows = [results for k, _, results in judged if k == kind]
        for condition in primary_conditions(rows[0]):
            index = [find(r, "protection_index", condition, r.plan.primary_metric) for r in rows]
            given = Counter(labels(r)[condition] for r in rows)
            red = [taken for r in rows if (taken := override(r)) is not None and taken.label == "not-valid"]
            said = ", ".join(f"{word} {count}" for word, count in given.most_common())
            spans = " | ".join(
                span([getattr(i, part) for i in index if getattr(i, part) is not None])
                for part in ("value", "low", "high")
            )
            names = [name for k, name, _ in judged if k == kind and name]
            what = kind if len(rows) == 1 and not names else f"{kind} ({names[0] if len(rows) == 1 else len(rows)})"
            lines.append(f"| {what} | {condition} | {spans} | {said} | {len(red)} of {len(rows)} |")
    return "\n".join(lines) + "\n"


def span(values: list[float]) -> str:
    if not values:
        return "none"
    low, high = f"{100 * min(values):.0f}", f"{100 * max(values):.0f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--retrain", nargs=argparse.REMAINDER, help="the run's own options, without --out and --spec")
    args = parser.parse_args()
    results = read_results(args.run)
    found = list(variations(results))
    if args.retrain:
        found += retrained(args.run, results.plan, args.retrain)
    text = table(found)
    if args.out is not None:
        args.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
