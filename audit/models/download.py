"""Fetch a known model, when a person asks for it: the only code of the models that uses a network.

huggingface_hub is not used for it: since 1.x it begins every file anew in a process of its own, and
these are files of 4 to 7 GB.
"""

from __future__ import annotations

import http.client
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock, Timeout

from audit.base.errors import BadInput, BadModel
from audit.base.messages import Value, say
from audit.base.progress import Progress
from audit.models.cards import Card, Download, cards, models_folder
from audit.store import file_digest, storage_errors

HUB = "https://huggingface.co"
CHUNK = 1 << 20
TRIES = 5
"""Connections in a row that may bring nothing before the download gives up."""
TIMEOUT = 30.0
ROOM = 1 << 30
"""Bytes that must stay free on the disk beside the model."""


def known_card(name: str) -> Card:
    """The card of a model that can be fetched.

    Raises:
        BadInput: `model-no-card`, `model-no-download`.
    """
    if name not in cards():
        raise BadInput("model-no-card", name=name, choices=tuple(cards()))
    card = cards()[name]
    if card.download is None:
        raise BadInput("model-no-download", model=card.title)
    return card


def fetch(name: str, progress: Progress) -> Path:
    """Download a known model, or go on where an earlier attempt stopped; returns its file.

    Raises:
        BadInput: see `known_card`; `download-failed` (what came is kept), `download-busy`.
        BadModel: `download-wrong`, when the whole file is not the published one; it is deleted.
        StorageError: not enough room, or the folder cannot be written.
    """
    download = known_card(name).download
    assert download is not None
    folder = models_folder() / name
    target, partial = folder / download.file, folder / f"{download.file}.partial"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock", timeout=0):
                if target.is_file() and file_digest(target) == download.sha256:
                    return target
                _room_for(download, folder, had=partial.stat().st_size if partial.is_file() else 0)
                _bring(download, partial, progress)
                progress.say(say("now.checking"))
                if file_digest(partial) != download.sha256:
                    partial.unlink()
                    raise BadModel("download-wrong", name=name)
                os.replace(partial, target)
        except Timeout as error:
            raise BadInput("download-busy", name=name) from error
    return target


def _room_for(download: Download, folder: Path, *, had: int) -> None:
    missing = download.bytes - had + ROOM
    if shutil.disk_usage(folder).free < missing:
        raise BadInput("download-no-room", gb=missing / 1000000000.0)


def _bring(download: Download, partial: Path, progress: Progress) -> None:
    """Fill `partial`, over as many connections as it takes."""
    address = f"{os.environ.get('HF_ENDPOINT', HUB)}/{download.repo}/resolve/{download.revision}/{download.file}"
    progress.stage(say("stage.download"), round(download.bytes / 1e6))
    fruitless = 0
    while fruitless < TRIES:
        had = partial.stat().st_size if partial.is_file() else 0
        try:
            if _connect(address, partial, had=had, most=2 * download.bytes, progress=progress):
                progress.close()
                return
            why: Value = say("connection-ended")
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
                # The disk, not the network.
                raise
            why = str(getattr(error, "reason", error)) or type(error).__name__
            if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404, 410, 451):
                fruitless = TRIES
        now = partial.stat().st_size if partial.is_file() else 0
        fruitless = 0 if now > had and fruitless < TRIES else fruitless + 1
    progress.close()
    raise BadInput("download-failed", model=download.repo, why=why)


def _connect(address: str, partial: Path, *, had: int, most: int, progress: Progress) -> bool:
    """One connection; returns whether the file is whole."""
    request = urllib.request.Request(address, headers={"Range": f"bytes={had}-"} if had else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if had and error.code == 416:
            # Nothing comes after what is here: the last attempt stopped before the check.
            return True
        raise
    with answer:
        if had and answer.status != 206:
            had = 0
        length = answer.headers.get("Content-Length")
        wanted = had + int(length) if length and length.isdigit() else None
        # Opened before the first byte, so that a full disk is told from a broken connection.
        with partial.open("ab" if had else "wb") as handle:
            while chunk := answer.read(CHUNK):
                handle.write(chunk)
                had += len(chunk)
                if had > most:
                    raise http.client.HTTPException("the server sends more than the file holds")
                progress.update(round(had / 1e6))
    return wanted is None or had >= wanted
