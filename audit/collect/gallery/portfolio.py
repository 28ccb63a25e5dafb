"""ArtStation, DeviantArt and Pixiv: pictures, and JSON that tells of them beside each or in lists.

None of the three publishes a layout of what it hands out. Read are the records of their own public interfaces, as they
lie beside the pictures in a backup of one's gallery: a record names its picture by the file's name or address.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from audit.collect.gallery.archive import Archive, Unreadable
from audit.collect.gallery.post import Post, day_of, inside, is_picture, out_by_name, words_of

_MOST_RECORD = 16 << 20
_DEEP = 12
_MOST_RECORDS = 200_000
_ADDRESS = (
    "image_url",
    "original_image_url",
    "original",
    "large",
    "src",
    "url",
    "path",
    "file",
    "filename",
    "file_name",
)
_DATES = (
    "published_at",
    "published_time",
    "create_date",
    "created_at",
    "date",
    "createDate",
    "publishedTime",
    "uploadDate",
)
_TITLES = ("title", "illustTitle", "name")
_TEXTS = ("description", "caption", "illustComment")
_OTHERS = frozenset(
    {"favourites", "favorites", "favourite", "favorite", "bookmarks", "bookmark", "likes", "collections", "following"}
)
_AVATARS = frozenset({"avatar", "avatars", "user-profile", "background"})
_PREVIEWS = frozenset({"thumbnails", "thumbs", "thumbnail", "small_square", "micro_square", "smaller_square"})
_CROPS = re.compile(r"_(?:square|custom)\d{2,4}$|[-_](?:thumb|icon|(?:small|micro|smaller)_square|150|200h|250t)$")
"""Ends of names of previews that show a part."""
_FRAME = re.compile(r"_ugoira\d+$")
_PIXIV = re.compile(r"\d{4,12}(?:-[0-9a-f]{32})?_p\d{1,4}(?:_master\d+|_square\d+|_custom\d+)?")
_DEVIANT = re.compile(r".*[-_]by[-_].+[-_]d[0-9a-z]{5,8}(?:-\w{1,20})*", re.IGNORECASE)
MARKS: Mapping[str, re.Pattern[str] | None] = {"pixiv": _PIXIV, "deviantart": _DEVIANT, "artstation": None}
"""Services by the word that names them -> what their pictures are called."""


def looks_like(archive: Archive, word: str) -> int:
    """How many of an archive's pictures bear a service's word in their path, or a name as it gives them."""
    named, found = MARKS[word], 0
    base = word in archive.name.lower()
    for path in archive.paths:
        if is_picture(path):
            stem = PurePosixPath(path).stem
            found += base or word in path.lower() or bool(named and named.fullmatch(stem))
    return found


def read_portfolio(archive: Archive) -> Iterator[Post]:
    """Every picture of the archive, with what a record tells of it; those of other people are marked as left out."""
    by_name: dict[str, list[str]] = defaultdict(list)
    pictures = [path for path in archive.paths if is_picture(path)]
    for path in pictures:
        by_name[PurePosixPath(path).name].append(path)
    told: dict[str, dict[str, Any]] = {}
    for path in archive.paths:
        if path.lower().endswith(".json"):
            _read_records(archive, path, by_name, told)
    owners = Counter(owner for record in told.values() if (owner := _owner(record)))
    own = owners.most_common(1)[0][0] if owners else ""
    for path in pictures:
        record = told.get(path, {})
        out = out_by_name(path) or _out(path, record, own)
        caption = words_of(*(record.get(name) for name in (*_TITLES, *_TEXTS)))
        date = next((day for name in _DATES if (day := day_of(record.get(name)))), "")
        yield Post(path, caption, date, out)


def _out(path: str, record: dict[str, Any], own: str) -> str:
    folders = {part.lower() for part in PurePosixPath(path).parts[:-1]}
    kind = str(record.get("subcategory") or "").lower()
    if folders & _OTHERS or kind in _OTHERS or (own and _owner(record) not in ("", own)):
        return "others"
    # Some paint backgrounds, and have a folder of them.
    if folders & (_AVATARS - {"background"}) or kind in _AVATARS:
        return "avatar"
    stem = PurePosixPath(path).stem
    if _FRAME.search(stem):
        return "video"
    cover = inside(record, "asset", "asset_type") == "cover"
    return "thumbnail" if cover or _CROPS.search(stem) or folders & _PREVIEWS else ""


def _owner(record: dict[str, Any]) -> str:
    for name in ("author", "user"):
        for field in ("username", "account", "id"):
            if value := inside(record, name, field):
                return str(value).lower()
    return str(record.get("userName") or "").lower()


def _read_records(archive: Archive, path: str, by_name: dict[str, list[str]], told: dict[str, dict[str, Any]]) -> None:
    """Records of one JSON file: of the picture beside it, or by the files that they name."""
    try:
        value = archive.json(path, limit=_MOST_RECORD)
    except Unreadable:
        # One damaged record costs one caption.
        return
    beside = _beside(archive, path)
    if beside and isinstance(value, dict):
        told[beside] = value
        return
    queue: list[tuple[Any, dict[str, Any], int]] = [(value, {}, 0)]
    for _ in range(_MOST_RECORDS):
        if not queue:
            return
        at, work, depth = queue.pop()
        if isinstance(at, dict):
            if any(isinstance(at.get(name), str) for name in _TITLES) and any(name in at for name in _DATES):
                work = at
            for name in _named(at):
                for found in by_name.get(name, ()):
                    told.setdefault(found, work or at)
            at = list(at.values())
        if isinstance(at, list) and depth < _DEEP:
            queue.extend((part, work, depth + 1) for part in reversed(at) if isinstance(part, dict | list))


def _beside(archive: Archive, path: str) -> str | None:
    bare = path[: -len(".json")]
    if is_picture(bare):
        return bare if bare in archive else None
    return next((bare + ending for ending in (".png", ".jpg", ".jpeg", ".webp") if bare + ending in archive), None)


def _named(record: dict[str, Any]) -> Iterator[str]:
    """File names that an object gives: of addresses without what follows a question mark."""
    for name in _ADDRESS:
        value = record.get(name)
        if isinstance(value, str) and len(value) < 4_000:
            file = re.split(r"[?#]", value)[0].replace("\\", "/").rpartition("/")[2]
            yield file
            if isinstance(record.get("extension"), str):
                yield f"{file}.{record['extension']}"
