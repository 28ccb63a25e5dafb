"""`score`: pictures of a closed service beside an artist's works: collect, plan, score, judge, render."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from audit import __version__
from audit.base.errors import BadInput
from audit.base.messages import say
from audit.base.progress import Progress
from audit.base.text import printable
from audit.collect import collect, collect_references, part_once
from audit.collect.generated import collect_generated
from audit.collect.sheet import read_sheet
from audit.evidence.withdraw import owner_of
from audit.executor import Bench
from audit.images import encode_png
from audit.plan.devices import pick_device
from audit.plan.machine import make_bench
from audit.records import (
    MetricFacts,
    Note,
    PictureScores,
    Recognition,
    Record,
    ReferenceArtist,
    ScoreGroup,
    ScorePlan,
    ScoreResults,
    ScoreUnit,
    ServicePicture,
    Work,
)
from audit.runfolder import (
    begin_session,
    claim,
    default_folder,
    plan_file_digest,
    provenance,
)
from audit.runfolder.event_log import log_event
from audit.runfolder.pictures import thumbnail, write_generated
from audit.runfolder.provenance import FixedPlan, StepsDone
from audit.stages.finish import finish_score
from audit.store import Store, default_store, write_atomic
from audit.store.owners import keep_owner
from audit.store.reuse import reused_elsewhere
from audit.style import DEFAULT_ENCODER, ENCODERS, style_metric, style_scores
from audit.style.choice import BUILT_IN, pick_metrics
from audit.style.recognise import nearest_artist
from audit.style.score import View, features, metric_facts, other_artists, recognition
from audit.style.tasks import Embed

LARGEST_SIDE = 512
"""Pixels; no metric looks closer, and a service's pictures are larger than most works on the web."""
SMALLEST_SIDE = 64
SHOWN_PROMPTS = 8
SHOWN_WORKS = 8


class ScoreSpec(Record):
    """One score as asked for."""

    originals: Path
    generated: Path
    controls: Path | None = None
    other_name: Path | None = None
    reference_artists: Path | None = None
    sheet: Path | None = None
    clip_times: tuple[float, ...] = ()
    """Seconds at which frames of clips are taken; () takes the middles of equal parts."""
    unit: ScoreUnit = "prompt"
    artist: str = ""
    service: str = ""
    primary_metric: str | None = None
    seed: int = 0
    device: str = "auto"
    out: Path | None = None
    store: Path | None = None


def score(spec: ScoreSpec, progress: Progress) -> tuple[ScoreResults, Path]:
    """Score a service's pictures, or go on with a score that was stopped.

    Returns:
        The judged results and the folder with report.html in it.

    Raises:
        AuditError: see `audit.base.errors`; features worked out so far stay in the store.
    """
    begun = provenance.begin()
    device = pick_device(spec.device)
    metrics = _metrics(spec)
    store = Store(spec.store or default_store())
    plan, notes = _prepare(spec, metrics, store, progress)
    for note in notes:
        progress.say(say("now.note", note=note.said))
    bench = make_bench(device, store=store, progress=progress, plan=plan.digest())
    store = bench.store
    out = spec.out or default_folder(f"{spec.artist or 'artist'} score", plan)
    claim(out, plan)
    keep_owner(store.root, owner_of(plan, out))
    session = provenance.session(threads=torch.get_num_threads(), device=f"{device.type}, fp32")
    sessions = begin_session(out, session)
    progress.say(say("now.score", digest=plan.digest(), count=len(plan.pictures), unit=plan.unit))
    found = _score_all(plan, bench)
    progress.stage(say("stage.pictures"), 1)
    images = _write_previews(out, plan, store)
    progress.advance(1)
    progress.close()
    results = ScoreResults(
        plan=plan,
        notes=notes,
        metrics=found.metrics,
        recognition=found.recognition,
        scores=found.scores,
        images=images,
        provenance=provenance.finished(
            begun,
            FixedPlan(plan.digest(), plan_file_digest(out, ScorePlan)),
            StepsDone(store.run, store.reused, reused_elsewhere(store), progress.seconds),
            device=f"{device.type}, fp32",
            sessions=sessions,
        ),
    )
    progress.stage(say("stage.report"), 1)
    judged = finish_score(results, out)
    progress.advance(1)
    progress.close()
    log_event(out, "finished", {"stage_seconds": provenance.rounded(progress.seconds)})
    return judged, out


def _metrics(spec: ScoreSpec) -> tuple[str, ...]:
    """OpenCLIP ViT-L/14 decides where it can; without its weights or other artists' works a built-in metric does."""
    references = spec.reference_artists is not None
    asked = spec.primary_metric
    if asked is None and not (references and ENCODERS[DEFAULT_ENCODER].present()):
        asked = BUILT_IN
    return pick_metrics(asked, lab=False, references=references)


