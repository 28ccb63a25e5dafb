"""Fetch an encoder's published weights, when a person asks for it: the only code of the style scores with a network."""

from __future__ import annotations

from pathlib import Path

from audit.base.errors import BadInput
from audit.base.progress import Progress
from audit.models.download import fetch_file, refuse_offline, stated_by_hub
from audit.store import storage_errors, write_atomic
from audit.style import ENCODERS, csd
from audit.style.weights_paths import encoders_folder


def fetch_encoder(name: str, progress: Progress) -> Path:
    """Download what an encoder needs, or go on where an earlier attempt stopped; returns its folder.

    Raises:
        BadInput: `offline`, `encoder-no-digest`, `download-failed` (what came is kept), `download-busy`,
            `download-no-room`.
        BadModel: `download-wrong`, for a file that is not the one that the hub states; it is deleted.
        StorageError: the folder cannot be written.
    """
    published = ENCODERS[name].published
    assert published is not None
    refuse_offline()
    folder = encoders_folder() / name
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for file in published.files:
        stated = stated_by_hub(published.repo, file)
        if stated is None:
            raise BadInput("encoder-no-digest", file=file, address=published.address)
        fetch_file(stated, folder / file, progress, name=name)
    if name == csd.NAME:
        raw = folder / published.files[0]
        write_atomic(folder / csd.FILE, csd.convert(raw))
        raw.unlink()
    return folder
