"""`cloakcheck verify --rescore`: the bundled pictures scored again by the metrics at hand, to find edited scores.

Scores are made from pictures alone, on any machine; only rounding differs. So a score that was edited is found by
whoever has the pictures and the works, without training anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from audit.base.files import read_bounded
from audit.base.messages import Said, Value, say
from audit.base.progress import Progress
from audit.base.rng import rng
from audit.commands.bringing import artists_in, bring
from audit.evidence.contents import copies_places
from audit.evidence.sealed import CheckedPart
from audit.images import decode_png
from audit.images.drawn import noise_level
from audit.judge.asked import noise_asked
from audit.records import Cell, Generations, Plan, Results, Score
from audit.records.versions import read_record
from audit.runfolder import MOST_BYTES
from audit.runfolder.pictures import MOST_PNG_BYTES
from audit.stages.coherence import asked_subjects, reads_subjects
from audit.stages.real_works import held_out_mask
from audit.store import Store
from audit.style import Features, style_metric
from audit.style.among_real import among_real
from audit.style.picture_noise import with_noise
from audit.style.recognise import Others
from audit.style.score import View, features, metric_facts, nearest, other_artists, recognition, scores, scores_by_work
from audit.style.subject import prompt_adherence
from audit.style.visibility import kept_shares, picture_changes, plain_parts

TOLERANCE = 0.005
"""How far a score may come out otherwise elsewhere, for features worked out in another order or with less precision.
An edit of the index by a tenth moves every score by a tenth of the gain; what that is, `rescore.same` lets a reader
weigh by the greatest difference that was found."""
RATES_WITHIN = 0.02
"""The same of a share of real works, where one between two artists may fall to the other elsewhere."""
CHECK = "scores"


@dataclass(frozen=True)
class _Apart:
    """Stated and found figures of one kind."""

    what: Said
    stated: tuple[float | None, ...]
    found: tuple[float | None, ...]

    @property
    def most(self) -> float:
        """The greatest difference; infinite where one has a figure and the other has none."""
        if len(self.stated) != len(self.found):
            return float("inf")
        pairs = zip(self.stated, self.found, strict=True)
        return max((_distance(a, b) for a, b in pairs), default=0.0)


def _distance(stated: float | None, found: float | None) -> float:
    if stated is None or found is None:
        return 0.0 if stated is found else float("inf")
    return abs(stated - found)


def rescore(
    bundle: Path, *, originals: Path | None, references: Path | None, device: torch.device, progress: Progress
) -> CheckedPart:
    """Score a bundle's pictures again and compare.

    Args:
        originals: folder of the artist's works, where the bundle does not hold them.
        references: folder with a subfolder for each other artist, where the plan names any.

    Returns:
        The row of `verify`; not derived where pictures, works or every metric's weights are missing.
    """
    data = bundle / "bag" / "data"
    results = read_record(Results, read_bounded(data / "results.json", limit=MOST_BYTES), name="results.json")
    with TemporaryDirectory(prefix="cloakcheck-") as folder:
        store = Store(Path(folder))
        left = _missing(results, data, originals, references, store, progress)
        if left is not None:
            return CheckedPart(CHECK, True, left, derived=False)
        metrics, unscored = _at_hand(results)
        if not metrics:
            return CheckedPart(CHECK, True, say("rescore.no-metric", names=unscored), derived=False)
        view = View(side=results.plan.model.resolution, device=device, store=store)
        progress.stage(say("stage.score"), len(metrics) * len(results.cells))
        worst, count = _compare(results, metrics, view, progress)
        progress.close()
    if worst.most > TOLERANCE:
        return CheckedPart(CHECK, False, say("rescore.differ", what=worst.what, most=worst.most, within=TOLERANCE))
    said: dict[str, Value] = {"count": count, "metrics": metrics, "most": worst.most, "within": TOLERANCE}
    unread = any(seen.adherence for seen in results.looks) and not reads_subjects(lab=results.plan.model.lab)
    # Pictures of other settings, without the style word and of works' own subjects stay in the store.
    if unscored or unread or results.subjects or results.settings or results.untriggered:
        return CheckedPart(CHECK, True, say("rescore.part", **said))
    return CheckedPart(CHECK, True, say("rescore.same", **said))


def _missing(
    results: Results, data: Path, originals: Path | None, references: Path | None, store: Store, progress: Progress
) -> Said | None:
    """Bring every picture that scores rest on into the store; why that cannot be done, None where it was."""
    plan = results.plan
    for cell in results.cells:
        for name, digest in zip(cell.generations.files, cell.generations.pixels, strict=True):
            path = data / "images" / name
            if not path.is_file():
                return say("rescore.no-pictures")
            if store.put_pixels(decode_png(read_bounded(path, limit=MOST_PNG_BYTES))) != digest:
                return say("derived.picture", file=f"images/{name}")
    works = [f for f in (data / "originals", originals) if f is not None and f.is_dir()]
    gone = bring({w.pixels for w in plan.works}, works, store, progress)
    if gone:
        return say("rescore.no-works", count=len(gone))
    copies = [data / place for place in copies_places(plan).values() if (data / place).is_dir()]
    bring({file.pixels for file in plan.protected}, copies, store, progress)
    others = {digest for artist in plan.reference_artists for digest in artist.pixels}
    gone = bring(others, artists_in(references), store, progress)
    return say("rescore.no-references", count=len(gone)) if gone else None


def _at_hand(results: Results) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Metrics whose weights are here, the very ones; and the others."""
    weights = {m.name: m.weights_sha256 for m in results.metrics}
    names = results.plan.metrics
    same = [n for n in names if style_metric(n).present() and style_metric(n).digest() == weights.get(n)]
    return tuple(same), tuple(n for n in names if n not in same)