def _prepare(
    spec: ScoreSpec, metrics: tuple[str, ...], store: Store, progress: Progress
) -> tuple[ScorePlan, tuple[Note, ...]]:
    """Read every folder and fix what will be done, before any picture is scored."""
    sheet = None if spec.sheet is None else read_sheet(spec.sheet)
    if spec.unit == "prompt-session" and (sheet is None or not any(row.session for row in sheet.values())):
        raise BadInput("sessions-missing")
    progress.stage(say("stage.read"), 0)
    read = collect(
        originals=spec.originals,
        protected={},
        artist=spec.artist,
        save=store.put_pixels,
        progress=progress.count,
    )
    artist = part_once(read, seed=spec.seed)
    folders: dict[ScoreGroup, Path] = {"named": spec.generated}
    if spec.controls is not None:
        folders["control"] = spec.controls
    if spec.other_name is not None:
        folders["other-name"] = spec.other_name
    pictures, notes = collect_generated(
        folders,
        sheet=sheet,
        works=artist.works,
        save=store.put_pixels,
        progress=progress.count,
        times=spec.clip_times,
    )
    references: tuple[ReferenceArtist, ...] = ()
    if spec.reference_artists is not None:
        progress.stage(say("stage.others"), 1)
        references = collect_references(spec.reference_artists, works=artist.works, save=store.put_pixels)
        progress.advance(1)
    progress.stage(say("stage.plan"), 1)
    plan = ScorePlan(
        tool_version=__version__,
        artist=printable(spec.artist, limit=80).strip(),
        service=printable(spec.service, limit=80).strip(),
        works=artist.works,
        pictures=pictures,
        reference_artists=references,
        unit=spec.unit,
        side=common_side(artist.works, pictures, references, store),
        seed=spec.seed,
        metrics=metrics,
        primary_metric=metrics[0],
        metric_weights={name: style_metric(name).digest() for name in metrics},
    )
    progress.advance(1)
    progress.close()
    return plan, (*artist.notes, *notes)


def common_side(
    works: Sequence[Work], pictures: Sequence[ServicePicture], references: Sequence[ReferenceArtist], store: Store
) -> int:
    """The size at which all pictures are compared: that of the group with the smallest ones, within bounds.

    Enlarged pictures would be told apart by their blur. Each group counts by its median, so that one
    thumbnail does not decide.
    """
    sides = [statistics.median(min(w.width, w.height) for w in works)]
    for group in {p.group for p in pictures}:
        sides.append(statistics.median(min(p.width, p.height) for p in pictures if p.group == group))
    for artist in references:
        sides.append(statistics.median(min(store.get_pixels(d).shape[:2]) for d in artist.pixels))
    return max(SMALLEST_SIDE, min(LARGEST_SIDE, int(min(sides))))


@dataclass(frozen=True)
class _Found:
    metrics: tuple[MetricFacts, ...]
    recognition: tuple[Recognition, ...]
    scores: tuple[PictureScores, ...]


def _score_all(plan: ScorePlan, bench: Bench) -> _Found:
    held_out = np.array([work.split == "reference" for work in plan.works])
    real, made = tuple(work.pixels for work in plan.works), tuple(p.pixels for p in plan.pictures)
    lists = [real, *(artist.pixels for artist in plan.reference_artists), made]
    bench.progress.stage(say("stage.score"), len(plan.metrics) * sum(map(len, lists)))
    bench.run([Embed(name, pixels, plan.side) for name in plan.metrics for pixels in lists])
    view = View(side=plan.side, device=bench.device, store=bench.store)
    metrics, recognised, scored = [], [], []
    for name in plan.metrics:
        others = other_artists(name, plan.reference_artists, view=view)
        works = features(name, real, view=view)
        facts = metric_facts(name, works=works, held_out=[held_out], others=others)
        metrics.append(facts.model_copy(update={"real_means": ()}))
        recognised.append(recognition(name, works=works, held_out=[held_out], others=others))
        own = works[held_out]
        rows = features(name, made, view=view)
        scored.append(
            PictureScores(
                metric=name,
                values=tuple(v if abs(v) < 1e6 else None for v in style_scores(name, rows, own, others).tolist()),
                nearest=tuple(nearest_artist(rows, own, others).tolist()),
            )
        )
    bench.progress.close()
    return _Found(tuple(metrics), tuple(recognised), tuple(scored))


def shown_pictures(plan: ScorePlan) -> dict[str, dict[ScoreGroup, ServicePicture]]:
    """The fixed rule of what is shown: the first prompts in order, of each group the first picture."""
    found: dict[str, dict[ScoreGroup, ServicePicture]] = {}
    for picture in plan.pictures:
        found.setdefault(picture.prompt, {}).setdefault(picture.group, picture)
    first = sorted(found, key=lambda prompt: (-len(found[prompt]), prompt))[:SHOWN_PROMPTS]
    return {prompt: found[prompt] for prompt in first if "named" in found[prompt]}


def _write_previews(out: Path, plan: ScorePlan, store: Store) -> dict[str, str]:
    """Small copies of what the report shows; the service's pictures carry the AI mark."""
    named = {}
    for pictures in shown_pictures(plan).values():
        for picture in pictures.values():
            small = store.put_pixels(thumbnail(store.get_pixels(picture.pixels)))
            named[picture.id] = f"ai-generated-{picture.group}-{picture.id}.png"
            write_generated(store, small, out / "images" / named[picture.id])
    for work in [w for w in plan.works if w.split == "reference"][:SHOWN_WORKS]:
        named[work.id] = f"work-{work.id}.png"
        path = out / "images" / named[work.id]
        if not path.exists():
            write_atomic(path, encode_png(thumbnail(store.get_pixels(work.pixels))))
    return named
