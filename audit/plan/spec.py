"""What the user asks for: command-line options and, under them, an audit.toml file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from audit.base.errors import BadInput
from audit.base.files import read_bounded, reason
from audit.base.messages import render, say
from audit.plan.arms import read_arms
from audit.plan.protocols import PROTOCOLS, with_protocol
from audit.records import Margins, Record

Options = TypeVar("Options", bound=Record)

DECLARATION = render(say("declaration"))
MOST_BYTES = 1 << 20
"""Of a spec or prompt file."""
MOST_DOTS = 100
"""In one line of a spec: tomllib takes a minute over one key of 50,000 parts."""
WITH_FOLDER = "other-artist"
"""The control whose argument is a folder."""
PATHS = ("originals", "reference_artists", "prompts", "captions", "pairs", "out", "store")
PRESETS = ("quick", "standard", "court")


class Spec(Record):
    """One audit as asked for; everything not given is decided by the preset and the model.

    Every field can be set in a TOML file under its own name; `[training]`, `[sampling]`,
    `[protection]` and `[margins]` are tables of the plan's settings of the same names.
    """

    originals: Path
    """Folder with the artist's original pictures."""
    protected: dict[str, Path] = Field(default_factory=dict)
    """Name -> folder of protected copies; a folder alone is called `protected`."""
    artist: str = ""
    """A pseudonym; '' for none."""
    model: str = "lab"
    """Base model: `lab`, a known name, a checkpoint or a folder."""
    prediction_type: Literal["epsilon", "v_prediction"] | None = None
    """What the base model predicts, where its files do not tell, or tell it wrongly."""
    clip_skip: int = Field(1, ge=1, le=12)
    """Which layer of SD 1.x's text encoder is read, counted from its end; anime models are used with 2."""
    crop: Literal["square", "buckets"] | None = None
    """In which shapes models are trained on works: each in the bucket nearest to its aspect, or all as middle squares.
    None: squares on the lab model, buckets on all others, as people train them."""
    protect: tuple[str, ...] = ()
    """Reference protections, `NAME` or `NAME:ARG`."""
    against: tuple[str, ...] = ()
    """Countermeasures, `NAME` or `NAME:ARG`; several in a row joined by `+`."""
    battery: bool | None = None
    """Whether the usual ways around a protection are tried and a placebo of tone is made; None: as the preset says."""
    control: tuple[str, ...] = ()
    """Controls beside those of the preset, `NAME` or `NAME:ARG`."""
    preset: str = "standard"
    """`quick`, `standard` or `court`."""
    protocol: str = ""
    """A published comparison that fills in what is left open; see `audit.plan.protocols`."""
    replicates: int | None = Field(None, ge=1, le=1000)
    """Trainings per condition; as the preset says when not given."""
    primary_metric: str | None = None
    """Style score that decides; the one that suits the base model when not given."""
    reference_artists: Path | None = None
    """Folder with a subfolder of pictures for each other artist to recognise this one among."""
    subjects: bool = False
    """Also read which subject each picture shows; done by itself for files that Nightshade named."""
    prompts: Path | None = None
    """Text file with one subject per line, in place of a list."""
    prompt_list: str = ""
    """A shipped list by name, see `audit.plan.prompt_lists`; '' for the one that suits the base model."""
    captions: Path | None = None
    """CSV with the columns file and caption, as `cloakcheck captions` writes it and a person mended it."""
    pairs: Path | None = None
    """CSV of what a person mended of the pairs, see `audit.collect.by_hand`."""
    out: Path | None = None
    """Folder for the report; one below `reports/` when not given."""
    store: Path | None = None
    """Folder for finished steps; the user's cache when not given."""
    no_reuse: bool = False
    """Make every step anew, whatever the store holds."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""
    memory: float | None = Field(None, gt=0)
    """Budget in GB of the whole process; a share of the machine's memory when not given."""
    executor: str = "local"
    """Where tasks run: `local`, `ray` or `ray:ADDRESS`; see `audit.plan.executors`."""
    keep_node_cache: bool = False
    """Whether machines of a cluster keep the pictures and models that they were sent."""
    surrogate: str | None = None
    """Model that reference protections attack; the base model when not given."""
    draw_with: str | None = None
    """The sibling of the model that draws in its place, with what was trained; None for the model itself."""
    seed: int | None = Field(None, ge=0)
    """None: it follows from the plan."""
    planted_only: bool = False
    """No protection, controls alone: an audit of a calibration."""
    until_decided: bool = False
    """Judge after each replicate and stop when the answer is clear; `replicates` is the budget then."""
    grid: tuple[str, ...] = ()
    """Settings that a mimic chooses from beside the usual ones: a named grid, or `steps:M`, `rate:M`, `rank:N` as
    multiples of `[training]`, joined by `+`; see `audit.plan.grids`."""
    grid_prompts: int | None = Field(None, ge=1)
    """With these settings a replicate asks for so many of its prompts; for all of them where not given."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Fields of `TrainSettings` below, or a trainer's `preset`."""
    sampling: dict[str, Any] = Field(default_factory=dict)
    """Fields of `SampleSettings` below."""
    protection: dict[str, Any] = Field(default_factory=dict)
    """`steps` and `crop` of reference protections."""
    margins: Margins = Margins()
    """Fields of `Margins` below; others than the usual change the words of the verdict."""
    declare: bool = False
    """Whether somebody answers for the rights in the works: `DECLARATION`."""


