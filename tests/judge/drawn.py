"""Whole audits whose replicates each draw works and prompts of their own, with effects that are known."""

from __future__ import annotations

import numpy as np

from audit import records as r
from tests.builders import digest, make_plan, make_results, make_work
from tests.judge.audits import CLEAN, PGD, PLACEBO, TRIED
from tests.made_conditions import RECIPES


def drawn_plan(
    *conditions: r.Condition, works: int = 12, prompts: int = 10, asked: int = 5, replicates: int = 6, seed: int = 0
) -> r.Plan:
    """A plan of clean, the reference protection and `conditions`; a third of the works is held out anew each time."""
    rng = np.random.default_rng(seed)
    own = tuple(make_work(i) for i in range(works))
    plan = make_plan(
        conditions=(CLEAN, PGD, *conditions),
        replicates=replicates,
        works=own,
        prompts=tuple(f"subject of prompt {i}" for i in range(prompts)),
    )
    draws = []
    for replicate in range(1, replicates + 1):
        held = set(rng.permutation(works)[: max(4, works // 3)].tolist())
        draws.append(
            r.ReplicateDraw(
                replicate=replicate,
                held_out=tuple(w.id for i, w in enumerate(own) if i in held),
                trained=tuple(w.id for i, w in enumerate(own) if i not in held),
                prompts=tuple(sorted(rng.permutation(prompts)[:asked].tolist())),
            )
        )
    return plan.model_copy(update={"draws": tuple(draws)})


def drawn_audit(
    *conditions: r.Condition,
    tried: bool = False,
    protection: dict[str, float] | None = None,
    base: float = 0.2,
    clean_gain: float = 0.3,
    by_work: float = 0.0,
    by_prompt: float = 0.0,
    run_sd: float = 0.005,
    noise: float = 0.005,
    length: float = 0.8,
    seed: int = 0,
    **sizes: int,
) -> r.Results:
    """Results before judgement.

    Args:
        tried: whether a placebo and the whole battery of ways around it stand beside them, so that it may be held.
        by_work, by_prompt: deviations of what clean gains from one held-out work, one prompt, to another, score.
        run_sd, noise: of one model, and of one work or prompt in one model.
        length: of the mean direction of the held-out works; scores by work are so much smaller than the score.
        sizes: go to `drawn_plan`.
    """
    plan = drawn_plan(*conditions, *((PLACEBO, TRIED) if tried else ()), seed=seed, **sizes)
    plan = plan.model_copy(update={"recipes": RECIPES if tried else ()})
    shares = protection or {}
    rng = np.random.default_rng([seed, 1])
    of_works = dict(zip((w.id for w in plan.works), rng.normal(0, by_work, len(plan.works)), strict=True))
    of_prompts = rng.normal(0, by_prompt, len(plan.prompts))
    cells = []
    for draw in plan.draws:
        # Each replicate has a floor of its own, which says nothing of any model.
        floor = base + 0.02 * (draw.replicate % 5)
        for condition in ("base", *(c.name for c in plan.conditions)):
            share = 0.0 if condition == "base" else 1 - shares.get(condition, 0.0)
            own = 0.0 if condition == "base" else rng.normal(0, run_sd)
            works = share * (clean_gain + np.array([of_works[w] for w in draw.held_out])) + noise * rng.normal(
                size=len(draw.held_out)
            )
            asked = share * of_prompts[list(draw.prompts)] + noise * rng.normal(size=len(draw.prompts))
            mean = floor + works.mean() + asked.mean() + own
            apart = asked - asked.mean()
            cells.append(
                _cell(plan, condition, draw, mean + apart, tuple((length * (mean + works - works.mean())).tolist()))
            )
    blank = make_results(plan=plan.model_copy(update={"draws": ()}))
    metrics = tuple(
        m.model_copy(update={"real_means": tuple(base + 0.02 * (d.replicate % 5) + 0.5 for d in plan.draws)})
        for m in blank.metrics
    )
    provenance = blank.provenance.model_copy(update={"plan_sha256": plan.digest()})
    return blank.model_copy(update={"plan": plan, "cells": tuple(cells), "metrics": metrics, "provenance": provenance})


def _cell(
    plan: r.Plan, condition: str, draw: r.ReplicateDraw, values: np.ndarray, by_work: tuple[float, ...]
) -> r.Cell:
    stem = f"{condition.replace(':', '-').replace('+', '-')}-r{draw.replicate}"
    adapter = r.Adapter(
        condition=condition,
        replicate=draw.replicate,
        works=draw.trained,
        sha256=digest(f"adapter {stem}"),
        norm=1.0,
        losses=(1.0, 0.9),
        finite=True,
        seconds=1.0,
    )
    return r.Cell(
        condition=condition,
        replicate=draw.replicate,
        adapter=None if condition == "base" else adapter,
        generations=r.Generations(
            condition=condition,
            replicate=draw.replicate,
            files=tuple(f"generated-{stem}-p{p:02d}.png" for p in draw.prompts),
            pixels=tuple(digest(f"{stem} {p}") for p in draw.prompts),
            changed_share=None if condition == "base" else 1.0,
            blank_share=0.0,
            noise=(1.0,) * len(draw.prompts),
        ),
        scores=tuple(
            r.Score(metric=metric, prompt=p, noise=0, value=float(v))
            for metric in plan.metrics
            for p, v in zip(draw.prompts, values, strict=True)
        ),
        by_work={metric: by_work for metric in plan.metrics},
    )
