"""Before the first step: read the pictures, fix the plan, open the model, claim the run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.base.messages import say
from audit.base.progress import Progress
from audit.collect import MIN_WORKS, collect, collect_references
from audit.collect.captions import Captioned, read_captions, write_captions
from audit.collect.other import other_works
from audit.conditions.caveats import caveats
from audit.evidence.timestamps import write_request
from audit.executor import Engine
from audit.models.loader import describe, load
from audit.plan.conditions import controls_of, other_artist
from audit.plan.machine import make_engine, memory_budget, pick_device
from audit.plan.making import check_names, make_plan, metrics_of
from audit.plan.protocols import departures
from audit.plan.spec import DECLARATION, Spec
from audit.records import ArtistSet, ModelFacts, Note, Plan, ReferenceArtist, Work
from audit.runfolder import claim, default_folder
from audit.runfolder.event_log import log_event
from audit.store import Store, default_store, write_atomic


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
        log_event(out, "rights-declared", {"declaration": DECLARATION})
        return artist
    log_event(out, "rights-not-declared", {})
    return artist.model_copy(update={"notes": (*artist.notes, Note(said=say("rights-not-declared")))})


def show_captions(out: Path, artist: ArtistSet, progress: Progress) -> None:
    """Lay the captions before the user in a file that can be mended and given back."""
    rows = [Captioned(work.name, work.caption, "file name") for work in artist.works]
    write_atomic(out / "captions.csv", write_captions(rows, sources=False))
    progress.say(say("now.captions"))


def prepare(spec: Spec, progress: Progress) -> Prepared:
    """Everything before the first training step: read the pictures, fix the plan, open the model.

    The run folder is claimed last, so that nothing is written there for a run that cannot start.
    """
    check_names(spec)
    device = pick_device(spec.device)
    facts, surrogate = _look_at_models(spec, progress)
    metrics_of(spec, lab=facts.lab)
    store = Store(spec.store or default_store())
    progress.stage(say("stage.read"), 0)
    artist = collect(
        originals=spec.originals,
        protected=spec.protected,
        artist=spec.artist,
        seed=spec.seed,
        save=store.put_pixels,
        progress=progress.count,
        captions=read_captions(spec.captions) if spec.captions else None,
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
        other_works=others,
    )
    notes = (*artist.notes, *caveats(plan.recipes), *departures(spec.protocol, plan))
    artist = artist.model_copy(update={"notes": notes})
    progress.advance(1)
    progress.close()
    for note in artist.notes:
        progress.say(say("now.note", note=note.said))
    budget = memory_budget(device, spec.memory)
    progress.stage(say("stage.load"), 2)
    model = load(spec.model, device=device, budget=budget, asked=spec.prediction_type)
    progress.advance(1)
    out = spec.out or default_folder(spec.artist, plan)
    claim(out, plan)
    show_captions(out, artist, progress)
    write_request(out / "plan.json")
    engine = make_engine(
        model, store=store, progress=progress, training=plan.training, memory=spec.memory, plan=plan.digest()
    )
    progress.advance(1)
    progress.close()
    return Prepared(artist=artist, plan=plan, engine=engine, out=out)


def _look_at_models(spec: Spec, progress: Progress) -> tuple[ModelFacts, ModelFacts | None]:
    """What the audited model and the surrogate state; the progress counts models."""
    progress.stage(say("stage.open"), 2 if spec.surrogate else 1)
    facts = describe(spec.model, asked=spec.prediction_type)
    progress.advance(1)
    surrogate = None
    if spec.surrogate:
        surrogate = describe(spec.surrogate)
        progress.advance(1)
    progress.close()
    return facts, surrogate


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
