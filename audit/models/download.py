"""Fetch a known model or published file, when a person asks for it: the only code that downloads weights.

huggingface_hub is not used for it: since 1.x it begins every file anew in a process of its own, and
these are files of 4 to 7 GB.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from audit.base.errors import BadInput, BadModel
from audit.base.files import NotRead, file_digest
from audit.base.messages import Value, say
from audit.base.progress import Progress
from audit.models.cards import Card, Download, cards, models_folder
from audit.store import storage_errors

HUB = "https://huggingface.co"
CHUNK = 1 << 20
TRIES = 5
"""Connections in a row that may bring nothing before the download gives up."""
TIMEOUT = 30.0
ROOM = 1 << 30
"""Bytes that must stay free on the disk beside the model."""


def host() -> str:
    """Name of the machine that is asked."""
    return urlsplit(os.environ.get("HF_ENDPOINT", HUB)).netloc


def partial_of(target: Path) -> Path:
    """What came so far of a file."""
    return target.with_name(f"{target.name}.partial")


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
    refuse_offline()
    return fetch_file(download, models_folder() / name / download.file, progress, name=name)


def refuse_offline() -> None:
    """Raise BadInput `offline` where the user's environment forbids downloads."""
    if os.environ.get("HF_HUB_OFFLINE", "").strip().lower() in ("1", "true", "yes", "on"):
        raise BadInput("offline")


def fetch_file(download: Download, target: Path, progress: Progress, *, name: str) -> Path:
    """Download one file, or go on where an earlier attempt stopped; returns `target`.

    Args:
        name: what the file is for, in messages.

    Raises:
        BadInput, BadModel, StorageError: as `fetch`.
    """
    folder, partial = target.parent, partial_of(target)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock", timeout=0):
                if target.is_file() and _is(target, download):
                    return target
                _room_for(download, folder, had=partial.stat().st_size if partial.is_file() else 0)
                _bring(download, partial, progress)
                progress.say(say("now.checking"))
                if not _is(partial, download):
                    partial.unlink()
                    raise BadModel("download-wrong", name=name)
                os.replace(partial, target)
        except Timeout as error:
            raise BadInput("download-busy", name=name) from error
    return target


def _is(path: Path, download: Download) -> bool:
    if download.sha256:
        return file_digest(path) == download.sha256
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == download.git_sha1


def stated_by_hub(repo: str, file: str, *, revision: str = "main") -> Download | None:
    """What the hub states of a file: commit, size and SHA-256, or of a small file Git's own digest; None without one.

    Raises:
        BadInput: `download-failed`, when it does not answer.
    """
    request = urllib.request.Request(_address(repo, revision, file), method="HEAD")
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT) as answer:
            told = answer.headers
    except urllib.error.HTTPError as error:
        if error.code not in (301, 302, 303, 307, 308):
            raise BadInput("download-failed", model=repo, why=str(error)) from error
        # The digest stands in the answer that sends the reader on, not where the file lies.
        told = error.headers
    except (OSError, http.client.HTTPException) as error:
        raise BadInput("download-failed", model=repo, why=str(getattr(error, "reason", error))) from error
    digest = (told.get("X-Linked-Etag") or told.get("ETag") or "").removeprefix("W/").strip('"')
    size = told.get("X-Linked-Size") or told.get("Content-Length") or ""
    if not size.isdigit() or not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", digest):
        return None
    known = {"sha256": digest} if len(digest) == 64 else {"sha256": "", "git_sha1": digest}
    commit = told.get("X-Repo-Commit") or revision
    return Download.model_validate({"repo": repo, "revision": commit, "file": file, "bytes": int(size), **known})


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _address(repo: str, revision: str, file: str) -> str:
    return f"{os.environ.get('HF_ENDPOINT', HUB)}/{repo}/resolve/{revision}/{file}"


def _room_for(download: Download, folder: Path, *, had: int) -> None:
    missing = download.bytes - had + ROOM
    if shutil.disk_usage(folder).free < missing:
        raise BadInput("download-no-room", gb=missing / 1000000000.0)


def _bring(download: Download, partial: Path, progress: Progress) -> None:
    """Fill `partial`, over as many connections as it takes."""
    address = _address(download.repo, download.revision, download.file)
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
            said = str(getattr(error, "reason", error)) or type(error).__name__
            why = error.said if isinstance(error, NotRead) else said
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
                    raise NotRead(say("server-sends-more"))
                progress.update(round(had / 1e6))
    return wanted is None or had >= wanted
