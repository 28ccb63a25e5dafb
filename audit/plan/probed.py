"""What probes found on this machine, kept beside the store: a run that goes on need not measure again."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from audit.base.files import read_bounded
from audit.base.record import Record
from audit.executor import Engine
from audit.models.memory import Peak
from audit.records import Plan, canonical_json
from audit.runfolder.provenance import processor
from audit.store import write_atomic
from audit.store.listing import PROBES

Values = TypeVar("Values", bound=tuple[float, ...])
VERSION = 1
"""Rises when a probe measures something else."""
MOST_BYTES = 1 << 16
FOLDER = PROBES


class Found(Record):
    """One probe: what it measured, and the most memory that the process took meanwhile."""

    values: tuple[float, ...]
    peak: float


class Probed:
    """Measures once per machine, model and settings.

    Attributes:
        peak: the most bytes that the process took in any probe so far, whether measured now or before.
    """

    def __init__(self, plan: Plan, engine: Engine) -> None:
        self.plan, self.engine = plan, engine
        self.peak = 0.0
        name, cores = processor()
        made, packing = engine.environment, engine.packing
        self._machine: dict[str, Any] = {
            "version": VERSION,
            "processor": [name, cores, made.accelerator, made.device, made.precision, made.threads],
            "packages": made.packages,
            "model": engine.model.facts.sha256,
            "saving": [packing.saving.offload, packing.saving.half, packing.saving.checkpointing],
        }

    def __call__(
        self, what: str, named: Mapping[str, Any], measure: Callable[[], Values], *, units: int = 0
    ) -> tuple[float, ...]:
        """What a probe found, now or before.

        Args:
            what, named: the probe and its settings; with the machine they are its key.
            measure: answers seconds; units: that the progress counts where nothing is measured.
        """
        key = hashlib.sha256(canonical_json([what, dict(named), self._machine]).encode("ascii")).hexdigest()
        path = self.engine.store.root / FOLDER / f"{key}.json"
        found = _kept(path)
        if found is None:
            with Peak(self.engine.device) as peak:
                values = measure()
            found = Found(values=values, peak=peak.bytes)
            write_atomic(path, json.dumps(found.model_dump(mode="json")).encode("ascii"))
        else:
            self.engine.progress.advance(units)
        self.peak = max(self.peak, found.peak)
        return found.values


def _kept(path: Path) -> Found | None:
    """An earlier finding; None without one, or where the file holds none."""
    try:
        found = Found.model_validate_json(read_bounded(path, limit=MOST_BYTES))
    except (OSError, ValidationError, ValueError):
        return None
    return found if found.values and all(math.isfinite(v) and v >= 0 for v in (*found.values, found.peak)) else None
