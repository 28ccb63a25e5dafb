"""Each stage over a whole plan: every condition treated, every cell drawn from, every picture scored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean

from audit.base.progress import Progress
from audit.base.rng import rng
from audit.conditions import treat
from audit.models.encode import encode_texts
from audit.models.loader import Model
from audit.plan.cells import other_in_turn
from audit.plan.prompts import full_prompt
from audit.records import (
    Adapter,
    ArtistSet,
    Cell,
    Generations,
    ImageSet,
    MetricFacts,
    NoiseControl,
    Plan,
    Recognition,
    Score,
    Visibility,
)
from audit.sampling import Source, generate
from audit.store import Store
from audit.style.model_cache import release
from audit.style.picture_noise import with_noise
from audit.style.recognise import Others
from audit.style.score import View, metric_facts, nearest, recognition, scores
from audit.style.visibility import visibility_of
from audit.training.packs import Packing
from audit.training.saving import saved_drawing
from audit.training.workers import Task, side_by_side

BASE = "base"


def treat_all(
    plan: Plan, artist: ArtistSet, *, model: Model, surrogate: Model, store: Store, progress: Progress
) -> dict[str, ImageSet]:
    """Make every condition's version of every pool work."""
    pool = artist.pool()
    protected = {file.work: file.pixels for file in artist.protected}
    sources = {
        "originals": [w.pixels for w in pool],
        "protected-files": [protected[w.id] for w in pool] if protected else [],
        "other-artist": [w.pixels for w in other_in_turn(plan, len(pool))] if plan.other_works else [],
    }
    per_step = len(pool)
    progress.stage("Preparing pictures", per_step * sum(max(1, len(c.steps)) for c in plan.conditions))
    made: dict[str, ImageSet] = {}
    before = 0
    for condition in plan.conditions:
        steps_before = before

        def report(done: int, at: int = steps_before) -> None:
            progress.update(at + done)

        made[condition.name] = treat(
            condition,
            works=pool,
            sources=sources[condition.source],
            model=model,
            surrogate=surrogate,
            protection=plan.protection,
            seed=plan.seed,
            store=store,
            progress=report,
        )
        before += per_step * max(1, len(condition.steps))
        progress.update(before)
    return made


def generate_all(
    plan: Plan,
    adapters: Sequence[tuple[Adapter, Path]],
    *,
    model: Model,
    precision: str,
    packing: Packing,
    store: Store,
    progress: Progress,
) -> list[Generations]:
    """The audit's pictures: base's first, then every cell's, from the same prompts and noise."""
    texts = [full_prompt(subject, plan.trigger) for subject in plan.prompts]
    progress.stage("Generating pictures", (1 + len(adapters)) * len(texts) * plan.sampling.per_prompt)
    return draw_all(
        plan, adapters, texts, model=model, precision=precision, packing=packing, store=store, progress=progress
    )


def draw_all(
    plan: Plan,
    adapters: Sequence[tuple[Adapter, Path]],
    texts: Sequence[str],
    *,
    model: Model,
    precision: str,
    packing: Packing,
    store: Store,
    progress: Progress,
) -> list[Generations]:
    """Pictures of full prompts by base, then by every cell; the progress counts pictures."""
    per_model = len(texts) * plan.sampling.per_prompt
    lock, done = threading.Lock(), 0

    def drawn(source: Source, base: Generations | None) -> Task[Generations]:
        def task(model: Model, check: Callable[[], None]) -> Generations:
            nonlocal done
            made = generate(
                source,
                model=model,
                texts=texts,
                settings=plan.sampling,
                seed=plan.seed,
                precision=precision,
                store=store,
                base_pixels=base.pixels if base else None,
                masters=masters,
                check=check,
            )
            with lock:
                done += per_model
                progress.update(done)
            return made

        return task

    sources = [Source(a.condition, a.replicate, path, a.sha256) for a, path in adapters]
    # What encodes texts may be away while pictures are drawn.
    encode_texts(model, store, [*texts, ""])
    with saved_drawing(model, plan.training, packing.saving) as masters:
        base = drawn(Source(BASE, 0, None, ""), None)(model, lambda: None)
        return [base, *side_by_side([drawn(source, base) for source in sources], model=model, workers=packing.workers)]


def score_untriggered(
    plan: Plan, *, others: Mapping[str, Others], model: Model, precision: str, packing: Packing, store: Store
) -> tuple[Score, ...]:
    """Base's pictures for the same prompts and noise without the style word: the word should be empty to it."""
    encode_texts(model, store, [*plan.prompts, ""])
    with saved_drawing(model, plan.training, packing.saving):
        made = generate(
            Source(BASE, 0, None, ""),
            model=model,
            texts=plan.prompts,
            settings=plan.sampling,
            seed=plan.seed,
            precision=precision,
            store=store,
            base_pixels=None,
        )
    model.leave()
    references = [w.pixels for w in plan.works if w.split == "reference"]
    return scores(
        made,
        others=others,
        references=references,
        per_prompt=plan.sampling.per_prompt,
        view=view_of(model),
        store=store,
    )