def _compare(results: Results, metrics: Sequence[str], view: View, progress: Progress) -> tuple[_Apart, int]:
    """The figures that are furthest apart, and how many scores were compared."""
    worst, count = _Apart(say("rescore.nothing"), (), ()), 0
    for apart in _figures(results, metrics, view, progress):
        count += len(apart.stated)
        worst = max(worst, apart, key=lambda one: one.most)
    return worst, count


def _figures(results: Results, metrics: Sequence[str], view: View, progress: Progress) -> Iterator[_Apart]:
    plan = results.plan
    others = {name: other_artists(name, plan.reference_artists, view=view) for name in metrics}
    works = {name: features(name, tuple(w.pixels for w in plan.works), view=view) for name in metrics}
    masks = [held_out_mask(plan, draw.replicate) for draw in plan.draws] or [held_out_mask(plan, 0)]
    for stated in results.metrics:
        if stated.name in metrics:
            name = stated.name
            found = metric_facts(name, works=works[name], held_out=masks, others=others[name])
            what = say("rescore.real", metric=name)
            yield _Apart(what, (*stated.real, *stated.others), (*found.real, *found.others))
            if stated.real_means:
                yield _Apart(what, stated.real_means, found.real_means)
    for cell in results.cells:
        made = cell.generations
        place: dict[str, Value] = {"condition": cell.condition, "replicate": cell.replicate}
        held_out = _held_out(plan, works, made.replicate)
        again = _scores(plan, made, others, held_out, view)
        yield from _by_metric(metrics, cell.scores, again, "rescore.cell", place)
        by_work = scores_by_work(made, held_out=held_out, view=view)
        for name, means in cell.by_work.items():
            if name in metrics:
                yield _Apart(say("rescore.by-work", metric=name, **place), means, by_work.get(name, ()))
        yield from _nearest(cell, nearest(made, held_out=held_out, others=others, view=view), place)
        if made.noise:
            seen = tuple(noise_level(view.store.get_pixels(digest)) for digest in made.pixels)
            yield _Apart(say("rescore.noise", **place), made.noise, seen)
        progress.advance(len(metrics))
    for told in results.recognition:
        if told.metric in metrics:
            rates = recognition(told.metric, works=works[told.metric], held_out=masks, others=others[told.metric])
            shares = ((told.own_rate, told.false_rate), (rates.own_rate, rates.false_rate))
            apart = _Apart(say("rescore.recognition", metric=told.metric), *shares)
            if apart.most > RATES_WITHIN:
                yield apart
    yield from _visibility(results, view.store)
    yield from _noise_controls(results, metrics, works, others, view)
    yield from _tone_controls(results, metrics, view)
    yield from _coherence(results, metrics, works, others, view)


def _nearest(cell: Cell, found: dict[str, tuple[int, ...]], place: dict[str, Value]) -> Iterator[_Apart]:
    """Whose works each picture is nearest to; what differs is told as a share of pictures."""
    for metric, stated in cell.nearest.items():
        again = found.get(metric)
        if again is None:
            continue
        what = say("rescore.nearest", metric=metric, **place)
        other = sum(a != b for a, b in zip(stated, again, strict=False))
        # One picture between two artists may fall to the other elsewhere.
        if len(stated) != len(again) or other > 1:
            yield _Apart(what, (0.0,), (other / len(again) if len(stated) == len(again) else 1.0,))


def _visibility(results: Results, store: Store) -> Iterator[_Apart]:
    """How far protected files are from their originals, of every arm whose files are all at hand."""
    plan, works = results.plan, {w.id: w.pixels for w in results.plan.works}
    stated = {(row.condition, row.work): row for row in results.visibility}
    for condition in plan.conditions:
        files = plan.copies(condition.arm) if condition.source == "protected-files" and not condition.steps else ()
        if not files or not all(store.blob_path(file.pixels).exists() for file in files):
            continue
        rows = [stated.get((condition.name, file.work)) for file in files]
        pairs = tuple((works[file.work], file.pixels) for file in files)
        changes, kept = picture_changes(pairs, store), kept_shares(pairs, store, side=plan.model.resolution)
        what = say("rescore.visibility", condition=condition.name)
        for name in ("linf", "rms", "psnr", "lpips"):
            told = tuple(None if row is None else getattr(row, name) for row in rows)
            if name != "lpips" or any(value is not None for value in told):
                yield _Apart(what, told, tuple(getattr(change, name) for change in changes))
        if condition.role == "protected":
            told = tuple(None if row is None else row.plain for row in rows)
            if any(value is not None for value in told):
                yield _Apart(what, told, plain_parts(pairs, store))
        told = tuple(None if row is None else row.kept for row in rows)
        if any(value is not None for value in told):
            yield _Apart(what, told, kept)


