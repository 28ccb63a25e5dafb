"""The built-in audit: a reference protection on a set of works that the lab model has never seen."""

from __future__ import annotations

from pathlib import Path

from audit.models.cards import LAB_ARTISTS
from audit.plan.spec import Spec, load_spec

ARTIST = "streamline-freehand-color"
PROTECTION = "encoder-pgd:16"
CONTROLS = ("null", "clean-again")
"""Beside the placebo that a standard audit always has: both A/A comparisons, five conditions in all."""


def demo_spec(*, preset: str | None, out: Path | None, store: Path | None, device: str | None) -> Spec:
    """The spec of `cloakcheck demo`."""
    options = {
        "originals": LAB_ARTISTS / ARTIST,
        "artist": "Streamline Freehand (built-in example)",
        "protect": (PROTECTION,),
        "control": () if preset == "quick" else CONTROLS,
        "preset": preset,
        "out": out,
        "store": store,
        "device": device,
        "declare": True,  # CC BY 4.0: NOTICE
    }
    return load_spec(options, None)
