"""What a model file or folder is, from its headers and configs alone: no weight is read, and torch is not loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from audit.base.messages import Said, render, say
from audit.base.record import Digest, Record
from audit.models.cards import cards, recognise
from audit.models.checkpoint import BY_READING, FLOATS, SCALES, Kind, kind_of
from audit.models.families.sd3 import SD3
from audit.models.headers import FLOAT_BYTES, Entry, read_header
from audit.models.layout import CHECKPOINT, Source, look_into, model_files, resolve
from audit.models.prediction import Prediction
from audit.runfolder.forecasts import find_forecast
from audit.store import default_store

STANDARD = "standard"
"""The preset whose time is told."""


class LookedAt(Record):
    """What `cloakcheck models PATH` says."""

    name: str
    layout: str
    """`checkpoint`, a single file, or `folder`, in diffusers layout."""
    family: str
    """As the plan names it: sd1, sd2, sdxl, sd3, zimage, flux1, flux2, qwenimage or krea2."""
    title: str
    prediction_type: str | None
    """None where neither file nor header tells; a run tests the model then, or asks."""
    source: str
    """Where the prediction type was read, in words."""
    source_kind: str | None
    zero_terminal_snr: bool
    resolution: int | None
    """Side in pixels; None where it depends on the prediction type, which nothing tells."""
    precision: str
    """Types of the weights of the denoiser."""
    variants: dict[str, str]
    """Component -> which variant of its files is opened, where it is not the plain one."""
    notes: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """Nothing, of a model that opens: one that lacks something is refused, and the sentence names it."""
    parameters: int
    weights_bytes: int
    """Memory of all weights, as they are loaded (float32)."""
    disk_bytes: int
    """Size of the files that are opened."""
    standard_seconds: float | None = None
    """Time of a `standard` audit, as `plan` or `run` foresaw it last with this model on this machine; None where
    neither has."""
    standard_of: str = ""
    """Of how many works, conditions and runs, on which device, in words; '' where nothing was foreseen."""
    file_sha256: Digest | None = None
    """Of a checkpoint, where the digest was asked for."""
    sha256: Digest | None = None
    """By which a plan names the model, where the digest was asked for and the prediction type is known."""
    published: str | None = None
    """The known model whose weights these are, where the digest was asked for."""


def look(name: str, *, asked: str | None = None, digest: bool = False) -> LookedAt:
    """What a file or folder is.

    Args:
        name: a path, or a name that `cloakcheck models` lists; digest: whether to read all of the files for their
            SHA-256.

    Raises:
        BadModel: it is something else, or cannot be opened; the sentence says what.
    """
    path = resolve(name)
    files = model_files(name) if digest else {}
    known = recognise(set(files.values()))
    found, source = _file(path, asked, known) if path.is_file() else _folder(path, asked)
    if (foreseen := find_forecast(default_store(), name, STANDARD)) is not None:
        of = say(
            "looked.standard-of",
            works=foreseen.works,
            conditions=foreseen.conditions,
            runs=foreseen.replicates,
            device=foreseen.device,
        )
        found = found.model_copy(update={"standard_seconds": foreseen.seconds, "standard_of": render(of)})
    if not digest:
        return found
    told = source.prediction is None or source.prediction.reading is not None
    return found.model_copy(
        update={
            "file_sha256": files.get(CHECKPOINT),
            "sha256": replace(source, files=files).digest() if told else None,
            "published": known,
        }
    )


def _file(path: Path, asked: str | None, known: str | None) -> tuple[LookedAt, Source]:
    kind = kind_of(path, asked=asked, known=known, sizes=False)
    given = kind.header.tensors
    entries = {part.component: [given.get(part.prefix + place.theirs) for place in part.places] for part in kind.parts}
    source = Source(path, kind.family, kind.configs, {}, kind, prediction=kind.prediction)
    told = kind.prediction.reading is not None or kind.card not in BY_READING.values()
    looked = _looked(
        source,
        resolution=source.resolution() if told and kind.fits else None,
        entries={part: [entry for entry in found if entry is not None] for part, found in entries.items()},
        disk=path.stat().st_size,
        notes=tuple(_notes(kind)),
    )
    return looked, source


def _notes(kind: Kind) -> Iterator[Said]:
    header = kind.header
    if any(name.endswith(SCALES) for name in header.tensors):
        yield say("looked.scaled")
    if header.has("model_ema."):
        yield say("looked.averaged")
    beside = header.path.with_suffix(".vae.safetensors")
    if beside.is_file():
        yield say("looked.vae", file=beside.name)
    if not kind.fits:
        yield say("looked.sizes")
    size = header.path.stat().st_size
    for card in cards().values():
        if card.download is not None and card.download.bytes == size:
            yield say("looked.published", title=card.title)


def _folder(path: Path, asked: str | None) -> tuple[LookedAt, Source]:
    source = look_into(path, asked=asked)
    headers = {part: [read_header(file) for file in weights.files] for part, weights in source.weights.items()}
    files = [file for weights in source.weights.values() for file in weights.opened]
    looked = _looked(
        source,
        resolution=source.resolution(),
        entries={part: [e for header in found for e in header.tensors.values()] for part, found in headers.items()},
        disk=sum(file.stat().st_size for file in files),
        notes=(say("looked.without-t5"),) if source.family is SD3 else (),
    )
    return looked, source


def _looked(
    source: Source, *, resolution: int | None, entries: Mapping[str, list[Entry]], disk: int, notes: tuple[Said, ...]
) -> LookedAt:
    found = source.prediction
    numbers = sum(entry.numbers for rows in entries.values() for entry in rows)
    return LookedAt(
        name=source.name,
        layout="folder" if source.kind is None else "checkpoint",
        family=source.family.label(source.configs),
        title=source.family.title,
        prediction_type="flow" if found is None else found.reading,
        source=render(_where(found)),
        source_kind=None if found is None else found.source,
        zero_terminal_snr=found is not None and found.zero_snr,
        resolution=resolution,
        precision=_precision(entries[source.family.denoiser]),
        variants={part: weights.variant for part, weights in source.weights.items() if weights.variant},
        notes=tuple(render(note) for note in notes),
        parameters=numbers,
        weights_bytes=FLOAT_BYTES * numbers,
        disk_bytes=disk,
    )


def _precision(entries: Iterable[Entry]) -> str:
    """Types of weights, that of most numbers first."""
    counted: Counter[str] = Counter()
    for entry in entries:
        counted[FLOATS.get(entry.dtype, entry.dtype)] += entry.numbers
    return " and ".join(name for name, _ in counted.most_common())


def _where(found: Prediction | None) -> Said:
    if found is None:
        return say("prediction-source.flow")
    return found.where or say("prediction-source.nowhere")
