"""The checks of `verify` of the models of a run: each is planned, none is missing, and their pictures are theirs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator
from itertools import product

from audit import __version__
from audit.base.messages import Said, say
from audit.evidence import credentials
from audit.evidence.sealed import Fails, NotDerived, Sealed
from audit.images import Pixels, decode_png, pixels_digest
from audit.images.ai_mark import is_bare
from audit.images.drawn import blank_share, changed_share, noise_level
from audit.judge.asked import changed, noise_asked, read_beside
from audit.judge.claims import is_claim
from audit.records import Cell, Plan, Results
from audit.records.plan import BASE
from audit.records.versions import PAST

_Parts = Counter[Hashable]


def check_cells(at: Sealed) -> Said:
    """Every model is one of the plan's, and none of these is missing; each has the pictures and scores it asks for."""
    plan, stated = at.results.plan, {(c.condition, c.replicate): c for c in at.results.cells}
    replicates = range(1, at.results.replicates + 1)
    planned = {(c.name, replicate) for c in plan.conditions for replicate in replicates}
    planned |= {(BASE, plan.base_of(replicate)) for replicate in replicates}
    for (condition, replicate), cell in stated.items():
        if (condition, replicate) not in planned or not _as_asked(plan, cell, strictly=at.made_here):
            raise Fails("derived.other-cell", condition=condition, replicate=replicate)
    if gone := sorted(planned - stated.keys()):
        if not at.made_here:
            raise NotDerived("derived.other-version", file="results.json", version=__version__)
        raise Fails("derived.no-cell", condition=gone[0][0], replicate=gone[0][1])
    if at.made_here:
        _check_beside(at.results)
    return say("derived.cells", count=len(stated))


def _check_beside(results: Results) -> None:
    """What was made beside: models of the grid's other settings, and readings of pictures.

    Raises:
        Fails: `derived.no-part`, `derived.other-cell`.
    """
    plan, replicates = results.plan, range(1, results.replicates + 1)
    on_grid = [c.name for c in plan.conditions if c.role == "clean" or is_claim(plan, c)]
    grid, thinned = {(name, r) for name in on_grid for r in replicates}, plan.thinned()
    if sorted(s.setting for s in results.settings) != sorted(s.name for s in plan.grid.others):
        raise Fails("derived.no-part", part=say("part.settings"))
    for setting in results.settings:
        if Counter((c.condition, c.replicate) for c in setting.cells) != Counter(grid):
            raise Fails("derived.no-part", part=say("part.settings"))
        for cell in setting.cells:
            if not _as_asked(thinned, cell, strictly=True):
                raise Fails("derived.other-cell", condition=cell.condition, replicate=cell.replicate)
    for part, stated, asked in _readings(results):
        if plan.schema_version in PAST and not (
            stated and part in ("tone", "looks")
        ):  # read less, or other parts of it
            continue
        if stated != asked:
            raise Fails("derived.no-part", part=say(f"part.{part}"))
    if plan.schema_version not in PAST and (part := _told_otherwise(results)):
        raise Fails("derived.no-part", part=say(f"part.{part}"))
    if {m.name for m in results.metrics} != {*plan.metrics} or len(results.metrics) != len(plan.metrics):
        raise Fails("derived.no-part", part=say("part.metrics"))
    names, works = {c.name for c in plan.conditions}, {w.id for w in (*plan.works, *plan.other_works)}
    shown = [(name, work) for name, of in results.treated_images.items() for work in of]
    shown += [(plan.clean, work) for work in results.work_images]
    if any(name not in names or work not in works for name, work in shown):
        raise Fails("derived.no-part", part=say("part.works"))


def _readings(results: Results) -> Iterator[tuple[str, _Parts, _Parts]]:
    """Of each part that was read beside: its name, what the results have of it, and what the plan asks for."""
    plan, replicates = results.plan, range(1, results.replicates + 1)
    named = [name for name in read_beside(plan) if name != BASE]
    beside = [*product(named, replicates), *{(BASE, plan.base_of(r)) for r in replicates}]
    yield "tone", Counter((row.condition, row.replicate) for row in results.tone_controls), Counter(beside)
    yield "looks", Counter((row.condition, row.replicate) for row in results.looks), Counter(beside)
    noisier = [(made.condition, made.replicate, of.condition) for made, of in noise_asked(plan, results.cells)]
    controls: _Parts = Counter((row.condition, row.replicate, row.of) for row in results.noise_controls)
    yield "noise", controls, Counter(noisier)
    pictures = product(plan.metrics, plan.asked(plan.base_of(1)), range(plan.sampling.per_prompt))
    untold: _Parts = Counter((score.metric, score.prompt, score.noise) for score in results.untriggered)
    yield "untriggered", untold, Counter(pictures)
    works = product([c.name for c in changed(plan)], [work.id for work in plan.treated])
    yield "visibility", Counter((row.condition, row.work) for row in results.visibility), Counter(works)