def _stays_below(written: object, name: str, spec_file: Path) -> None:
    """A spec may come from somebody else: what it names to be written lies in its own folder."""
    if isinstance(written, str):
        for flavour in (PurePosixPath(written), PureWindowsPath(written)):
            if flavour.is_absolute() or flavour.drive or flavour.root or ".." in flavour.parts:
                raise BadInput("spec-path", file=spec_file.name, name=name, path=written)


def _arms_beside(given: Any, spec_file: Path) -> Any:
    """Arms of a spec file, their folders relative to that file."""
    arms = read_arms(given)
    if not isinstance(arms, dict):
        return arms
    for folder in arms.values():
        if isinstance(folder, str) and "\0" in folder:
            raise BadInput("spec-path.zero", file=spec_file.name, name="protected")
    return {name: spec_file.parent / folder if isinstance(folder, str) else folder for name, folder in arms.items()}


def _beside(control: Any, spec_file: Path) -> Any:
    """`other-artist:DIR` of a spec file, its folder relative to that file."""
    if not isinstance(control, str):
        return control
    name, folder = typed_control(control)
    return control if folder is None or name != WITH_FOLDER else f"{name}:{spec_file.parent / folder}"


def typed_control(text: str) -> tuple[str, str | None]:
    """Name and argument of a control as it was typed; None for no argument."""
    name, colon, argument = text.partition(":")
    return name, argument if colon else None


def validated(kind: type[Options], values: Mapping[str, Any], *, unfit: str = "spec-invalid") -> Options:
    """Options as a record of their kind.

    Args:
        unfit: message that points to the help of the command that was typed.

    Raises:
        BadInput: `originals-missing`; `unfit`, an unknown field or a value of the wrong type or range.
    """
    if "originals" not in values:
        raise BadInput("originals-missing")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(unfit, option=place, why=first["msg"]) from error


def load_spec(
    options: dict[str, Any], spec_file: Path | None, *, otherwise: Mapping[str, Any] = MappingProxyType({})
) -> Spec:
    """Join a TOML file and command-line options; the command line wins.

    Args:
        options: field -> value; None, empty tuples and '' mean "not given".
        otherwise: what holds where neither names originals.

    Raises:
        BadInput: unreadable TOML, an unknown key, a value of the wrong type or range.
    """
    values = {} if spec_file is None else beside(read_toml(spec_file), spec_file)
    values |= {k: v for k, v in options.items() if v not in (None, (), "")}
    if "originals" not in values:
        values = {**otherwise, **values}
    return joined(values)


def read_toml(file: Path) -> dict[str, Any]:
    """The values of a spec file, as they are written: TOML, or JSON with the same keys where its name ends so.

    Raises:
        BadInput: `spec-unreadable`.
    """
    try:
        text = read_bounded(file, limit=MOST_BYTES).decode("utf-8")
        if file.suffix.lower() == ".json":
            values = json.loads(text)
            if not isinstance(values, dict):
                raise BadInput("spec-unreadable.table", file=file.name)
            return values
        if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
            raise BadInput("spec-unreadable.dots", file=file.name)
        return tomllib.loads(text)
    except FileNotFoundError as error:
        raise BadInput("spec-unreadable.absent", file=file.name) from error
    except (OSError, ValueError, RecursionError) as error:
        # What the system says of a file ends in its whole path.
        raise BadInput("spec-unreadable", file=file.name, why=reason(error)) from error


def beside(values: Mapping[str, Any], spec_file: Path) -> dict[str, Any]:
    """Values of a spec file with its paths, which are relative to that file.

    Raises:
        BadInput: `spec-path`; `arm-name`, `arm-twice`.
    """
    placed = dict(values)
    for name in ("out", "store"):
        _stays_below(placed.get(name), name, spec_file)
    for name in PATHS:
        written = placed.get(name)
        if isinstance(written, str) and "\0" in written:
            raise BadInput("spec-path.zero", file=spec_file.name, name=name)
        if isinstance(written, str):
            placed[name] = spec_file.parent / written
    if "protected" in placed:
        placed["protected"] = _arms_beside(placed["protected"], spec_file)
    if isinstance(placed.get("control"), list):
        placed["control"] = [_beside(text, spec_file) for text in placed["control"]]
    return placed


def joined(values: dict[str, Any]) -> Spec:
    """One audit of all that was said of it.

    Raises:
        BadInput: as `load_spec`, but for what a file's text is about.
    """
    for name in PATHS:
        # An empty word on the command line arrives as the current folder.
        if name in values and str(values[name]) in ("", "."):
            values[name] = Path.cwd()
    if "protected" in values:
        arms = read_arms(values["protected"])
        if isinstance(arms, dict):
            arms = {name: Path.cwd() if str(folder) in ("", ".") else folder for name, folder in arms.items()}
        values["protected"] = arms
    values = with_protocol(values)
    spec = validated(Spec, values)
    if spec.protocol and spec.protocol not in PROTOCOLS:
        raise BadInput("protocol-unknown", protocol=spec.protocol, choices=tuple(PROTOCOLS))
    if spec.preset not in PRESETS:
        raise BadInput("preset-unknown", preset=spec.preset, choices=tuple(PRESETS))
    return spec
