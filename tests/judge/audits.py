"""Whole audits with planted conditions, and small changes to their records."""

from typing import Any

from audit import records as r
from audit.base.messages import words
from tests.builders import make_plan, make_results
from tests.made_conditions import RECIPES, condition, tried

CLEAN = condition("clean")
PGD = condition("encoder-pgd:16")
JPEG = condition("encoder-pgd:16+jpeg:50")
CLEAN_JPEG = condition("clean+jpeg:50")
PLACEBO = condition("placebo")
TRIED = tried(PGD)
NULL = condition("null")
IDENTITY = condition("identity")
AGAIN = condition("clean-again")
OTHER = condition("other-artist")


def audit(
    *conditions: r.Condition,
    replicates: int = 6,
    protection: dict[str, float] | None = None,
    run_sd: float = 0.01,
    seed: int = 0,
    tried: bool = True,
    **changes: Any,
) -> r.Results:
    """An audit of clean, the reference protection and `conditions`; `changes` go to make_results.

    Args:
        tried: whether a placebo and the whole battery of ways around it stand beside them, so that it may be held.
    """
    beside = [] if any(c.role == "placebo" for c in conditions) or not tried else [PLACEBO]
    beside += [TRIED] if tried else []
    plan = make_plan(conditions=(CLEAN, PGD, *conditions, *beside), replicates=replicates)
    plan = plan.model_copy(update={"recipes": RECIPES if tried else ()})
    return make_results(plan=plan, protection=protection, run_sd=run_sd, seed=seed, **changes)


def by_one_metric(results: r.Results) -> r.Results:
    """The same audit planned with the primary metric alone, so that no other one has a say."""
    plan = results.plan.model_copy(update={"metrics": (results.plan.primary_metric,)})
    return results.model_copy(update={"plan": plan})


def with_scores(results: r.Results, metric: str, condition: str, *, lost: float, clean_gain: float = 0.3) -> r.Results:
    """By one metric a condition lost a share of what clean gains, whatever the other metrics say."""
    clean = {
        (c.replicate, s.metric, s.prompt, s.noise): s.value
        for c in results.cells
        if c.condition == "clean"
        for s in c.scores
    }

    def moved(cell: r.Cell) -> r.Cell:
        shift = lost * clean_gain * (1 + 0.01 * cell.replicate)
        scores = tuple(
            s.model_copy(update={"value": (clean[cell.replicate, s.metric, s.prompt, s.noise] or 0.0) - shift})
            if s.metric == metric
            else s
            for s in cell.scores
        )
        return cell.model_copy(update={"scores": scores})

    cells = tuple(moved(c) if c.condition == condition else c for c in results.cells)
    return results.model_copy(update={"cells": cells})


def same_scores(results: r.Results, *, source: str, target: str) -> r.Results:
    """Give the cells of `target` the very scores of `source`'s cells of the same replicate."""
    scores = {c.replicate: c.scores for c in results.cells if c.condition == source}
    cells = tuple(
        c.model_copy(update={"scores": scores[c.replicate]}) if c.condition == target else c for c in results.cells
    )
    return results.model_copy(update={"cells": cells})


def without_cells(results: r.Results, *gone: tuple[str, int]) -> r.Results:
    """Drop the records of cells altogether."""
    kept = tuple(c for c in results.cells if (c.condition, c.replicate) not in gone)
    return results.model_copy(update={"cells": kept})


def with_adapter(results: r.Results, condition: str, replicate: int, **update: object) -> r.Results:
    """Change fields of one cell's adapter."""
    cells = tuple(
        c.model_copy(update={"adapter": c.adapter.model_copy(update=update)})
        if c.adapter is not None and (c.condition, c.replicate) == (condition, replicate)
        else c
        for c in results.cells
    )
    return results.model_copy(update={"cells": cells})


def with_generations(results: r.Results, condition: str, replicate: int, **update: object) -> r.Results:
    """Change fields of one cell's generations."""
    cells = tuple(
        c.model_copy(update={"generations": c.generations.model_copy(update=update)})
        if (c.condition, c.replicate) == (condition, replicate)
        else c
        for c in results.cells
    )
    return results.model_copy(update={"cells": cells})


def with_noise(results: r.Results, condition: str, *, level: float, base: float = 0.0, clean: float = 0.0) -> r.Results:
    """A condition draws pictures of that noise level, which alone moves scores of base and clean by so much."""
    noisy = results.model_copy(
        update={
            "cells": tuple(
                c.model_copy(
                    update={
                        "generations": c.generations.model_copy(
                            update={"noise": tuple(level + 0.01 * c.replicate for _ in c.generations.noise)}
                        )
                    }
                )
                if c.condition == condition
                else c
                for c in results.cells
            )
        }
    )
    scores = {(c.condition, c.replicate): c.scores for c in results.cells}

    def control(of: str, replicate: int, shift: float) -> r.NoiseControl:
        own = scores[of, 0 if of == "base" else replicate]
        moved = tuple(
            s.model_copy(update={"value": None if s.value is None else s.value + shift * (1 + 0.01 * replicate)})
            for s in own
        )
        return r.NoiseControl(condition=condition, replicate=replicate, of=of, scores=moved)

    controls = [
        control(of, replicate, shift)
        for replicate in range(1, results.plan.replicates + 1)
        for of, shift in (("base", base), ("clean", clean))
    ]
    return noisy.model_copy(update={"noise_controls": tuple(controls)})


def with_tone(results: r.Results, **effects: float) -> r.Results:
    """At equal tone the models of a condition have taken away this share of the gain of clean's.

    Args:
        effects: condition -> share; base and clean score as they did.
    """
    scores = {(c.condition, c.replicate): {(s.metric, s.prompt, s.noise): s for s in c.scores} for c in results.cells}
    clean, controls = results.plan.clean, []
    for cell in results.cells:
        if cell.condition not in ("base", clean, *effects):
            continue
        share = effects.get(cell.condition, 0.0) * (1 + 0.001 * cell.replicate)
        own = cell.scores
        if cell.condition in effects:
            base = scores["base", results.plan.base_of(cell.replicate)]
            best = scores[clean, cell.replicate]
            own = tuple(
                s.model_copy(update={"value": share * base[k].value + (1 - share) * best[k].value})
                for s in own
                for k in [(s.metric, s.prompt, s.noise)]
            )
        controls.append(r.ToneControl(condition=cell.condition, replicate=cell.replicate, scores=own))
    return results.model_copy(update={"tone_controls": tuple(controls)})


def with_reached(results: r.Results, condition: str, *lasts: float, way: str = "down") -> r.Results:
    """An optimised protection whose goal stood at 1.0 on each work and ended at `lasts`."""
    goal = r.Objective(said=words("distance, pushed {way}", way=way), direction=way)
    rows = tuple(
        r.Reached(condition=condition, step=condition, work=f"w{i}", objective=goal, first=1.0, last=last)
        for i, last in enumerate(lasts)
    )
    return results.model_copy(update={"reached": rows})


def with_untriggered(results: r.Results, *, shift: float) -> r.Results:
    """Base without the style word scores `shift` less than base with it."""
    base = next(c for c in results.cells if c.condition == "base")
    plain = tuple(
        s.model_copy(update={"value": None if s.value is None else s.value - shift * (1 + 0.05 * s.prompt)})
        for s in base.scores
    )
    return results.model_copy(update={"untriggered": plain})
