"""The whole audit: collect, plan, treat, train, generate, score, judge, render."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from audit.base.messages import say
from audit.base.progress import Progress, duration
from audit.collect import MIN_WORKS, collect, collect_references
from audit.collect.captions import Captioned, read_captions, write_captions
from audit.collect.other import other_works
from audit.conditions.caveats import caveats
from audit.evidence.timestamps import write_request
from audit.judge import decided
from audit.judge.calibration import setup_digest
from audit.models.loader import Model, describe, load
from audit.models.memory import free_unused
from audit.plan.cells import make_cells
from audit.plan.conditions import controls_of, other_artist
from audit.plan.cost import measure_cost
from audit.plan.machine import environment, memory_budget, pick_device, pick_pack, pick_precision
from audit.plan.making import check_names, interim_analyses, make_plan, metrics_of
from audit.plan.protocols import departures
from audit.plan.spec import DECLARATION, Spec
from audit.records import (
    Adapter,
    ArtistSet,
    Cell,
    Generations,
    Note,
    Plan,
    ReferenceArtist,
    Results,
)
from audit.runfolder import (
    begin_session,
    claim,
    default_folder,
    find_card,
    plan_file_digest,
    provenance,
    write_environment,
    write_generated,
    write_treated_images,
    write_work_images,
)
from audit.runfolder.event_log import TRAINING_BEGINS, log_event
from audit.stages.finish import finish
from audit.stages.subjects import read_subjects
from audit.stages.tasks import (
    generate_all,
    real_pictures,
    score_all,
    score_noise_controls,
    score_untriggered,
    treat_all,
    view_of,
    visibility,
)
from audit.store import Store, default_store, write_atomic
from audit.style.score import other_artists
from audit.training import train


def run(spec: Spec, progress: Progress) -> tuple[Results, Path]:
    """Run an audit, or go on with one that was stopped.

    Returns:
        The judged results and the run folder with report.html in it.

    Raises:
        AuditError: see `audit.base.errors`; finished steps stay in the store in every case.
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
    budget = memory_budget(model.device, spec.memory)
    surrogate = load(spec.surrogate, device=model.device, budget=budget) if spec.surrogate else model
    packing = pick_pack(model, plan.training, precision=precision, memory=spec.memory)
    cost = measure_cost(plan, artist, model=model, precision=precision, packing=packing, progress=progress)
    progress.expect(cost.seconds)
    progress.say(f"This takes about {duration(sum(cost.seconds.values()))}, less what an earlier run has finished.")
    treated = treat_all(plan, artist, model=model, surrogate=surrogate, store=store, progress=progress)
    # Nothing needs a second model from here on; on a GPU it would take the room of the packs.
    del surrogate
    free_unused(model.device)
    log_event(out, TRAINING_BEGINS, {"plan_sha256": plan.digest()})
    cells = make_cells(plan, {name: images.pixels for name, images in treated.items()})
    others = {m: other_artists(m, plan.reference_artists, view=view_of(model), store=store) for m in plan.metrics}
    pictures: list[Generations] = []
    scored: list[Cell] = []
    trained: list[tuple[Adapter, Path]] = []
    done = 0
    for replicates in interim_analyses(plan):
        part = [cell for cell in cells if cell.replicate in replicates]
        progress.stage("Training", len(part) * plan.training.steps)
        adapters = train(
            part,
            model=model,
            settings=plan.training,
            precision=precision,
            packing=packing,
            store=store,
            progress=progress.update,
        )
        trained += adapters
        made = generate_all(
            plan, adapters, model=model, precision=precision, packing=packing, store=store, progress=progress
        )
        found = score_all(plan, adapters, made, others=others, model=model, store=store, progress=progress)
        # Base comes first each time, out of the store after the first.
        pictures += made if not done else made[1:]
        scored += found if not done else found[1:]
        done = replicates.stop - 1
        if plan.stopping.rule == "until-decided" and decided(plan, scored):
            progress.say(f"The answer is clear after {done} of {plan.replicates} replicates.")
            break

    subjects = read_subjects(
        plan, trained, model=model, precision=precision, packing=packing, store=store, progress=progress
    )
    controls = score_noise_controls(plan, scored, others=others, model=model, store=store, progress=progress)
    progress.stage("Writing the report", 1)
    for generations in pictures:
        for name, digest in zip(generations.files, generations.pixels, strict=True):
            write_generated(store, digest, out / "images" / name)
    metrics, recognised = real_pictures(plan, artist, others=others, model=model, store=store)
    results = Results(
        plan=plan,
        notes=artist.notes,
        cells=tuple(scored),
        calibration=find_card(store.root, setup_digest(plan)),
        stopped_after=done if done < plan.replicates else None,
        metrics=metrics,
        recognition=recognised,
        untriggered=score_untriggered(
            plan, others=others, model=model, precision=precision, packing=packing, store=store
        ),
        noise_controls=controls,
        subjects=subjects,
        visibility=visibility(plan, treated, store),
        reached=tuple(r for images in treated.values() for r in images.reached),
        work_images=write_work_images(out, artist, store),
        treated_images=write_treated_images(out, plan, artist, treated, store),
        provenance=provenance.finished(
            started=started,
            clock=clock,
            device=f"{model.device.type}, {precision}",
            plan_sha256=plan.digest(),
            plan_file_sha256=plan_file_digest(out),
            sessions=sessions,
            steps_run=store.run,
            steps_reused=store.reused,
            stage_seconds=progress.seconds,
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
    return artist.model_copy(update={"notes": (*artist.notes, Note(said=say("rights-not-declared")))})


def show_captions(out: Path, artist: ArtistSet, progress: Progress) -> None:
    """Lay the captions before the user in a file that can be mended and given back."""
    rows = [Captioned(work.name, work.caption, "file name") for work in artist.works]
    write_atomic(out / "captions.csv", write_captions(rows, sources=False))
    progress.say("What the works are said to show stands in captions.csv; mend a copy and give it with --captions.")


def prepare(spec: Spec, progress: Progress) -> tuple[Store, ArtistSet, Plan, Model, Path]:
    """Everything before the first training step: read the pictures, fix the plan, open the model.

    The run folder is claimed last, so that nothing is written there for a run that cannot start.
    """
    check_names(spec)
    device = pick_device(spec.device)
    facts = describe(spec.model)
    metrics_of(spec, lab=facts.lab)
    store = Store(spec.store or default_store())
    progress.stage("Reading pictures", 0)
    artist = collect(
        originals=spec.originals,
        protected=spec.protected,
        artist=spec.artist,
        seed=spec.seed,
        save=store.put_pixels,
        progress=progress.count,
        captions=read_captions(spec.captions) if spec.captions else None,
    )
    progress.close()
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
    notes = (*artist.notes, *caveats(plan.recipes), *departures(spec.protocol, plan))
    artist = artist.model_copy(update={"notes": notes})
    for note in artist.notes:
        progress.say(f"Note: {note.sentence}")
    model = load(spec.model, device=device, budget=memory_budget(device, spec.memory))
    out = spec.out or default_folder(spec.artist, plan)
    claim(out, plan)
    show_captions(out, artist, progress)
    write_request(out / "plan.json")
    return store, artist, plan, model, out
