"""Builds whole `Results` records with known effects, for the tests of judge and report."""

from __future__ import annotations

import hashlib

import numpy as np

from audit import records as r
from audit.base.messages import as_written, words
from tests.made_conditions import conditions as made


def digest(text: str) -> str:
    """A valid digest made from any text."""
    return hashlib.sha256(text.encode()).hexdigest()


def make_work(index: int, *, split: str = "pool", name: str | None = None) -> r.Work:
    return r.Work(
        id=f"w{index:03d}",
        name=name or f"work {index}.png",
        caption=f"subject {index}",
        sha256=digest(f"file {index}"),
        pixels=digest(f"pixels {index}"),
        width=256,
        height=256,
        split=split,
    )


def make_plan(
    *,
    conditions: tuple[r.Condition, ...] | None = None,
    replicates: int = 6,
    artist: str = "An Artist",
    works: tuple[r.Work, ...] | None = None,
    metrics: tuple[str, ...] = ("channel_stats", "openclip"),
    prompts: tuple[str, ...] = ("cat", "castle", "rocket", "tree"),
    preset: str = "standard",
) -> r.Plan:
    return r.Plan(
        tool_version="0.1.0",
        artist=artist,
        preset=preset,
        model=r.ModelFacts(
            name="lab",
            family="sd1",
            sha256=digest("model"),
            resolution=64,
            prediction_type="v_prediction",
            lab=True,
        ),
        works=works or tuple(make_work(i, split="reference" if i % 3 == 0 else "pool") for i in range(18)),
        conditions=conditions or made("clean", "encoder-pgd:16", "placebo"),
        replicates=replicates,
        seed=0,
        trigger="nulevoy",
        prompts=prompts,
        metrics=metrics,
        primary_metric=metrics[0],
        training=r.TrainSettings(),
        sampling=r.SampleSettings(),
    )


def make_results(
    *,
    plan: r.Plan | None = None,
    protection: dict[str, float] | None = None,
    base: float = 0.2,
    clean_gain: float = 0.3,
    run_sd: float = 0.02,
    picture_sd: float = 0.03,
    real: float = 0.7,
    other: float = 0.0,
    adapter_norm: float = 1.0,
    changed_share: float = 1.0,
    blank_share: float = 0.0,
    finite: bool = True,
    linf: float = 16.0,
    seed: int = 0,
    missing: frozenset[tuple[str, int]] = frozenset(),
    collapsed: frozenset[tuple[str, int]] = frozenset(),
) -> r.Results:
    """Results before judgement, with true protection indices `protection` (condition -> share).

    Conditions not named have index 0. `run_sd` is the spread between runs of one condition,
    `picture_sd` the spread between pictures of a run; `missing` cells (condition, replicate) have
    scores without values, `collapsed` ones drew blank pictures.
    """
    plan = plan or make_plan()
    protection = protection or {}
    rng = np.random.default_rng(seed)
    noises = [(p, n) for p in range(len(plan.prompts)) for n in range(plan.sampling.per_prompt)]

    def scores(mean: float, *, gone: bool) -> tuple[r.Score, ...]:
        return tuple(
            r.Score(
                metric=metric,
                prompt=p,
                noise=n,
                value=None if gone else float(mean + rng.normal(0, picture_sd)),
                why=as_written("the cell was not trained") if gone else None,
            )
            for metric in plan.metrics
            for p, n in noises
        )

    def generations(condition: str, replicate: int) -> r.Generations:
        stem = condition.replace(":", "-").replace("+", "-")
        return r.Generations(
            condition=condition,
            replicate=replicate,
            files=tuple(f"generated-{stem}-r{replicate}-p{p:02d}-n{n}.png" for p, n in noises),
            pixels=tuple(digest(f"{condition} {replicate} {p} {n}") for p, n in noises),
            changed_share=None if condition == "base" else changed_share,
            blank_share=1.0 if (condition, replicate) in collapsed else blank_share,
            noise=(1.0,) * len(noises),
        )

    cells = [
        r.Cell(
            condition="base",
            replicate=0,
            adapter=None,
            generations=generations("base", 0),
            scores=scores(base, gone=False),
        )
    ]
    for replicate in range(1, plan.replicates + 1):
        shared = rng.normal(0, run_sd)
        for condition in plan.conditions:
            gain = clean_gain * (1 - protection.get(condition.name, 0.0))
            mean = base + gain + shared + rng.normal(0, run_sd)
            gone = (condition.name, replicate) in missing
            cells.append(
                r.Cell(
                    condition=condition.name,
                    replicate=replicate,
                    adapter=r.Adapter(
                        condition=condition.name,
                        replicate=replicate,
                        works=tuple(w.id for w in plan.works if w.split == "pool"),
                        sha256=digest(f"adapter {condition.name} {replicate}"),
                        norm=adapter_norm,
                        losses=tuple(1.0 - 0.02 * i for i in range(20)),
                        finite=finite,
                        seconds=1.0,
                    ),
                    generations=generations(condition.name, replicate),
                    scores=scores(mean, gone=gone),
                )
            )
    reference = [w for w in plan.works if w.split == "reference"]
    pool = [w for w in plan.works if w.split == "pool"]
    return r.Results(
        plan=plan,
        notes=(),
        cells=tuple(cells),
        metrics=tuple(
            r.MetricFacts(
                name=metric,
                said=words(f"made up for tests: {metric}"),
                weights_sha256=digest(metric),
                real=tuple(float(real + rng.normal(0, 0.05)) for _ in pool),
                others=tuple(float(other + rng.normal(0, 0.1)) for _ in range(60)),
                others_artists=15,
            )
            for metric in plan.metrics
        ),
        visibility=tuple(
            r.Visibility(condition=c.name, work=w.id, linf=linf, rms=linf / 2, psnr=30.0)
            for c in plan.conditions
            if c.role in ("protected", "placebo")
            for w in pool
        ),
        work_images={w.id: f"work-{w.id}.png" for w in [*reference, *pool[:3]]},
        treated_images={
            c.name: {w.id: f"treated-{i}-{w.id}.png" for w in pool[:3]}
            for i, c in enumerate(plan.conditions)
            if c.role in ("protected", "placebo")
        },
        provenance=r.Provenance(
            started="2026-11-22T03:00:00Z",
            finished="2026-11-22T03:05:00Z",
            seconds=300.0,
            platform="Linux x86_64",
            device="cpu",
            python="3.11.7",
            packages={"torch": "2.14.1"},
            commit="",
            plan_sha256=plan.digest(),
            steps_run=40,
            steps_reused=0,
            stage_seconds={"stage.train": 200.0, "stage.draw": 60.0, "stage.score": 20.0},
        ),
    )
