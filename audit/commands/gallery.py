"""`gallery`: the works that lie in a download archive, as a folder that an audit reads, with captions and dates."""

from __future__ import annotations

import csv
import io
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import Said, render, say
from audit.base.private import make_private, private_file
from audit.base.progress import Progress
from audit.base.text import printable
from audit.collect.captions import inert
from audit.collect.folders import GALLERY_TABLE, MAX_FILES
from audit.collect.gallery import Archive, Post, opened, read_posts, service_of
from audit.collect.gallery.archive import Unreadable
from audit.collect.gallery.post import ending_of
from audit.collect.gallery.sizes import Appearance, appearance_of, best_of
from audit.images import MAX_FILE_BYTES
from audit.images.decoder import open_isolated
from audit.store import storage_errors

COLUMNS = ("file", "caption", "date", "reason", "path")
SMALLEST = 128
"""Pixels of the shorter side; a picture below is a preview or an icon."""
MOST_READ = 20_000
"""Pictures of one archive that are opened."""
_PHONES = frozenset(
    """640x1136 750x1334 828x1792 1080x1920 1080x2220 1080x2280 1080x2340 1080x2400 1080x2408 1125x2436 1170x2532
    1179x2556 1206x2622 1242x2208 1242x2688 1284x2778 1290x2796 1320x2868 1440x2960 1440x3040 1440x3088 1440x3120
    1440x3200""".split()
) - {"1080x1920"}
"""Screens of phones, upright; 1080x1920 is left to pictures, since many are drawn for it."""
_TOLD = b"Screenshot"
"""What phones and computers write into the metadata of a picture of their screen."""


@dataclass(frozen=True)
class Taken:
    """What became of an archive.

    Attributes:
        service: how it is called.
        works: file names in the folder that was made, in the order of their dates.
        captions: how many of them have one.
        first, last: days, '' where no date is told.
        left: why -> how many, the most first.
    """

    service: str
    works: tuple[str, ...]
    captions: int
    first: str
    last: str
    left: dict[str, int]


@dataclass(frozen=True)
class _Opened:
    """A picture that was copied and can be decoded."""

    post: Post
    copy: Path
    appearance: Appearance


def import_gallery(archives: Sequence[Path], *, out: Path, service: str | None, progress: Progress) -> Taken:
    """Copy an artist's own pictures out of a download archive, each once and in its best size.

    Args:
        archives: zips or folders; several are the parts of one download.
        out: folder to make; it may exist if it is empty.
        service: name in `SERVICES`; None tells it by the layout.

    Raises:
        BadInput: `gallery-exists`, `gallery-unreadable`, `gallery-unknown`, `gallery-service`, `gallery-posts`,
            `gallery-empty`; StorageError: the disk. The folder is then as it was.
    """
    out = Path(os.path.abspath(out))
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise BadInput("gallery-exists", folder=out.name)
    with storage_errors(out.parent):
        make_private(out.parent)
        room = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
        make_private(room)
        try:
            with opened(archives) as archive:
                row = service_of(archive, service)
                posts = read_posts(archive, row)
                found, left = _open_all(archive, posts, room, progress)
            if not found:
                counts = Counter(post.out for post in left)
                parts = [say("gallery-left", count=n, why=why_of(why)) for why, n in counts.most_common()]
                id = "gallery-empty" if parts else "gallery-empty.nothing"
                raise BadInput(id, file=archive.name, service=row.title, **({"parts": parts} if parts else {}))
            taken = _finish(found, left, room, row.title)
            if out.exists():
                out.rmdir()
            room.rename(out)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    return taken


def why_of(out: str) -> Said:
    """Why a picture is left out, to stand within a sentence."""
    return say(f"left.{out}")


def _open_all(
    archive: Archive, posts: Sequence[Post], room: Path, progress: Progress
) -> tuple[list[_Opened], list[Post]]:
    """Copies of the pictures to take that can be decoded; and the posts that are left out."""
    found: list[_Opened] = []
    left = [post for post in posts if post.out]
    # The newest first, should there be more than are opened.
    wanted = sorted((p for p in posts if not p.out), key=lambda p: (p.date, p.path), reverse=True)
    left += [replace(post, out="many") for post in wanted[MOST_READ:]]
    wanted = wanted[:MOST_READ]
    progress.stage(say("stage.read"), 0)
    for number, post in enumerate(wanted):
        copy = room / f"{number:05d}{ending_of(post.path)}"
        try:
            appearance = _open(archive, post, copy)
        except Unreadable:
            appearance = "unreadable"
        if isinstance(appearance, str):
            copy.unlink(missing_ok=True)
            left.append(replace(post, out=appearance))
        else:
            found.append(_Opened(post, copy, appearance))
        progress.count(number + 1, len(wanted))
    progress.close()
    return found, left


def _open(archive: Archive, post: Post, copy: Path) -> Appearance | str:
    """What a picture looks like once copied, or why it is left out."""
    data = archive.read(post.path, limit=MAX_FILE_BYTES)
    with os.fdopen(private_file(copy), "wb") as handle:
        handle.write(data)
    try:
        pixels, facts = open_isolated(copy)
    except BadInput:
        return "unreadable"
    sides = sorted((facts.width, facts.height))
    if sides[0] < SMALLEST:
        return "small"
    if facts.frames > 1:
        return "moving"
    if f"{sides[0]}x{sides[1]}" in _PHONES or _TOLD in data[: 64 << 10]:
        return "screenshot"
    return appearance_of(pixels, facts, size=len(data))


def _finish(found: list[_Opened], left: list[Post], room: Path, service: str) -> Taken:
    best = best_of([one.appearance for one in found])
    dated: dict[int, Post] = {}
    for index, of in enumerate(best):
        dated[of] = _together(dated.get(of, found[of].post), found[index].post)
    works = sorted(dated, key=lambda i: (dated[i].date or "9", found[i].post.path))
    left += [replace(found[i].post, out="size") for i in range(len(found)) if best[i] != i]
    left += [replace(found[i].post, out="many") for i in works[:-MAX_FILES]]
    for index in set(range(len(found))) - set(works[-MAX_FILES:]):
        found[index].copy.unlink()
    rows: list[tuple[str, ...]] = []
    names: list[str] = []
    for number, index in enumerate(works[-MAX_FILES:], start=1):
        post = dated[index]
        stem = f"{post.date or 'undated'}-{number:04d}"
        names.append(stem + found[index].copy.suffix)
        found[index].copy.rename(room / names[-1])
        if post.caption:
            _write(room / f"{stem}.txt", f"{post.caption}\n".encode())
        rows.append((names[-1], post.caption, post.date, "", found[index].post.path))
    left.sort(key=lambda post: (post.out, post.path))
    rows += [("", post.caption, post.date, render(why_of(post.out)), post.path) for post in left]
    _write(room / GALLERY_TABLE, _table(rows))
    chosen = [dated[i] for i in works[-MAX_FILES:]]
    days = sorted(post.date for post in chosen if post.date)
    counts = Counter(post.out for post in left)
    return Taken(
        service=service,
        works=tuple(names),
        captions=sum(bool(post.caption) for post in chosen),
        first=days[0] if days else "",
        last=days[-1] if days else "",
        left=dict(counts.most_common()),
    )


def _together(one: Post, other: Post) -> Post:
    """What two sizes of a picture tell: the first caption there is, and the day it was first shown."""
    days = [post.date for post in (one, other) if post.date]
    return replace(one, caption=one.caption or other.caption, date=min(days, default=""))


def _table(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([inert(printable(cell, limit=400)) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig", errors="replace")


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(private_file(path), "wb") as handle:
        handle.write(data)
