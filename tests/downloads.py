"""Made-up download archives in the layouts of the services, for the tests of `gallery`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from tests.e2e.folders import drawing

Files = dict[str, bytes]


def picture(seed: int, *, side: int = 240, kind: str = "JPEG", size: float = 1.0) -> bytes:
    image = Image.fromarray(drawing(seed, height=side, width=side))
    image = image.resize((round(image.width * size), round(image.height * size)), Image.Resampling.LANCZOS)
    made = io.BytesIO()
    image.save(made, kind)
    return made.getvalue()


def mangled(text: str) -> str:
    """As Meta writes text: its UTF-8 byte by byte."""
    return text.encode("utf-8").decode("latin-1")


def dumped(value: object) -> bytes:
    return json.dumps(value).encode("utf-8")


def assigned(name: str, rows: object) -> bytes:
    return f"window.YTD.{name} = ".encode() + dumped(rows)


def tweet(id: str, text: str, *media: str, **more: object) -> dict[str, object]:
    shown = [
        {"type": "photo", "media_url_https": f"https://pbs.twimg.com/media/{name}", "id_str": "9"} for name in media
    ]
    row = {
        "id_str": id,
        "id": id,
        "full_text": text,
        "created_at": "Wed Oct 10 23:30:24 +0000 2018",
        "retweeted": False,
    }
    return {"tweet": {**row, "entities": {"media": shown[:1]}, "extended_entities": {"media": shown}, **more}}


def x_archive(top: str = "") -> Files:
    """Two own posts of three pictures and a thread, a smaller repeat, and what is to be left out."""
    first = [
        tweet("100", "A castle at night, two ways &amp; more https://t.co/abc #art @somebody", "aaa.jpg", "bbb.jpg"),
        tweet("101", "RT @friend: look at this", "ccc.jpg"),
        tweet("102", "@friend thanks!", "ddd.jpg", in_reply_to_user_id_str="77", in_reply_to_status_id_str="5"),
        tweet("103", "the next one of this thread", "eee.jpg", in_reply_to_user_id_str="42"),
        tweet("104", "a film", "fff.mp4"),
        tweet("105", "again!", "ggg.jpg", created_at="Thu Nov 01 08:00:00 +0000 2018"),
        tweet("106", "gone", "hhh.jpg"),
        tweet("107", "my phone", "iii.png"),
    ]
    second = [tweet("200", "a heron", "jjj.jpg", created_at="Sat Mar 02 10:00:00 +0000 2019")]
    media = "data/tweets_media"
    screen = io.BytesIO()
    Image.new("RGB", (1170, 2532), "white").save(screen, "PNG")
    files = {
        "data/account.js": assigned("account.part0", [{"account": {"accountId": "42", "username": "me"}}]),
        "data/tweets.js": assigned("tweets.part0", first),
        "data/tweets-part1.js": assigned("tweets.part1", second),
        "data/like.js": assigned("like.part0", [{"like": {"tweetId": "1"}}]),
        f"{media}/100-aaa.jpg": picture(1),
        f"{media}/100-bbb.jpg": picture(2),
        f"{media}/101-ccc.jpg": picture(3),
        f"{media}/102-ddd.jpg": picture(4),
        f"{media}/103-eee.jpg": picture(5),
        f"{media}/104-fff.mp4": b"\0\0\0\x18ftypmp42",
        f"{media}/105-ggg.jpg": picture(1, size=0.6),
        f"{media}/107-iii.png": screen.getvalue(),
        f"{media}/200-jjj.jpg": picture(6),
        "data/profile_media/42-face.jpg": picture(7),
        "data/direct_messages_media/1-2-x.jpg": picture(8),
        "assets/js/app.js": b"// no data",
    }
    return {top + name: data for name, data in files.items()}


def instagram_archive(at: str = "your_instagram_activity/content/") -> Files:
    posts = [
        {
            "media": [
                {"uri": "media/posts/202301/1.jpg", "creation_timestamp": 1672900000, "title": ""},
                {"uri": "media/posts/202301/2.jpg", "creation_timestamp": 1672900000, "title": ""},
            ],
            "title": mangled("Süße Träume, 夜の城 🌙\n#illustration"),
            "creation_timestamp": 1672900000,
        },
        {"media": [{"uri": "media/posts/202302/3.webp", "creation_timestamp": 1675500000, "title": mangled("Fähre")}]},
        {"media": [{"uri": "media/posts/202302/4.mp4", "creation_timestamp": 1675500001, "title": "a film"}]},
        {"media": [{"uri": "media/posts/202303/5.jpg", "creation_timestamp": 1678000000, "title": "not in this part"}]},
    ]
    archived = {"ig_archived_post_media": [{"media": [{"uri": "media/archived_posts/6.jpg", "title": "older"}]}]}
    stories = {"ig_stories": [{"uri": "media/stories/7.jpg", "creation_timestamp": 1675500000, "title": ""}]}
    profile = {"ig_profile_picture": [{"uri": "media/other/8.jpg", "creation_timestamp": 1, "title": ""}]}
    return {
        f"{at}posts_1.json": dumped(posts),
        f"{at}archived_posts.json": dumped(archived),
        f"{at}stories.json": dumped(stories),
        f"{at}profile_photos.json": dumped(profile),
        "your_instagram_activity/messages/inbox/friend_1/message_1.json": dumped({"messages": []}),
        "your_instagram_activity/messages/inbox/friend_1/photos/9.jpg": picture(9),
        "media/posts/202301/1.jpg": picture(1),
        "media/posts/202301/2.jpg": picture(2),
        "media/posts/202302/3.webp": picture(3, kind="WEBP"),
        "media/posts/202302/4.mp4": b"\0\0\0\x18ftypmp42",
        "media/archived_posts/6.jpg": picture(6),
        "media/stories/7.jpg": picture(7),
        "media/other/8.jpg": picture(8),
    }


def artstation_archive() -> Files:
    """One project in a record of its own, its pictures by size as the service's addresses have them."""
    base = "https://cdna.artstation.com/p/assets/images/images/001/002"
    project = {
        "id": 5,
        "title": "Harbour &amp; cranes",
        "description": "<p>Painted in a week</p>",
        "published_at": "2021-06-05T12:00:00.000-05:00",
        "user": {"username": "me"},
        "assets": [
            {"asset_type": "image", "image_url": f"{base}/large/harbour-1.jpg?1622900000", "width": 400},
            {"asset_type": "image", "image_url": f"{base}/large/harbour-2.jpg?1622900000", "width": 400},
            {"asset_type": "video_clip", "image_url": f"{base}/large/clip.mp4"},
        ],
    }
    liked = {
        "title": "Not mine",
        "published_at": "2020-01-01",
        "user": {"username": "you"},
        "cover": {"src": "x/z.jpg"},
    }
    return {
        "artstation/projects/Db3dy.json": dumped(project),
        "artstation/projects/more.json": dumped([liked]),
        "artstation/4k/harbour-1.jpg": picture(1),
        "artstation/medium/harbour-1.jpg": picture(1, size=0.6),
        "artstation/large/harbour-2.jpg": picture(2),
        "artstation/large/z.jpg": picture(3),
        "artstation/likes/someone.jpg": picture(4),
        "artstation/large/clip.mp4": b"\0\0\0\x18ftypmp42",
    }


