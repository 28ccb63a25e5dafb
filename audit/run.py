"""The whole audit: collect, plan, treat, train, generate, score, judge, render."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from audit import provenance
from audit.collect import collect
from audit.conditions import treat
from audit.finish import finish
from audit.images import at_size_of, linf, psnr, rms
from audit.machine import pick_device, pick_pack, pick_precision
from audit.models.loader import Model, describe, load
from audit.plan import check_names, full_prompt, make_cells, make_plan
from audit.progress import Progress
from audit.records import (
    Adapter,
    ArtistSet,
    Cell,
    Generations,
    ImageSet,
    Plan,
    Provenance,
    Results,
    Visibility,
)
from audit.runfolder import (
    claim,
    default_folder,
    log_event,
    write_blob,
    write_treated_images,
    write_work_images,
)
from audit.sampling import Source, generate
from audit.spec import Spec
from audit.store import Store
from audit.style.score import metric_facts, scores
from audit.training import train

BASE = "base"


def run(spec: Spec, progress: Progress) -> tuple[Results, Path]:
    """Run an audit, or go on with one that was stopped.

    Returns:
        The judged results and the run folder with report.html in it.

    Raises:
        AuditError: see `audit.errors`; finished steps stay in the store in every case.
    """
    started, clock = provenance.now(), time.monotonic()
    store, artist, plan, model, out = prepare(spec, progress)
    precision = pick_precision(model.device)
    progress.say(f"Plan {plan.digest()[:16]}: {len(plan.conditions)} conditions, {plan.replicates} replicates.")
    surrogate = load(spec.surrogate, device=model.device) if spec.surrogate else model
    treated = treat_all(plan, artist, model=model, surrogate=surrogate, store=store, progress=progress)
    cells = make_cells(plan, {name: images.pixels for name, images in treated.items()})
    progress.stage("Training", len(cells) * plan.training.steps)
    adapters = train(
        cells,
        model=model,
        settings=plan.training,
        precision=precision,
        pack=pick_pack(model, plan.training, precision=precision, memory=spec.memory),
        store=store,
        progress=progress.update,
    )
    pictures = generate_all(plan, adapters, model=model, precision=precision, store=store, progress=progress)
    scored = score_all(plan, adapters, pictures, model=model, store=store, progress=progress)

    progress.stage("Writing the report", 1)
    for generations in pictures:
        for name, digest in zip(generations.files, generations.pixels, strict=True):
            write_blob(store, digest, out / "images" / name)
    results = Results(
        plan=plan,
        notes=artist.notes,
        cells=scored,
        metrics=tuple(
            metric_facts(
                name,
                pool=[w.pixels for w in artist.pool()],
                references=[w.pixels for w in artist.reference()],
                model=model,
                store=store,
            )
            for name in plan.metrics
        ),
        visibility=visibility(plan, treated, store),
        reached=tuple(r for images in treated.values() for r in images.reached),
        work_images=write_work_images(out, artist, store),
        treated_images=write_treated_images(out, plan, artist, treated, store),
        provenance=Provenance(
            started=started,
            finished=provenance.now(),
            seconds=round(time.monotonic() - clock, 1),
            platform=provenance.platform_words(),
            device=f"{model.device.type}, {precision}",
            python=platform.python_version(),
            packages=provenance.packages(),
            commit=provenance.commit(),
            plan_sha256=plan.digest(),
            steps_run=store.run,
            steps_reused=store.reused,
            stage_seconds={k: round(v, 1) for k, v in progress.seconds.items()},
        ),
    )
    judged = finish(results, out)
    log_event(out, "finished", {"steps_run": store.run, "steps_reused": store.reused})
    progress.close()
    progress.say(f"{store.reused} finished steps were reused, {store.run} were run.")
    return judged, out


def default_store() -> Path:
    """Where finished steps are kept: $CLOAKCHECK_STORE, else the user's cache folder."""
    if "CLOAKCHECK_STORE" in os.environ:
        return Path(os.environ["CLOAKCHECK_STORE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cloakcheck"


def prepare(spec: Spec, progress: Progress) -> tuple[Store, ArtistSet, Plan, Model, Path]:
    """Everything before the first training step: read the pictures, fix the plan, open the model.

    The run folder is claimed last, so that nothing is written there for a run that cannot start.
    """
    check_names(spec)
    device = pick_device(spec.device)
    facts = describe(spec.model)
    store = Store(spec.store or default_store())
    progress.stage("Reading pictures", 0)
    artist = collect(
        originals=spec.originals,
        protected=spec.protected,
        artist=spec.artist,
        seed=spec.seed,
        save=store.put_pixels,
        progress=progress.count,
    )
    progress.close()
    for note in artist.notes:
        progress.say(f"Note: {note.sentence}")
    plan = make_plan(
        spec,
        artist=artist,
        model=facts,
        store=store,
        surrogate=describe(spec.surrogate) if spec.surrogate else None,
    )
    model = load(spec.model, device=device)
    out = spec.out or default_folder(spec.artist, plan)
    claim(out, plan)
    return store, artist, plan, model, out


def treat_all(
    plan: Plan, artist: ArtistSet, *, model: Model, surrogate: Model, store: Store, progress: Progress
) -> dict[str, ImageSet]:
    """Make every condition's version of every pool work."""
    pool = artist.pool()
    protected = {file.work: file.pixels for file in artist.protected}
    per_step = len(pool)
    progress.stage("Preparing pictures", per_step * sum(max(1, len(c.steps)) for c in plan.conditions))
    made: dict[str, ImageSet] = {}
    before = 0
    for condition in plan.conditions:
        use_files = condition.source == "protected-files"
        steps_before = before

        def report(done: int, at: int = steps_before) -> None:
            progress.update(at + done)

        made[condition.name] = treat(
            condition,
            works=pool,
            sources=[protected[w.id] if use_files else w.pixels for w in pool],
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
    store: Store,
    progress: Progress,
) -> list[Generations]:
    """Base's pictures first, then every cell's, from the same prompts and noise."""
    texts = [full_prompt(subject, plan.trigger) for subject in plan.prompts]
    sources = [Source(BASE, 0, None, "")]
    sources += [Source(a.condition, a.replicate, path, a.sha256) for a, path in adapters]
    progress.stage("Generating pictures", len(sources) * len(texts) * plan.sampling.per_prompt)
    made: list[Generations] = []
    for source in sources:
        made.append(
            generate(
                source,
                model=model,
                texts=texts,
                settings=plan.sampling,
                seed=plan.seed,
                precision=precision,
                store=store,
                base_pixels=made[0].pixels if made else None,
            )
        )
        progress.update(len(made) * len(texts) * plan.sampling.per_prompt)
    return made


def score_all(
    plan: Plan,
    adapters: Sequence[tuple[Adapter, Path]],
    pictures: Sequence[Generations],
    *,
    model: Model,
    store: Store,
    progress: Progress,
) -> tuple[Cell, ...]:
    """Score every model's pictures against the held-out works."""
    references = [w.pixels for w in plan.works if w.split == "reference"]
    records: list[Adapter | None] = [None, *(adapter for adapter, _ in adapters)]
    progress.stage("Scoring", len(pictures))
    cells = []
    for adapter, generations in zip(records, pictures, strict=True):
        found = scores(
            generations,
            metrics=plan.metrics,
            references=references,
            per_prompt=plan.sampling.per_prompt,
            model=model,
            store=store,
        )
        cells.append(
            Cell(
                condition=generations.condition,
                replicate=generations.replicate,
                adapter=adapter,
                generations=generations,
                scores=found,
            )
        )
        progress.update(len(cells))
    return tuple(cells)


def visibility(plan: Plan, treated: Mapping[str, ImageSet], store: Store) -> tuple[Visibility, ...]:
    """How far each treated picture is from its original, on the delivered files."""
    originals = {w.id: w.pixels for w in plan.works}
    found = []
    for condition in plan.conditions:
        if not condition.steps and condition.source == "originals":
            continue
        images = treated[condition.name]
        for work, digest in zip(images.works, images.pixels, strict=True):
            before, after = store.get_pixels(originals[work]), store.get_pixels(digest)
            # A copy delivered at another size is compared at the original's size, as a viewer would.
            after = at_size_of(before, after)
            same = bool(np.array_equal(before, after))
            found.append(
                Visibility(
                    condition=condition.name,
                    work=work,
                    linf=linf(before, after),
                    rms=rms(before, after),
                    psnr=None if same else psnr(before, after),
                )
            )
    return tuple(found)
