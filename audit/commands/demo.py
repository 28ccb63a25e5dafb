"""The built-in audit: a reference protection on a set of works that the lab model has never seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from audit.models.cards import LAB_ARTISTS
from audit.plan.spec import Spec, load_spec

ARTIST = "streamline-freehand-color"
PROTECTION = "encoder-pgd:16"
CONTROLS = ("null", "clean-again")
"""Beside the placebo that a standard audit always has: both A/A comparisons, five conditions in all."""


def demo_spec(
    *, preset: str | None, out: Path | None, where: Mapping[str, Any] = MappingProxyType({}), no_reuse: bool = False
) -> Spec:
    """The spec of `cloakcheck demo`.

    Args:
        where: fields of the spec that say where it runs, such as store and device; None means "not given".
    """
    options = {
        "originals": LAB_ARTISTS / ARTIST,
        "artist": "Streamline Freehand (built-in example)",
        "protect": (PROTECTION,),
        "control": () if preset == "quick" else CONTROLS,
        # A demo takes minutes: its best word is for plain training.
        "battery": None if preset == "court" else False,
        "preset": preset,
        "out": out,
        **where,
        "no_reuse": no_reuse,
        "declare": True,  # CC BY 4.0: NOTICE
    }
    return load_spec(options, None)
