"""X's archive: `data/tweets.js` and its further parts, pictures in `data/tweets_media/` by the post's id."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from audit.collect.gallery.archive import Archive
from audit.collect.gallery.post import Post, as_rows, day_of, inside, out_by_name, words_of

POSTS = re.compile(r"(?P<root>(?:[^/]+/)*?)data/(?:community-)?tweets?(?:-part\d{1,4})?\.js")
_MEDIA = re.compile(r"(?:.*/)?data/(?:community_)?tweets?_media/(?P<id>\d{1,25})-[^/]+")


def read_x(archive: Archive) -> Iterator[Post]:
    """Pictures of the account's own posts; replies to others, and what others posted, are marked as left out.

    Raises:
        Unreadable: a file of posts is no JSON.
    """
    media: dict[str, list[str]] = defaultdict(list)
    for path in archive.paths:
        if found := _MEDIA.fullmatch(path):
            media[found["id"]].append(path)
    own = _account(archive)
    for path in filter(POSTS.fullmatch, archive.paths):
        for row in as_rows(archive.json(path)):
            post = row["tweet"] if isinstance(row.get("tweet"), dict) else row
            id = str(post.get("id_str") or post.get("id") or "")
            for file in media.pop(id, ()):
                yield _post(post, file, id, own)


def _post(post: dict[str, Any], file: str, id: str, own: str) -> Post:
    listed = inside(post, "extended_entities", "media") or inside(post, "entities", "media")
    shown: dict[str, Any] = {}
    for entry in as_rows(listed):
        url = entry.get("media_url_https") or entry.get("media_url")
        if isinstance(url, str) and PurePosixPath(file).name == f"{id}-{url.rpartition('/')[2]}":
            shown = entry
    text = post.get("full_text") or post.get("text")
    out = out_by_name(file)
    if (isinstance(text, str) and text.startswith("RT @")) or isinstance(post.get("retweeted_status"), dict):
        out = "repost"
    elif _other(shown.get("source_user_id_str") or shown.get("source_user_id"), own):
        out = "others"
    elif not out and _is_reply(post, own):
        out = "reply"
    return Post(file, words_of(shown.get("ext_alt_text"), text), day_of(post.get("created_at")), out)


def _is_reply(post: dict[str, Any], own: str) -> bool:
    """A post under somebody else's; a thread of one's own is none."""
    to = post.get("in_reply_to_user_id_str") or post.get("in_reply_to_user_id")
    return _other(to, own) or (to is None and post.get("in_reply_to_status_id_str") is not None)


def _other(user: Any, own: str) -> bool:
    return user is not None and str(user) != own


def _account(archive: Archive) -> str:
    """The account's number, '' where the archive lacks it: then every reply counts as one to somebody else."""
    for path in archive.paths:
        if path == "data/account.js" or path.endswith("/data/account.js"):
            for row in as_rows(archive.json(path)):
                return str(inside(row, "account", "accountId") or "")
    return ""
