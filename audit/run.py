"""The whole audit: collect, plan, treat, train, generate, score, judge, render."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from audit import provenance
from audit.collect import MIN_WORKS, collect, collect_references
from audit.collect.other import other_works
from audit.conditions import treat
from audit.cost import measure_cost
from audit.eventlog import TRAINING_BEGINS, log_event
from audit.evidence.timestamps import write_request
from audit.finish import finish
from audit.judge import decided
from audit.judge.calibration import setup_digest
from audit.machine import environment, pick_device, pick_pack, pick_precision
from audit.models.loader import Model, describe, load
from audit.plan import check_names, controls_of, full_prompt, looks, make_cells, make_plan, other_artist, other_in_turn
from audit.progress import Progress, duration
from audit.records import (
    Adapter,
    ArtistSet,
    Cell,
    Generations,
    ImageSet,
    Note,
    Plan,
    Provenance,
    ReferenceArtist,
    Results,
    Visibility,
)
from audit.runfolder import (
    begin_session,
    claim,
    default_folder,
    find_card,
    plan_file_digest,
    write_environment,
    write_generated,
    write_treated_images,
    write_work_images,
)
from audit.sampling import Source, generate
from audit.spec import DECLARATION, Spec
from audit.store import Store, default_store
from audit.style.recognise import Others
from audit.style.score import metric_facts, nearest, other_artists, recognition, scores
from audit.style.visibility import visibility_of
from audit.training import train

BASE = "base"


def run(spec: Spec, progress: Progress) -> tuple[Results, Path]:
    """Run an audit, or go on with one that was stopped.

    Returns:
        The judged results and the run folder with report.html in it.

    Raises:
        AuditError: see `audit.errors`; finished steps stay in the store in every case.
    """
    store, artist, plan, model, out = prepare(spec, progress)
    artist = declare_rights(artist, declared=spec.declare, out=out)
    return carry_out(spec, plan, artist, model=model, store=store, out=out, progress=progress), out


def carry_out(
    spec: Spec, plan: Plan, artist: ArtistSet, *, model: Model, store: Store, out: Path, progress: Progress
) -> Results:
    """Everything after the plan is fixed: train, generate, score, judge, render into the claimed folder.

    Args:
        spec: how to run; what to run stands in the plan.
        artist: the works of the plan, with their pictures in the store.
    """
    started, clock = provenance.now(), time.monotonic()
    precision = pick_precision(model.device)
    write_environment(out, environment(spec.model, device=model.device, precision=precision))
    progress.say(f"Plan {plan.digest()}: {len(plan.conditions)} conditions, {plan.replicates} replicates.")
    session = provenance.session(threads=torch.get_num_threads(), device=f"{model.device.type}, {precision}")
    sessions = begin_session(out, session)
    surrogate = load(spec.surrogate, device=model.device) if spec.surrogate else model
    pack = pick_pack(model, plan.training, precision=precision, memory=spec.memory)
    cost = measure_cost(plan, artist, model=model, precision=precision, pack=pack, progress=progress)
    progress.expect(cost.seconds)
    progress.say(f"This takes about {duration(sum(cost.seconds.values()))}, less what an earlier run has finished.")
    treated = treat_all(plan, artist, model=model, surrogate=surrogate, store=store, progress=progress)
    log_event(out, TRAINING_BEGINS, {"plan_sha256": plan.digest()})
    cells = make_cells(plan, {name: images.pixels for name, images in treated.items()})
    others = {m: other_artists(m, plan.reference_artists, model=model, store=store) for m in plan.metrics}
    pictures: list[Generations] = []
    scored: list[Cell] = []
    done = 0
    for replicates in looks(plan):
        part = [cell for cell in cells if cell.replicate in replicates]
        progress.stage("Training", len(part) * plan.training.steps)
        adapters = train(
            part,
            model=model,
            settings=plan.training,
            precision=precision,
            pack=pack,
            store=store,
            progress=progress.update,
        )
        made = generate_all(plan, adapters, model=model, precision=precision, store=store, progress=progress)
        found = score_all(plan, adapters, made, others=others, model=model, store=store, progress=progress)
        # Base comes first each time, out of the store after the first.
        pictures += made if not done else made[1:]
        scored += found if not done else found[1:]
        done = replicates.stop - 1
        if plan.stopping.rule == "until-decided" and decided(plan, scored):
            progress.say(f"The answer is clear after {done} of {plan.replicates} replicates.")
            break

    progress.stage("Writing the report", 1)
    for generations in pictures:
        for name, digest in zip(generations.files, generations.pixels, strict=True):
            write_generated(store, digest, out / "images" / name)
    results = Results(
        plan=plan,
        notes=artist.notes,
        cells=tuple(scored),
        calibration=find_card(store.root, setup_digest(plan)),
        stopped_after=done if done < plan.replicates else None,
        metrics=tuple(
            metric_facts(
                name,
                pool=[w.pixels for w in artist.pool()],
                references=[w.pixels for w in artist.reference()],
                others=others[name],
                model=model,
                store=store,
            )
            for name in plan.metrics
        ),
        recognition=tuple(
            recognition(
                name,
                pool=[w.pixels for w in artist.pool()],
                references=[w.pixels for w in artist.reference()],
                others=others[name],
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
            plan_file_sha256=plan_file_digest(out),
            sessions=sessions,
            steps_run=store.run,
            steps_reused=store.reused,
            stage_seconds={k: round(v, 1) for k, v in progress.seconds.items()},
            declaration=DECLARATION if spec.declare else "",
        ),
    )
    judged = finish(results, out)
    log_event(out, "finished", {"steps_run": store.run, "steps_reused": store.reused})
    progress.close()
    progress.say(f"{store.reused} finished steps were reused, {store.run} were run.")
    return judged


def declare_rights(artist: ArtistSet, *, declared: bool, out: Path) -> ArtistSet:
    """Record, before anything is trained, whether somebody answered for the rights in the works."""
    if declared:
        log_event(out, "rights-declared", {"declaration": DECLARATION})
        return artist
    log_event(out, "rights-not-declared", {})
    sentence = "Nobody declared before training that these works may be used for this test (--declare)."
    return artist.model_copy(update={"notes": (*artist.notes, Note(slug="rights-not-declared", sentence=sentence))})


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
    asked = other_artist(controls_of(spec))
    others = () if asked is None else other_works(asked[0], artist=artist, least=MIN_WORKS, save=store.put_pixels)
    references: tuple[ReferenceArtist, ...] = ()
    if spec.reference_artists is not None:
        references = collect_references(spec.reference_artists, works=artist.works, save=store.put_pixels)
    plan = make_plan(
        spec,
        artist=artist,
        model=facts,
        store=store,
        references=references,
        surrogate=describe(spec.surrogate) if spec.surrogate else None,
        other_works=others,
    )
    model = load(spec.model, device=device)
    out = spec.out or default_folder(spec.artist, plan)
    claim(out, plan)
    write_request(out / "plan.json")
    return store, artist, plan, model, out


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
    others: Mapping[str, Others],
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
                nearest=nearest(generations, references=references, others=others, model=model, store=store),
            )
        )
        progress.update(len(cells))
    return tuple(cells)


def visibility(plan: Plan, treated: Mapping[str, ImageSet], store: Store) -> tuple[Visibility, ...]:
    """How far each treated picture is from its original, on the delivered files."""
    originals = {w.id: w.pixels for w in plan.works}
    changed = [c for c in plan.conditions if c.source != "other-artist" and (c.steps or c.source != "originals")]
    return tuple(row for c in changed for row in visibility_of(treated[c.name], originals, store))