def _told_otherwise(results: Results) -> str:
    """The first part of which a row tells of other pictures or metrics than its model has; '' for none."""
    plan = results.plan
    for part, rows in (("tone", results.tone_controls), ("noise", results.noise_controls)):
        for row in rows:
            asked = product(plan.metrics, plan.asked(row.replicate), range(plan.sampling.per_prompt))
            if Counter((s.metric, s.prompt, s.noise) for s in row.scores) != Counter(asked):
                return part
    for look in results.looks:
        count = len(plan.asked(look.replicate)) * plan.sampling.per_prompt
        if len(look.among_real) != count or len(look.adherence) not in (0, count):
            return "looks"
    return ""


def _as_asked(plan: Plan, cell: Cell, *, strictly: bool) -> bool:
    """Whether a model has the pictures and works of the plan, and of every metric one score for each picture.

    Args:
        strictly: False for what another version made, whose scores may be fewer.
    """
    made, asked = (
        cell.generations,
        [(p, n) for p in plan.asked(cell.replicate) for n in range(plan.sampling.per_prompt)],
    )
    if not len(made.files) == len(made.pixels) == len(asked):
        return False
    scored = Counter((s.metric, s.prompt, s.noise) for s in cell.scores)
    if not strictly:
        return {(p, n) for _, p, n in scored} <= set(asked)
    trained = cell.adapter
    if trained is not None and (trained.condition, trained.replicate) != (cell.condition, cell.replicate):
        return False
    draw = plan.draw(cell.replicate)
    if draw is not None and cell.adapter is not None:
        again = plan.condition(cell.condition).truth == "same-works"
        if cell.adapter.works != (draw.trained_again if again else draw.trained):
            return False
    sides = [len(made.noise), *map(len, cell.nearest.values())]
    return (
        (cell.adapter is None) == (cell.condition == BASE)
        and scored == Counter((metric, p, n) for metric in plan.metrics for p, n in asked)
        and all(count in (0, len(asked)) for count in sides)
    )


def check_pictures(at: Sealed) -> Said:
    """Pictures of models have the pixels that results.json names, and no picture holds anything else."""
    at.must_be_unaltered()
    count = 0
    drawn = {name for cell in at.results.cells for name in cell.generations.files}
    seen = _Seen(at)
    for cell in at.results.cells:
        pictures = []
        for name, digest in zip(cell.generations.files, cell.generations.pixels, strict=True):
            if f"images/{name}" not in at.payload:
                continue
            data = at.read(f"bag/data/images/{name}")
            try:
                pixels = decode_png(data)
            except ValueError:
                pixels = None
            if pixels is None or pixels_digest(pixels) != digest:
                raise Fails("derived.picture", file=f"images/{name}")
            _must_be_bare(at, name, data, drawn=True)
            pictures.append(pixels)
            count += 1
        if len(pictures) == len(cell.generations.files) and not seen.fits(cell, pictures):
            if not at.made_here:
                raise NotDerived("derived.other-version", file="results.json", version=__version__)
            raise Fails("derived.picture-measures", condition=cell.condition, replicate=cell.replicate)
    for name in sorted(n.removeprefix("images/") for n in at.payload if n.startswith("images/")):
        if name not in drawn:
            _must_be_bare(at, name, at.read(f"bag/data/images/{name}"), drawn=False)
    if credentials.ROOT in at.payload and not credentials.is_root(at.read(f"bag/data/{credentials.ROOT}")):
        raise Fails("derived.other", file=credentials.ROOT, version=__version__)
    if not count:
        raise NotDerived("derived.no-pictures")
    return say("derived.pictures", count=count)


class _Seen:
    """Holds what results say of a model's pictures against the pictures, base's beside them."""

    def __init__(self, at: Sealed) -> None:
        self._at = at
        self._base: tuple[int, list[Pixels]] = (-1, [])

    def fits(self, cell: Cell, pictures: list[Pixels]) -> bool:
        """Whether shares and noise are those of these pictures."""
        made = cell.generations
        if self._at.results.plan.schema_version in PAST:  # measured in that version's way
            return True
        try:
            base = self._base_of(cell)
            changed = changed_share(pictures, base) if base else made.changed_share
        except ValueError:  # of other sizes
            return False
        if len(made.noise) not in (0, len(pictures)):
            return False
        noise = [noise_level(p) for p in pictures] if made.noise else []
        return (made.blank_share, made.changed_share) == (blank_share(pictures), changed) and all(
            math.isclose(stated, found, abs_tol=1e-9) for stated, found in zip(made.noise, noise, strict=True)
        )

    def _base_of(self, cell: Cell) -> list[Pixels]:
        """Base's pictures beside a model's; none for base itself."""
        replicate = self._at.results.plan.base_of(cell.replicate)
        if cell.condition == BASE:
            return []
        if self._base[0] != replicate:
            beside = (c for c in self._at.results.cells if (c.condition, c.replicate) == (BASE, replicate))
            names = [name for base in beside for name in base.generations.files]
            self._base = replicate, [decode_png(self._at.read(f"bag/data/images/{name}")) for name in names]
        return self._base[1]


def _must_be_bare(at: Sealed, name: str, data: bytes, *, drawn: bool) -> None:
    """A viewer may show text, further frames or other colours where a file holds such; a digest is of pixels alone."""
    if not is_bare(data, marked=drawn, credential=drawn and credentials.ROOT in at.payload):
        if not at.made_here:
            raise NotDerived("derived.other-version", file=f"images/{name}", version=__version__)
        raise Fails("derived.picture-more", file=f"images/{name}")
