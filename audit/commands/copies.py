"""`protect` and `treat`: one condition's pictures as files, by the same code that an audit runs.

Every picture of a folder is read, treated and written losslessly under its own name into a new
folder, with a record of what was done beside them. The folder appears whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from audit import __version__
from audit.base.errors import BadInput
from audit.base.files import file_digest, of_file_manager
from audit.base.messages import say
from audit.base.progress import Progress
from audit.base.text import printable
from audit.collect.folders import Picture, list_pictures, read_picture
from audit.collect.notes import picture_notes
from audit.conditions import parse_chain, parse_step, recipes
from audit.conditions.base import KIND_NAMES
from audit.conditions.caveats import caveats
from audit.conditions.treating import treat
from audit.images import encode_png
from audit.models.loader import load
from audit.plan.devices import pick_device
from audit.plan.machine import make_engine, memory_budget, with_surrogate
from audit.plan.settings import protect_settings
from audit.plan.spec import Spec
from audit.records import Condition, Copies, Copy, ImageSet, Note, Reached, Work
from audit.runfolder import provenance
from audit.store import Store, default_store, storage_errors
from audit.style.visibility import PictureChange, pairs_of, picture_changes

RECORD = "cloakcheck.json"
Command = Literal["protect", "treat"]
KINDS: dict[Command, tuple[str, ...]] = {"protect": ("protection", "placebo"), "treat": ("counter",)}
REFUSED: dict[Command, str] = {"protect": "treatment-option.protect", "treat": "treatment-option.treat"}
WARNED: dict[Command, str] = {"protect": "copies.protect", "treat": "copies.treat"}
"""What the record says its pictures are."""


def make_copies(command: Command, text: str, spec: Spec, progress: Progress) -> Path:
    """Write treated copies of `spec.originals` into `spec.out`.

    Args:
        text: a treatment, for `treat` several joined by `+`.
        spec: folder, models, seed and settings; conditions and training options are not read.

    Returns:
        The folder written.

    Raises:
        AuditError: as for an audit; also `treatment-option`, `out-not-empty`.
    """
    out = spec.out
    assert out is not None
    steps = parse_chain(text) if command == "treat" else (parse_step(text),)
    for step in steps:
        kind = step.treatment.kind
        if kind not in KINDS[command]:
            raise BadInput(REFUSED[command], text=step.asked, kind=KIND_NAMES[kind])
    _refuse_used(out)
    settings, device = protect_settings(spec), pick_device(spec.device)
    store = Store(spec.store or default_store())
    notes: list[Note] = []
    pictures = _read(spec.originals, store, notes, progress)
    works = [_work(picture, row) for row, picture in enumerate(pictures)]
    budget = memory_budget(device, spec.memory)
    model = load(spec.model, device=device, budget=budget, asked=spec.prediction_type, skip=spec.clip_skip)
    engine = with_surrogate(make_engine(model, store=store, progress=progress), spec.surrogate, memory=spec.memory)
    condition = Condition(name=text, role="control", steps=tuple(step.text for step in steps))
    progress.stage(say("stage.treat"), len(works) * len(steps))
    sources = [w.pixels for w in works]
    images = treat(condition, engine, works=works, sources=sources, seed=spec.seed or 0, protection=settings)
    changes = picture_changes(pairs_of(images, {w.id: w.pixels for w in works}), engine.store)
    progress.close()
    ids = {picture.file: work.id for picture, work in zip(pictures, works, strict=True)}
    attacked = (engine.surrogate or model).facts
    told = recipes([condition], surrogate=attacked, asked=settings)
    record = Copies(
        command=command,
        tool_version=__version__,
        made=provenance.now(),
        warned=say(WARNED[command]),
        declared=say("declaration") if spec.declare else None,
        treatment=text,
        recipes=told,
        model=model.facts,
        surrogate=attacked,
        seed=spec.seed or 0,
        packages=provenance.packages(),
        notes=(*notes, *picture_notes(pictures, [], ids), *caveats(told)),
        files=(),
    )
    _write(out, record, pictures, works, images, changes, store)
    return out


def _refuse_used(out: Path) -> None:
    with storage_errors(out):
        if out.exists() and (not out.is_dir() or not all(of_file_manager(p.name) for p in out.iterdir())):
            raise BadInput("out-not-empty.copies", folder=out.absolute().name)


def _read(folder: Path, store: Store, notes: list[Note], progress: Progress) -> list[Picture]:
    """All pictures of a folder; equal ones are each written again, so none is left out."""
    paths = list_pictures(folder, "given", notes)
    progress.stage(say("stage.read"), len(paths))
    found = []
    for path in paths:
        found.append(read_picture(path, "given", store.put_pixels, known=()))
        progress.update(len(found))
    progress.close()
    return found


def _work(picture: Picture, row: int) -> Work:
    return Work(
        id=f"w{row:04d}",
        name=picture.name,
        caption=picture.name or "a picture",
        sha256=picture.facts.sha256,
        pixels=picture.stored,
        width=picture.facts.width,
        height=picture.facts.height,
    )


def file_names(names: Sequence[str]) -> list[str]:
    """`cat.jpg` becomes `cat.png`; where two would share that, each keeps its whole name: `cat.jpg.png`."""
    stems = [Path(name).stem.casefold() for name in names]
    found: list[str] = []
    taken: set[str] = set()
    for name, stem in zip(names, stems, strict=True):
        whole = Path(name).stem if stems.count(stem) == 1 else name
        # `cat.jpg` beside `cat.png` is called like another one's `cat.jpg.png`.
        given, number = whole, 2
        while given.casefold() in taken:
            given, number = f"{whole} ({number})", number + 1
        taken.add(given.casefold())
        found.append(f"{given}.png")
    return found


def _write(
    out: Path,
    record: Copies,
    pictures: list[Picture],
    works: list[Work],
    images: ImageSet,
    changes: Sequence[PictureChange],
    store: Store,
) -> None:
    reached: dict[str, list[Reached]] = {}
    for entry in images.reached:
        reached.setdefault(entry.work, []).append(entry)
    partial = out.parent / f".{out.name}.{uuid.uuid4().hex}"
    with storage_errors(out.parent):
        try:
            partial.mkdir(parents=True)
            files = []
            names = file_names([picture.file for picture in pictures])
            for picture, work, name, digest, apart in zip(pictures, works, names, images.pixels, changes, strict=True):
                pixels = store.get_pixels(digest)
                (partial / name).write_bytes(encode_png(pixels))
                files.append(
                    Copy(
                        source=picture.name,
                        file=printable(name),
                        source_sha256=work.sha256,
                        sha256=file_digest(partial / name),
                        width=pixels.shape[1],
                        height=pixels.shape[0],
                        linf=apart.linf,
                        rms=apart.rms,
                        psnr=apart.psnr,
                        lpips=apart.lpips,
                        reached=tuple(reached.get(work.id, ())),
                    )
                )
            whole = record.model_copy(update={"files": tuple(files)})
            (partial / RECORD).write_text(whole.model_dump_json(indent=1) + "\n", encoding="utf-8")
            # An empty folder is replaced; one that was filled meanwhile makes this fail.
            os.replace(partial, out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
