"""The services whose archives are read: a row each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from audit.base.errors import BadInput
from audit.collect.gallery import instagram, portfolio, x
from audit.collect.gallery.archive import MOST_JSON, Archive, Unreadable
from audit.collect.gallery.post import Post, Reader, is_picture, out_by_name


@dataclass(frozen=True)
class Service:
    """One service.

    Attributes:
        title: how it is called.
        read: its pictures; files of the archive of which it tells nothing are left out, or have a reason of their own.
        folders: word of a folder -> why pictures below it are left out.
    """

    title: str
    read: Reader
    folders: Mapping[str, str]


_MESSAGES = {"direct_messages_media": "message", "direct_messages_group_media": "message", "messages": "message"}
_X = {"profile_media": "avatar", "moments_media": "others", "deleted_tweets_media": "deleted", **_MESSAGES}
_INSTAGRAM = {"profile": "avatar", "stories": "story", "other": "others", "inbox": "message", **_MESSAGES}
SERVICES: Mapping[str, Service] = {
    "x": Service("X", x.read_x, _X),
    "instagram": Service("Instagram", instagram.read_instagram, _INSTAGRAM),
    "artstation": Service("ArtStation", portfolio.read_portfolio, {}),
    "deviantart": Service("DeviantArt", portfolio.read_portfolio, {}),
    "pixiv": Service("Pixiv", portfolio.read_portfolio, {}),
}


def service_of(archive: Archive, asked: str | None = None) -> Service:
    """The service that an archive is of, by its layout, or the one named.

    Raises:
        BadInput: `gallery-service`, no such; `gallery-unknown`, the archive looks like none.
    """
    if asked is not None:
        if asked.lower() not in SERVICES:
            raise BadInput("gallery-service", name=asked, choices=tuple(SERVICES))
        return SERVICES[asked.lower()]
    if _holds(archive, x.POSTS):
        return SERVICES["x"]
    if _holds(archive, instagram.POSTS) or _holds(archive, instagram.OLD):
        return SERVICES["instagram"]
    found = {word: portfolio.looks_like(archive, word) for word in portfolio.MARKS}
    word = max(found, key=lambda name: found[name])
    if not found[word]:
        raise BadInput("gallery-unknown", file=archive.name, choices=tuple(SERVICES))
    return SERVICES[word]


def read_posts(archive: Archive, service: Service) -> list[Post]:
    """One row for each picture and film of the archive, those left out with why; other files are not told.

    Raises:
        BadInput: `gallery-posts`, a file that lists posts cannot be read.
    """
    rows: dict[str, Post] = {}
    try:
        for post in service.read(archive):
            known = rows.get(post.path)
            if known is None or (known.out and not post.out):
                rows[post.path] = post
    except Unreadable as error:
        path = str(error)
        raise BadInput("gallery-posts", file=PurePosixPath(path).name, mib=MOST_JSON >> 20) from error
    for path, post in rows.items():
        if path not in archive and not post.out:
            rows[path] = Post(path, post.caption, post.date, "missing")
    for path in archive.paths:
        out = out_by_name(path)
        if path not in rows and out != "other":
            rows[path] = Post(path, out=out if out and not is_picture(path) else _by_folder(path, service))
    # What is told missing and is a film or a preview needs no row of its own twice.
    found = [*rows.values(), *(Post(path, out=why) for path, why in archive.left if _matters(path))]
    return sorted(found, key=lambda post: post.path)


def _by_folder(path: str, service: Service) -> str:
    parts = PurePosixPath(path).parts[:-1]
    return next((service.folders[part] for part in reversed(parts) if part in service.folders), "unnamed")


def _matters(path: str) -> bool:
    return out_by_name(path) != "other"


def _holds(archive: Archive, pattern: re.Pattern[str]) -> bool:
    return any(pattern.fullmatch(path) for path in archive.paths)
