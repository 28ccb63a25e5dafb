"""Take one trained add-on out of the store, for other programs; only when somebody answers for it."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.files import file_digest
from audit.records import Results
from audit.store import storage_errors
from audit.store.listing import steps_of
from audit.store.sound import is_regular
from audit.training.kohya import export_kohya
from audit.training.original_names import export_comfyui

LAYOUTS = ("kohya", "comfyui", "diffusers")


def export_adapter(
    results: Results, *, store: Path, condition: str, replicate: int, layout: str, out: Path, declared: bool
) -> Path:
    """Write the add-on of one cell of a finished run.

    An add-on that imitates an artist can do the very harm that an audit measures, so nothing exports it by itself.

    Args:
        layout: `kohya` (A1111, ComfyUI), `comfyui` (transformers, under their original names) or `diffusers`.
        declared: whether somebody declared that the works may be used so.

    Raises:
        BadInput: `layout-unknown`, `export-refused`, `cell-unknown`, `export-full`, `adapter-absent`,
            `export-family`, `out-exists`.
        StorageError: the file cannot be written.
    """
    if layout not in LAYOUTS:
        raise BadInput("layout-unknown", layout=layout, choices=LAYOUTS)
    if not declared:
        raise BadInput("export-refused")
    cell = next((c for c in results.cells if (c.condition, c.replicate) == (condition, replicate)), None)
    if cell is None or cell.adapter is None:
        names = [c.name for c in results.plan.conditions]
        raise BadInput(
            "cell-unknown", replicate=replicate, condition=condition, names=names, most=results.plan.replicates
        )
    if results.plan.training.method == "full":
        raise BadInput("export-full")
    if out.exists():
        raise BadInput("out-exists", file=out.name)
    wanted = cell.adapter.sha256
    files = (folder / "adapter.safetensors" for folder in steps_of(store, "adapter"))
    found = next((path for path in files if is_regular(path) and file_digest(path) == wanted), None)
    if found is None:
        raise BadInput("adapter-absent")
    plan = results.plan
    if layout == "diffusers":
        data = found.read_bytes()
    else:
        written = export_kohya if layout == "kohya" else export_comfyui
        data = written(found, model=plan.model, trigger=plan.trigger)
    with storage_errors(out.parent):
        partial = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
        try:
            partial.write_bytes(data)
            os.replace(partial, out)
        finally:
            partial.unlink(missing_ok=True)
    return out
