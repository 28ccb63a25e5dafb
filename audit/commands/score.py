"""`score`: pictures of a closed service beside an artist's works: collect, plan, score, judge, render."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from audit import __version__
from audit.base.errors import BadInput
from audit.base.messages import say
from audit.base.progress import Progress
from audit.base.text import printable
from audit.collect import collect, collect_references
from audit.collect.generated import collect_generated
from audit.collect.sheet import read_sheet
from audit.images import encode_png
from audit.plan.machine import pick_device, step_environment
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
    thumbnail,
    write_generated,
)
from audit.runfolder.event_log import log_event
from audit.stages.finish import finish_score
from audit.store import Store, default_store, write_atomic
from audit.style import DEFAULT_ENCODER, ENCODERS, style_metric, style_scores
from audit.style.choice import BUILT_IN, pick_metrics
from audit.style.recognise import nearest_artist
from audit.style.score import View, features, metric_facts, other_artists, recognition

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
    unit: ScoreUnit = "prompt"
    artist: str = "the artist"
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
    started, clock = provenance.now(), time.monotonic()
    device = pick_device(spec.device)
    metrics = _metrics(spec)
    store = Store(spec.store or default_store())
    plan, notes = _prepare(spec, metrics, store, progress)
    for note in notes:
        progress.say(say("now.note", note=note.said))
    store = store.working(step_environment(device, "fp32"), plan=plan.digest())
    out = spec.out or default_folder(f"{spec.artist} score", plan)
    claim(out, plan)
    session = provenance.session(threads=torch.get_num_threads(), device=f"{device.type}, fp32")
    sessions = begin_session(out, session)
    progress.say(say("now.score", digest=plan.digest(), count=len(plan.pictures), unit=plan.unit))
    found = _score_all(plan, View(side=plan.side, device=device, store=store), progress)
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
            started=started,
            clock=clock,
            device=f"{device.type}, fp32",
            plan_sha256=plan.digest(),
            plan_file_sha256=plan_file_digest(out, ScorePlan),
            sessions=sessions,
            steps_run=store.run,
            steps_reused=store.reused,
            reused_elsewhere=store.reused_elsewhere(),
            stage_seconds=progress.seconds,
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
    artist = collect(
        originals=spec.originals,
        protected=None,
        artist=spec.artist,
        seed=spec.seed,
        save=store.put_pixels,
        progress=progress.count,
    )
    folders: dict[ScoreGroup, Path] = {"named": spec.generated}
    if spec.controls is not None:
        folders["control"] = spec.controls
    if spec.other_name is not None:
        folders["other-name"] = spec.other_name
    pictures, notes = collect_generated(
        folders, sheet=sheet, works=artist.works, save=store.put_pixels, progress=progress.count
    )
    references: tuple[ReferenceArtist, ...] = ()
    if spec.reference_artists is not None:
        progress.stage(say("stage.others"), 1)
        references = collect_references(spec.reference_artists, works=artist.works, save=store.put_pixels)
        progress.advance(1)
    progress.stage(say("stage.plan"), 1)
    plan = ScorePlan(
        tool_version=__version__,
        artist=printable(spec.artist, limit=80).strip() or "the artist",
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


def _score_all(plan: ScorePlan, view: View, progress: Progress) -> _Found:
    pool, references = ([w.pixels for w in plan.works if w.split == split] for split in ("pool", "reference"))
    made = [p.pixels for p in plan.pictures]
    progress.stage(say("stage.score"), len(plan.metrics))
    metrics, recognised, scored = [], [], []
    for name in plan.metrics:
        others = other_artists(name, plan.reference_artists, view=view)
        metrics.append(metric_facts(name, pool=pool, references=references, others=others, view=view))
        recognised.append(recognition(name, pool=pool, references=references, others=others, view=view))
        own = features(name, references, view=view)
        rows = features(name, made, view=view)
        scored.append(
            PictureScores(
                metric=name,
                values=tuple(v if abs(v) < 1e6 else None for v in style_scores(name, rows, own, others).tolist()),
                nearest=tuple(nearest_artist(rows, own, others).tolist()),
            )
        )
        progress.update(len(scored))
    progress.close()
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
