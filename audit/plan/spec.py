"""What the user asks for: command-line options and, under them, an audit.toml file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from audit.base.errors import BadInput
from audit.base.files import read_bounded
from audit.base.messages import render, say
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
PATHS = ("originals", "protected", "reference_artists", "prompts", "captions", "out", "store")
PRESETS = ("quick", "standard", "court")


class Spec(Record):
    """One audit as asked for; everything not given is decided by the preset and the model.

    Every field can be set in a TOML file under its own name; `[training]`, `[sampling]`,
    `[protection]` and `[margins]` are tables of the plan's settings of the same names.
    """

    originals: Path
    protected: Path | None = None
    artist: str = "the artist"
    model: str = "lab"
    prediction_type: Literal["epsilon", "v_prediction"] | None = None
    """What the base model predicts, where its files do not tell, or tell it wrongly."""
    protect: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    preset: str = "standard"
    protocol: str = ""
    """A published comparison that fills in what is left open; see `audit.plan.protocols`."""
    replicates: int | None = Field(None, ge=1, le=1000)
    primary_metric: str | None = None
    reference_artists: Path | None = None
    """Folder with a subfolder of pictures for each other artist to recognise this one among."""
    subjects: bool = False
    """Also read which subject each picture shows; done by itself for files that Nightshade named."""
    prompts: Path | None = None
    captions: Path | None = None
    """CSV with the columns file and caption, as `cloakcheck captions` writes it and a person mended it."""
    out: Path | None = None
    store: Path | None = None
    device: str = "auto"
    memory: float | None = Field(None, gt=0)
    """Budget in GB of the whole process; a share of the machine's memory when not given."""
    surrogate: str | None = None
    seed: int = Field(0, ge=0)
    planted_only: bool = False
    """No protection, controls alone: an audit of a calibration."""
    until_decided: bool = False
    """Look after each replicate and stop when the answer is clear; `replicates` is the budget then."""
    training: dict[str, Any] = Field(default_factory=dict)
    sampling: dict[str, Any] = Field(default_factory=dict)
    protection: dict[str, Any] = Field(default_factory=dict)
    margins: Margins = Margins()
    declare: bool = False
    """Whether somebody answers for the rights in the works: `DECLARATION`."""


def _stays_below(written: object, name: str, spec_file: Path) -> None:
    """A spec may come from somebody else: what it names to be written lies in its own folder."""
    if isinstance(written, str):
        for flavour in (PurePosixPath(written), PureWindowsPath(written)):
            if flavour.is_absolute() or flavour.drive or flavour.root or ".." in flavour.parts:
                raise BadInput("spec-path", file=spec_file.name, name=name, path=written)


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


def validated(kind: type[Options], values: Mapping[str, Any]) -> Options:
    """Options as a record of their kind.

    Raises:
        BadInput: `originals-missing`; `spec-invalid`, an unknown field or a value of the wrong type or range.
    """
    if "originals" not in values:
        raise BadInput("originals-missing")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput("spec-invalid", option=place, why=first["msg"]) from error


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
    values: dict[str, Any] = {}
    if spec_file is not None:
        try:
            text = read_bounded(spec_file, limit=MOST_BYTES).decode("utf-8")
            if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
                raise BadInput("spec-unreadable.dots", file=spec_file.name)
            values = tomllib.loads(text)
        except (OSError, ValueError, RecursionError) as error:
            # What the system says of a file ends in its whole path.
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise BadInput("spec-unreadable", file=spec_file.name, why=why) from error
        for name in ("out", "store"):
            _stays_below(values.get(name), name, spec_file)
        for name in PATHS:
            written = values.get(name)
            if isinstance(written, str) and "\0" in written:
                raise BadInput("spec-path.zero", file=spec_file.name, name=name)
            # Paths in a spec file are relative to that file.
            if isinstance(written, str):
                values[name] = spec_file.parent / written
        if isinstance(values.get("control"), list):
            values["control"] = [_beside(text, spec_file) for text in values["control"]]
    values |= {k: v for k, v in options.items() if v not in (None, (), "")}
    if "originals" not in values:
        values = {**otherwise, **values}
    for name in PATHS:
        # An empty word on the command line arrives as the current folder.
        if name in values and str(values[name]) in ("", "."):
            values[name] = Path.cwd()
    values = with_protocol(values)
    spec = validated(Spec, values)
    if spec.protocol and spec.protocol not in PROTOCOLS:
        raise BadInput("protocol-unknown", protocol=spec.protocol, choices=tuple(PROTOCOLS))
    if spec.preset not in PRESETS:
        raise BadInput("preset-unknown", preset=spec.preset, choices=tuple(PRESETS))
    return spec