def _tone_controls(results: Results, metrics: Sequence[str], view: View) -> Iterator[_Apart]:
    """Pictures, works and other artists at equal tone."""
    plan, made = results.plan, {(c.condition, c.replicate): c.generations for c in results.cells}
    if not results.tone_controls:
        return
    even = replace(view, equal_tone=True)
    others = {name: other_artists(name, plan.reference_artists, view=even) for name in metrics}
    works = {name: features(name, tuple(w.pixels for w in plan.works), view=even) for name in metrics}
    for stated in results.tone_controls:
        place: dict[str, Value] = {"condition": stated.condition, "replicate": stated.replicate}
        pictures = made.get((stated.condition, stated.replicate))
        held_out = _held_out(plan, works, stated.replicate)
        again = () if pictures is None else _scores(plan, pictures, others, held_out, even)
        yield from _by_metric(metrics, stated.scores, again, "rescore.tone-control", place)


def _coherence(
    results: Results, metrics: Sequence[str], works: dict[str, Features], others: dict[str, Others], view: View
) -> Iterator[_Apart]:
    """Which pictures look like some real work, and where its CLIP is at hand, what they show of their subjects."""
    plan, made = results.plan, {(c.condition, c.replicate): c.generations for c in results.cells}
    metric = plan.primary_metric
    for stated in results.looks:
        place: dict[str, Value] = {"condition": stated.condition, "replicate": stated.replicate}
        pictures = made.get((stated.condition, stated.replicate))
        if pictures is None:
            yield _Apart(say("rescore.looks", **place), (1.0,), ())
            continue
        if metric in metrics:
            real = np.concatenate([works[metric], others[metric].features])
            seen = among_real(features(metric, pictures.pixels, view=view), real)
            # One picture on the line may fall to the other side elsewhere.
            if len(seen) != len(stated.among_real) or abs(int(seen.sum()) - sum(stated.among_real)) > 1:
                shares = ((float(np.mean(one)),) for one in (stated.among_real, seen))
                yield _Apart(say("rescore.looks", **place), *shares)
        if stated.adherence and reads_subjects(lab=plan.model.lab):
            pixels = np.ascontiguousarray(view.seen(pictures.pixels))
            subjects, asked = asked_subjects(plan, stated.replicate)
            found = prompt_adherence(pixels, subjects, asked, lab=plan.model.lab, device=view.device)
            yield _Apart(say("rescore.adherence", **place), stated.adherence, tuple(found.tolist()))


def _noise_controls(
    results: Results, metrics: Sequence[str], works: dict[str, Features], others: dict[str, Others], view: View
) -> Iterator[_Apart]:
    """Pictures with noise added, drawn again from the plan's seed."""
    plan = results.plan
    stated = {(c.condition, c.replicate, c.of): c.scores for c in results.noise_controls}
    asked = noise_asked(plan, results.cells)
    place: dict[str, Value]
    for made, of in asked:
        noisy = []
        for number, (digest, level) in enumerate(zip(of.pixels, made.noise, strict=True)):
            draw = rng("cloakcheck", plan.seed, "picture noise", made.replicate, number)
            noisy.append(view.store.put_pixels(with_noise(view.store.get_pixels(digest), level=level, rng=draw)))
        again = _scores(
            plan,
            of.model_copy(update={"pixels": tuple(noisy)}),
            others,
            _held_out(plan, works, made.replicate),
            view,
        )
        place = {"condition": made.condition, "replicate": made.replicate}
        known = stated.get((made.condition, made.replicate, of.condition), ())
        yield from _by_metric(metrics, known, again, "rescore.noise-control", place)


def _held_out(plan: Plan, works: dict[str, Features], replicate: int) -> dict[str, Features]:
    mask = held_out_mask(plan, replicate)
    return {name: rows[mask] for name, rows in works.items()}


def _scores(
    plan: Plan, made: Generations, others: dict[str, Others], held_out: dict[str, Features], view: View
) -> tuple[Score, ...]:
    return scores(made, others=others, held_out=held_out, prompts=plan.asked(made.replicate), view=view)


def _by_metric(
    metrics: Sequence[str], stated: Iterable[Score], found: Iterable[Score], id: str, place: dict[str, Value]
) -> Iterator[_Apart]:
    def of(scored: Iterable[Score], metric: str) -> tuple[float | None, ...]:
        rows = [(s.prompt, s.noise, s.value) for s in scored if s.metric == metric]
        return tuple(value for _, _, value in sorted(rows, key=lambda row: row[:2]))

    known, again = tuple(stated), tuple(found)
    for metric in metrics:
        yield _Apart(say(id, metric=metric, **place), of(known, metric), of(again, metric))
