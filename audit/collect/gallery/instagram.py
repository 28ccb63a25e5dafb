"""Instagram's archive in JSON: posts under `your_instagram_activity/`, their pictures under `media/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from audit.collect.gallery.archive import Archive
from audit.collect.gallery.post import Post, as_rows, day_of, out_by_name, words_of

POSTS = re.compile(
    r"(?P<root>(?:[^/]+/)*?)(?:your_instagram_activity/)?(?:content|media)/(?P<kind>posts|archived_posts)(?:_\d{1,4})?\.json"
)
_OTHER = re.compile(r"(?P<root>(?:[^/]+/)*?)(?:your_instagram_activity/)?(?:content|media)/(?P<kind>\w{1,40})\.json")
OLD = re.compile(r"(?P<root>(?:[^/]+/)*?)media\.json")
"""Of archives before 2021: one list of photos, with `caption`, `taken_at` and `path`."""
_KINDS = {
    "stories": "story",
    "profile_photos": "avatar",
    "reels": "video",
    "igtv_videos": "video",
    "recently_deleted_content": "deleted",
}


def read_instagram(archive: Archive) -> Iterator[Post]:
    """Pictures of posts, archived ones too; those of stories and profiles are marked as left out.

    Raises:
        Unreadable: a file of posts is no JSON.
    """
    told: set[str] = set()
    for path in archive.paths:
        if found := POSTS.fullmatch(path):
            for row in as_rows(archive.json(path)):
                yield from _of_post(row, found["root"], told)
        elif found := OLD.fullmatch(path):
            rows = archive.json(path)
            for row in as_rows(rows.get("photos") if isinstance(rows, dict) else None):
                yield from _picture(row.get("path"), row.get("caption"), row.get("taken_at"), found["root"], told)
    for path in archive.paths:
        found = _OTHER.fullmatch(path)
        if found and found["kind"] in _KINDS:
            for uri in _uris(archive.json(path)):
                if found["root"] + uri not in told:
                    yield Post(found["root"] + uri, out=_KINDS[found["kind"]])


def _of_post(row: dict[str, Any], root: str, told: set[str]) -> Iterator[Post]:
    media = list(as_rows(row.get("media"))) or ([row] if "uri" in row else [])
    for entry in media:
        # A post of several pictures has one text; each of a single one's fields may hold it.
        text = row.get("title") or entry.get("title")
        when = row.get("creation_timestamp") or entry.get("creation_timestamp")
        yield from _picture(entry.get("uri"), text, when, root, told)


def _picture(uri: Any, text: Any, when: Any, root: str, told: set[str]) -> Iterator[Post]:
    if isinstance(uri, str) and not uri.startswith("http") and root + uri not in told:
        told.add(root + uri)
        yield Post(root + uri, words_of(mended(text)), day_of(when), out_by_name(uri))


def mended(text: Any) -> Any:
    """Text whose UTF-8 was written byte by byte as Latin-1, as Meta's archives do; any other as it is."""
    try:
        return text.encode("latin-1").decode("utf-8") if isinstance(text, str) else text
    except UnicodeError:
        return text


def _uris(value: Any) -> Iterator[str]:
    """Every `uri` of a file in its order, however deep."""
    queue = [value]
    while queue:
        at = queue.pop()
        if isinstance(at, dict):
            if isinstance(at.get("uri"), str):
                yield at["uri"]
            queue.extend(at.values())
        elif isinstance(at, list):
            queue.extend(at)