def view_of(model: Model) -> View:
    """Pictures are scored at the size of the model's own, on its device."""
    return View(side=model.facts.resolution, device=model.device)


def score_all(
    plan: Plan,
    adapters: Sequence[tuple[Adapter, Path]],
    pictures: Sequence[Generations],
    *,
    others: Mapping[str, Others],
    model: Model,
    store: Store,
    progress: Progress,
) -> tuple[Cell, ...]:
    """Score every model's pictures against the held-out works."""
    references = [w.pixels for w in plan.works if w.split == "reference"]
    view = view_of(model)
    records: list[Adapter | None] = [None, *(adapter for adapter, _ in adapters)]
    progress.stage("Scoring", len(pictures))
    model.leave()
    cells = []
    for adapter, generations in zip(records, pictures, strict=True):
        found = scores(
            generations,
            others=others,
            references=references,
            per_prompt=plan.sampling.per_prompt,
            view=view,
            store=store,
        )
        cells.append(
            Cell(
                condition=generations.condition,
                replicate=generations.replicate,
                adapter=adapter,
                generations=generations,
                scores=found,
                nearest=nearest(generations, references=references, others=others, view=view, store=store),
            )
        )
        progress.update(len(cells))
    if model.room is not None:
        release(model.device)
    return tuple(cells)


def score_noise_controls(
    plan: Plan,
    cells: Sequence[Cell],
    *,
    others: Mapping[str, Others],
    model: Model,
    store: Store,
    progress: Progress,
) -> tuple[NoiseControl, ...]:
    """Base's pictures and clean's with as much random noise as a condition's own pictures have, scored.

    For each primary condition whose pictures are noisier than clean's by more than the plan's `noise_matched`
    on average. The draw of a picture depends on the seed, its replicate and its place only.
    """
    by_cell = {(cell.condition, cell.replicate): cell.generations for cell in cells}
    clean = next(c.name for c in plan.conditions if c.role == "clean")
    primary = {c.name for c in plan.conditions if c.primary and c.role != "clean"}
    pairs = [
        (made, by_cell[clean, replicate])
        for (name, replicate), made in by_cell.items()
        if name in primary and made.noise and (clean, replicate) in by_cell
    ]
    excess: dict[str, list[float]] = {}
    for made, unprotected in pairs:
        excess.setdefault(made.condition, []).append(mean(made.noise) - mean(unprotected.noise))
    noisy = {name for name, levels in excess.items() if mean(levels) > plan.margins.noise_matched}
    asked = [(made, of) for made, own in pairs if made.condition in noisy for of in (by_cell[BASE, 0], own)]
    if not asked:
        return ()
    progress.stage("Scoring with noise added", len(asked))
    references = [w.pixels for w in plan.works if w.split == "reference"]
    found = []
    for made, of in asked:
        levels = zip(of.pixels, made.noise, strict=True)
        pixels = tuple(
            store.put_pixels(
                with_noise(
                    store.get_pixels(digest),
                    level=level,
                    rng=rng("cloakcheck", plan.seed, "picture noise", made.replicate, place),
                )
            )
            for place, (digest, level) in enumerate(levels)
        )
        found.append(
            NoiseControl(
                condition=made.condition,
                replicate=made.replicate,
                of=of.condition,
                scores=scores(
                    of.model_copy(update={"pixels": pixels}),
                    others=others,
                    references=references,
                    per_prompt=plan.sampling.per_prompt,
                    view=view_of(model),
                    store=store,
                ),
            )
        )
        progress.update(len(found))
    if model.room is not None:
        release(model.device)
    return tuple(found)


def visibility(plan: Plan, treated: Mapping[str, ImageSet], store: Store) -> tuple[Visibility, ...]:
    """How far each treated picture is from its original, on the delivered files."""
    originals = {w.id: w.pixels for w in plan.works}
    changed = [c for c in plan.conditions if c.source != "other-artist" and (c.steps or c.source != "originals")]
    return tuple(row for c in changed for row in visibility_of(treated[c.name], originals, store))


def real_pictures(
    plan: Plan, artist: ArtistSet, *, others: Mapping[str, Others], model: Model, store: Store
) -> tuple[tuple[MetricFacts, ...], tuple[Recognition, ...]]:
    """How each metric does on real pictures: the artist's own against the held-out works, and others'."""
    pool, references = ([w.pixels for w in works] for works in (artist.pool(), artist.reference()))
    metrics, recognised, view = [], [], view_of(model)
    for name in plan.metrics:
        given = others[name]
        metrics.append(metric_facts(name, pool=pool, references=references, others=given, view=view, store=store))
        recognised.append(recognition(name, pool=pool, references=references, others=given, view=view, store=store))
    if model.room is not None:
        release(model.device)
    return tuple(metrics), tuple(recognised)
