"""Before the first step: read the pictures, fix the plan, open the model, claim the run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from audit.base.messages import say
from audit.base.progress import Progress
from audit.collect import MIN_WORKS, collect, collect_references
from audit.collect.by_hand import read_pairs
from audit.collect.captions import Captioned, read_captions, write_captions
from audit.collect.other import other_works
from audit.conditions.caveats import caveats
from audit.evidence.timestamps import write_request
from audit.evidence.withdraw import owner_of
from audit.executor import Engine
from audit.models.loader import describe
from audit.models.siblings import describe_sibling
from audit.plan.buckets import largest_shape
from audit.plan.conditions import controls_of, other_artist
from audit.plan.devices import pick_device
from audit.plan.draws import draw_notes
from audit.plan.executor_names import asked_executor
from audit.plan.grids import heaviest
from audit.plan.machine import load_pair, make_engine
from audit.plan.making import check_names, make_plan, metrics_of
from audit.plan.model_notes import model_notes
from audit.plan.prompts import prompt_notes
from audit.plan.protocols import departures
from audit.plan.spec import DECLARATION, Spec
from audit.plan.unfinished import keep_command
from audit.records import ArtistSet, ModelFacts, Note, Plan, ReferenceArtist, Work
from audit.runfolder import claim, default_folder
from audit.runfolder.event_log import DECLARED, NOT_DECLARED, log_event
from audit.stages.seeding import under_stamp
from audit.store import Store, default_store, write_atomic
from audit.store.owners import keep_owner


@dataclass(frozen=True)
class Fixed:
    """What is to be run: the works and the plan.

    Attributes:
        artist: the works, with their pictures in the store; out: the run folder, not claimed yet.
        stamped: the plan as it was stamped, where the stamp gave `plan` its seed.
    """

    artist: ArtistSet
    plan: Plan
    stamped: Plan | None
    out: Path
    device: torch.device
    store: Store


@dataclass(frozen=True)
class Prepared:
    """All that the stages need.

    Attributes:
        artist: the works, with their pictures in the store; out: the run folder, claimed for the plan.
    """

    artist: ArtistSet
    plan: Plan
    engine: Engine
    out: Path


def declare_rights(artist: ArtistSet, *, declared: bool, out: Path) -> ArtistSet:
    """Record, before anything is trained, whether somebody answered for the rights in the works."""
    if declared:
        log_event(out, DECLARED, {"declaration": DECLARATION})
        return artist
    log_event(out, NOT_DECLARED, {})
    return artist.model_copy(update={"notes": (*artist.notes, Note(said=say("rights-not-declared")))})


def show_captions(out: Path, artist: ArtistSet, progress: Progress) -> None:
    """Lay the captions before the user in a file that can be mended and given back."""
    rows = [Captioned(work.name, work.caption, "file name") for work in artist.works]
    write_atomic(out / "captions.csv", write_captions(rows, sources=False))
    progress.say(say("now.captions"))


def prepare(spec: Spec, progress: Progress) -> Prepared:
    """Everything before the first training step: read the pictures, fix the plan, open the model, claim the folder."""
    return make_ready(spec, fix_plan(spec, progress), progress)


def fix_plan(spec: Spec, progress: Progress) -> Fixed:
    """Read the pictures and fix the plan; nothing is written but pictures into the store."""
    check_names(spec)
    asked_executor(spec.executor)
    device = pick_device(spec.device, tell=progress.say)
    facts, surrogate, sibling = _look_at_models(spec, progress)
    metrics_of(spec, lab=facts.lab)
    store = Store(spec.store or default_store(), reuse=not spec.no_reuse)
    progress.stage(say("stage.read"), 0)
    artist = collect(
        originals=spec.originals,
        protected=spec.protected,
        artist=spec.artist,
        save=store.put_pixels,
        progress=progress.count,
        captions=read_captions(spec.captions) if spec.captions else None,
        by_hand=read_pairs(spec.pairs) if spec.pairs else None,
    )
    others, references = _read_others(spec, artist, store, progress)
    progress.stage(say("stage.plan"), 1)
    plan = make_plan(
        spec,
        artist=artist,
        model=facts,
        store=store,
        references=references,
        surrogate=surrogate,
        drawn_with=sibling,
        other_works=others,
    )
    out = spec.out or default_folder(spec.artist, plan)
    plan, stamped = under_stamp(plan, out)
    notes = (*artist.notes, *draw_notes(artist, plan.draws), *prompt_notes(plan), *caveats(plan.recipes))
    notes = (*notes, *departures(spec.protocol, plan))
    artist = artist.model_copy(update={"notes": notes})
    progress.advance(1)
    progress.close()
    return Fixed(artist, plan, stamped, out, device, store)


def make_ready(spec: Spec, fixed: Fixed, progress: Progress) -> Prepared:
    """Open the model and claim the run folder.

    The folder is claimed last, so that nothing is written there for a run that cannot start.
    """
    artist, plan, out, store = fixed.artist, fixed.plan, fixed.out, fixed.store
    for note in artist.notes:
        progress.say(say("now.note", note=note.said))
    progress.stage(say("stage.load"), 2)
    model, drawing = load_pair(
        spec.model,
        spec.draw_with,
        device=fixed.device,
        memory=spec.memory,
        asked=spec.prediction_type,
        skip=spec.clip_skip,
    )
    progress.advance(1)
    found = model_notes(plan, model)
    artist = artist.model_copy(update={"notes": (*artist.notes, *found)})
    for note in found:
        progress.say(say("now.note", note=note.said))
    claim(out, plan, stamped=fixed.stamped)
    keep_owner(store.root, owner_of(plan, out))
    keep_command(spec, out)
    progress.say(say("now.folder", folder=str(out)))
    if fixed.stamped is not None:
        progress.say(say("now.stamped-seed", seed=str(plan.seed)))
    else:
        write_request(out / "plan.json")
    show_captions(out, artist, progress)
    engine = make_engine(
        model,
        store=store,
        progress=progress,
        training=heaviest(plan),
        shape=largest_shape(plan),
        memory=spec.memory,
        plan=plan.digest(),
        drawing=drawing,
    )
    progress.advance(1)
    progress.close()
    return Prepared(artist=artist, plan=plan, engine=engine, out=out)


def _look_at_models(spec: Spec, progress: Progress) -> tuple[ModelFacts, ModelFacts | None, ModelFacts | None]:
    """What the audited model, the surrogate and the sibling that draws state; the progress counts models."""
    progress.stage(say("stage.open"), 1 + bool(spec.surrogate) + bool(spec.draw_with))
    facts = describe(spec.model, asked=spec.prediction_type, skip=spec.clip_skip)
    progress.advance(1)
    surrogate = sibling = None
    if spec.surrogate:
        surrogate = describe(spec.surrogate)
        progress.advance(1)
    if spec.draw_with:
        sibling = describe_sibling(spec.draw_with, trained=spec.model, facts=facts)
        progress.advance(1)
    progress.close()
    return facts, surrogate, sibling


def _read_others(
    spec: Spec, artist: ArtistSet, store: Store, progress: Progress
) -> tuple[tuple[Work, ...], tuple[ReferenceArtist, ...]]:
    """Works by others, for the control and for metrics; the progress counts the two folders."""
    asked = other_artist(controls_of(spec))
    others: tuple[Work, ...] = ()
    references: tuple[ReferenceArtist, ...] = ()
    wanted = (asked is not None) + (spec.reference_artists is not None)
    if wanted:
        progress.stage(say("stage.others"), wanted)
    if asked is not None:
        others = other_works(asked[0], artist=artist, least=MIN_WORKS, save=store.put_pixels)
        progress.advance(1)
    if spec.reference_artists is not None:
        references = collect_references(spec.reference_artists, works=artist.works, save=store.put_pixels)
        progress.advance(1)
    progress.close()
    return others, references
