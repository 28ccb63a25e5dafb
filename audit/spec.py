"""What the user asks for: command-line options and, under them, an audit.toml file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from audit.errors import BadInput, printable
from audit.records import Margins, Record

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
    protect: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    preset: str = "standard"
    replicates: int | None = Field(None, ge=1, le=1000)
    primary_metric: str | None = None
    prompts: Path | None = None
    out: Path | None = None
    store: Path | None = None
    device: str = "auto"
    memory: float | None = Field(None, gt=0)
    """Budget in GB of the whole process; a share of the machine's memory when not given."""
    surrogate: str | None = None
    seed: int = Field(0, ge=0)
    training: dict[str, Any] = Field(default_factory=dict)
    sampling: dict[str, Any] = Field(default_factory=dict)
    protection: dict[str, Any] = Field(default_factory=dict)
    margins: Margins = Margins()


def load_spec(options: dict[str, Any], spec_file: Path | None) -> Spec:
    """Join a TOML file and command-line options; the command line wins.

    Args:
        options: field -> value; None, empty tuples and '' mean "not given".

    Raises:
        BadInput: unreadable TOML, an unknown key, a value of the wrong type or range.
    """
    values: dict[str, Any] = {}
    if spec_file is not None:
        try:
            values = tomllib.loads(spec_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadInput(
                "spec-unreadable",
                f"Spec file {printable(spec_file.name)} cannot be read as TOML ({printable(str(error))}); "
                "mend it or leave out --spec.",
            ) from error
        for name in ("originals", "protected", "prompts", "out", "store"):
            # Paths in a spec file are relative to that file.
            if isinstance(values.get(name), str):
                values[name] = spec_file.parent / values[name]
    values |= {k: v for k, v in options.items() if v not in (None, (), "")}
    for name in ("originals", "protected", "prompts", "out", "store"):
        # An empty word on the command line arrives as the current folder.
        if name in values and str(values[name]) in ("", "."):
            values[name] = Path.cwd()
    if "originals" not in values:
        raise BadInput("originals-missing", "No folder of originals was given; name it with --originals DIR.")
    try:
        spec = Spec.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            "spec-invalid", f"Option '{printable(place)}' cannot be used: {printable(first['msg'])}; mend it."
        ) from error
    if spec.preset not in PRESETS:
        raise BadInput("preset-unknown", f"Preset '{printable(spec.preset)}' is unknown; choose {', '.join(PRESETS)}.")
    return spec