def deviantart_archive() -> Files:
    """A record beside each picture."""
    record = {
        "category": "deviantart",
        "subcategory": "gallery",
        "title": "Fox in the <b>snow</b>",
        "published_time": "1546300800",
        "author": {"username": "Me"},
        "description": "words",
    }
    other = {**record, "title": "Theirs", "author": {"username": "somebody"}, "subcategory": "favorite"}
    third = {**record, "title": "Owl", "published_time": "2019-05-06T07:08:09-0700"}
    return {
        "gallery/fox_by_me_dabc123-fullview.png": picture(1, kind="PNG"),
        "gallery/fox_by_me_dabc123-fullview.png.json": dumped(record),
        "gallery/fox_by_me_dabc123-pre.jpg": picture(1, size=0.6),
        "gallery/owl_by_me_dabc124.jpg": picture(2),
        "gallery/owl_by_me_dabc124.json": dumped(third),
        "gallery/their_by_you_dabc125.jpg": picture(3),
        "gallery/their_by_you_dabc125.jpg.json": dumped(other),
        "favourites/more_by_you_dabc126.jpg": picture(4),
    }


def pixiv_archive() -> Files:
    """A list of works as the service's own interface gives them, pictures beside it."""
    address = "https://i.pximg.net/img-original/img/2022/11/20/00/00/49"
    works = [
        {
            "id": 102932581,
            "title": "橋と鹿",
            "caption": "Meet a deer.",
            "create_date": "2022-11-20T00:00:49+09:00",
            "user": {"id": 7, "account": "me"},
            "meta_single_page": {"original_image_url": f"{address}/102932581_p0.png"},
        },
        {
            "id": 102932582,
            "title": "Three pages",
            "create_date": "2022-12-01T12:00:00+09:00",
            "user": {"id": 7, "account": "me"},
            "meta_pages": [{"image_urls": {"original": f"{address}/102932582_p{n}.jpg"}} for n in range(2)],
        },
    ]
    return {
        "illusts.json": dumped({"body": {"illusts": works}}),
        "102932581_p0.png": picture(1, kind="PNG"),
        "102932581_p0_master1200.jpg": picture(1, size=0.6),
        "102932581_p0_square1200.jpg": picture(9),
        "102932582_p0.jpg": picture(2),
        "102932582_p1.jpg": picture(3),
        "102932583_ugoira0.jpg": picture(4),
        "102932583_ugoira1920x1080.zip": b"PK\3\4",
    }


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def laid_out(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder
