"""Whole audits with planted conditions, and small changes to their records."""

from typing import Any

from audit import records as r
from audit.base.messages import words
from tests.builders import make_plan, make_results
from tests.made_conditions import condition

CLEAN = condition("clean")
PGD = condition("encoder-pgd:16")
JPEG = condition("encoder-pgd:16+jpeg:50")
CLEAN_JPEG = condition("clean+jpeg:50")
PLACEBO = condition("placebo")
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
    **changes: Any,
) -> r.Results:
    """An audit of clean, the reference protection and `conditions`; `changes` go to make_results."""
    plan = make_plan(conditions=(CLEAN, PGD, *conditions), replicates=replicates)
    return make_results(plan=plan, protection=protection, run_sd=run_sd, seed=seed, **changes)


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
