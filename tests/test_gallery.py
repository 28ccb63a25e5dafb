"""`gallery`: download archives in each service's layout, what is taken and left, and archives made to do harm."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import stat
import zipfile
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from audit.base.errors import AuditError, BadInput
from audit.base.progress import Progress
from audit.cli import app
from audit.collect import collect
from audit.collect.gallery import archive as bounds
from audit.collect.gallery.post import day_of, words_of
from audit.commands import gallery as command
from audit.commands.gallery import import_gallery
from audit.images import open_picture
from tests import downloads as made


def taken(*archives, out, service=None):
    return import_gallery(archives, out=out, service=service, progress=Progress())


def table(out):
    return list(csv.DictReader(io.StringIO((out / "gallery.csv").read_text(encoding="utf-8-sig"))))


def caption(out, file):
    path = out / f"{file.rpartition('.')[0]}.txt"
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
def test_the_archive_of_x(tmp_path, packed):
    files = made.x_archive("twitter-2024-01-02-me/")
    source = (made.zipped if packed else made.laid_out)(tmp_path / "x.zip", files)
    found = taken(source, out=tmp_path / "art")
    assert (found.service, found.first, found.last) == ("X", "2018-10-10", "2019-03-02")
    assert found.left == dict.fromkeys(["repost", "reply", "video", "size", "screenshot", "avatar", "message"], 1)
    rows = [row for row in table(tmp_path / "art") if row["file"]]
    assert [row["path"].rpartition("/")[2] for row in rows] == [
        "100-aaa.jpg", "100-bbb.jpg", "103-eee.jpg", "200-jjj.jpg"
    ]  # fmt: skip
    assert caption(tmp_path / "art", found.works[0]) == "A castle at night, two ways & more"
    # Byte for byte what the archive holds, the larger of two sizes.
    assert (tmp_path / "art" / found.works[0]).read_bytes() == made.picture(1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["art", "x.zip"]


def test_an_account_that_the_archive_does_not_name_makes_every_reply_one_to_others(tmp_path):
    files = made.x_archive()
    del files["data/account.js"]
    assert taken(made.zipped(tmp_path / "x.zip", files), out=tmp_path / "art").left["reply"] == 2


@pytest.mark.parametrize("at", ["your_instagram_activity/content/", "your_instagram_activity/media/", "content/"])
def test_the_archive_of_instagram_in_two_parts(tmp_path, at):
    files = made.instagram_archive(at)
    last = {name: files.pop(name) for name in list(files) if name.startswith("media/posts/202302")}
    parts = [made.zipped(tmp_path / "part1.zip", files), made.zipped(tmp_path / "part2.zip", last)]
    found = taken(*parts, out=tmp_path / "art")
    assert found.left == dict.fromkeys(["missing", "video", "story", "avatar", "message"], 1)
    rows = {row["path"].rpartition("/")[2]: row for row in table(tmp_path / "art") if row["file"]}
    assert set(rows) == {"1.jpg", "2.jpg", "3.webp", "6.jpg"}
    assert rows["2.jpg"]["caption"] == "Süße Träume, 夜の城 🌙"
    assert (rows["3.webp"]["caption"], rows["3.webp"]["date"]) == ("Fähre", "2023-02-04")
    assert (rows["6.jpg"]["file"], rows["6.jpg"]["caption"]) == ("undated-0004.jpg", "older")


def test_an_old_archive_of_instagram(tmp_path):
    photos = [{"caption": mangled, "taken_at": "2017-05-01T10:00:00", "path": "photos/201705/a.jpg"}
              for mangled in [made.mangled("Bäume")]]  # fmt: skip
    files = {"media.json": made.dumped({"photos": photos}), "photos/201705/a.jpg": made.picture(1)}
    taken(made.zipped(tmp_path / "old.zip", files), out=tmp_path / "art")
    assert [(r["caption"], r["date"]) for r in table(tmp_path / "art")] == [("Bäume", "2017-05-01")]


@pytest.mark.parametrize(
    ("files", "service", "works", "left"),
    [
        (
            made.artstation_archive(), "ArtStation",
            [("harbour-1.jpg", "Harbour & cranes", "2021-06-05"), ("harbour-2.jpg", "Harbour & cranes", "2021-06-05")],
            {"others": 2, "size": 1, "video": 1},
        ),
        (
            made.deviantart_archive(), "DeviantArt",
            [("fox_by_me_dabc123-fullview.png", "Fox in the snow", "2019-01-01"),
             ("owl_by_me_dabc124.jpg", "Owl", "2019-05-06")],
            {"others": 2, "size": 1},
        ),
        (
            made.pixiv_archive(), "Pixiv",
            [("102932581_p0.png", "橋と鹿", "2022-11-19"), ("102932582_p0.jpg", "Three pages", "2022-12-01"),
             ("102932582_p1.jpg", "Three pages", "2022-12-01")],
            {"size": 1, "thumbnail": 1, "video": 1, "nested": 1},
        ),
    ],
    ids=["artstation", "deviantart", "pixiv"],
)  # fmt: skip
def test_the_archives_of_portfolios(tmp_path, files, service, works, left):
    found = taken(made.zipped(tmp_path / "mine.zip", files), out=tmp_path / "art")
    assert found.service == service
    rows = [row for row in table(tmp_path / "art") if row["file"]]
    assert [(r["path"].rpartition("/")[2], r["caption"], r["date"]) for r in rows] == works
    assert found.left == left


def test_an_audit_reads_the_folder_with_its_captions(tmp_path):
    files = made.instagram_archive()
    posts = json.loads(files["your_instagram_activity/content/posts_1.json"])
    for number in range(20, 32):
        uri = f"media/posts/202304/{number}.jpg"
        posts.append({"media": [{"uri": uri, "creation_timestamp": 1680000000, "title": f"work {number}"}]})
        files[uri] = made.picture(number)
    files["your_instagram_activity/content/posts_1.json"] = made.dumped(posts)
    made.zipped(tmp_path / "i.zip", files)
    done = CliRunner().invoke(app, ["gallery", str(tmp_path / "i.zip"), "--out", str(tmp_path / "art")])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path / "art")
    assert "cloakcheck plan --originals" in done.stdout
    read = collect(
        originals=tmp_path / "art", protected={}, artist="", save=lambda p: "0" * 64, progress=lambda *_: None
    )
    assert len(read.works) == 16
    assert "work 20" in {work.caption for work in read.works}
    assert [n for n in read.notes if n.said.slug.endswith("left-out")] == []


# --- archives that would do harm -----------------------------------------------------------------------


def test_names_that_lead_outside_and_links_are_left_out(tmp_path):
    files = made.x_archive()
    path = made.zipped(tmp_path / "x.zip", files)
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("../../evil.jpg", "/etc/evil.jpg", "C:/evil.jpg", "data/..\\..\\evil.jpg", "data//evil.jpg"):
            archive.writestr(zipfile.ZipInfo(name), made.picture(50))
        link = zipfile.ZipInfo("data/tweets_media/100-link.jpg")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, b"/etc/passwd")
    home = tmp_path / "home"
    home.mkdir()
    found = taken(path, out=home / "art")
    assert (found.left["name"], found.left["link"], len(found.works)) == (5, 1, 4)
    assert sorted(p.name for p in home.iterdir()) == ["art"]
    assert not list(tmp_path.rglob("evil*"))
    assert all(row["file"] == "" or "/" not in row["file"] for row in table(home / "art"))


def test_links_of_a_folder_are_not_followed(tmp_path):
    source = made.laid_out(tmp_path / "x", made.x_archive())
    (tmp_path / "secret.jpg").write_bytes(made.picture(60))
    (source / "data/tweets_media/100-secret.jpg").symlink_to(tmp_path / "secret.jpg")
    (source / "data/tweets_media/more").symlink_to(tmp_path)
    os.mkfifo(source / "data/tweets_media/100-pipe.jpg")
    assert taken(source, out=tmp_path / "art").left["link"] == 2


def test_a_name_that_is_held_twice_counts_once(tmp_path):
    path = made.zipped(tmp_path / "x.zip", made.x_archive())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("data/tweets_media/100-aaa.jpg", made.picture(70))
    found = taken(path, out=tmp_path / "art")
    assert found.left["double"] == 1
    assert (tmp_path / "art" / found.works[0]).read_bytes() == made.picture(1)


def bomb(path):
    made.zipped(path, {**made.x_archive(), "data/big.bin": b""})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"data/big.bin") - 46
    data[at + 24 : at + 28] = (0xF0000000).to_bytes(4, "little")
    path.write_bytes(data)


def locked(path):
    made.zipped(path, made.x_archive())
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "id"),
    [
        (bomb, "gallery-unreadable.bomb"),
        (locked, "gallery-unreadable.locked"),
        (lambda p: p.write_bytes(b"no zip"), "gallery-unreadable.kind"),
        (lambda p: None, "gallery-unreadable"),
        (lambda p: made.zipped(p, {"a.txt": b"x"}), "gallery-unknown"),
        (lambda p: made.zipped(p, {"data/tweets.js": b"window.YTD.tweets.part0 = [{"}), "gallery-posts"),
        (lambda p: made.zipped(p, {"data/tweets.js": b"[" * 200_000}), "gallery-posts"),
        (lambda p: made.zipped(p, {"data/tweets.js": b"\xff\xfe"}), "gallery-posts"),
        (lambda p: made.zipped(p, {"data/tweets.js": b"[]"}), "gallery-empty.nothing"),
        (lambda p: made.zipped(p, {"data/tweets.js": b"[]", "data/x.jpg": b"x"}), "gallery-empty"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_leaves_nothing(tmp_path, make, id):
    make(tmp_path / "x.zip")
    with pytest.raises(BadInput) as caught:
        taken(tmp_path / "x.zip", out=tmp_path / "art")
    assert caught.value.said.id == id
    assert str(tmp_path) not in caught.value.sentence
    assert [p.name for p in tmp_path.iterdir()] in ([], ["x.zip"])


def test_a_text_beyond_the_bound_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "MOST_JSON_IN_ALL", 500)
    path = made.zipped(tmp_path / "x.zip", made.x_archive())
    with pytest.raises(BadInput, match="lists the posts"):
        taken(path, out=tmp_path / "art")


def test_damaged_pictures_cost_themselves_alone(tmp_path):
    files = made.x_archive()
    files["data/tweets_media/100-bbb.jpg"] = b"no picture"
    files["data/tweets_media/103-eee.jpg"] = made.picture(5)[:3000]
    path = made.zipped(tmp_path / "x.zip", files)
    data = bytearray(path.read_bytes())
    # The checksum of one entry, in the table at the end.
    data[data.rfind(b"data/tweets_media/200-jjj.jpg") - 46 + 16] ^= 1
    path.write_bytes(data)
    found = taken(path, out=tmp_path / "art")
    assert (found.left["unreadable"], len(found.works)) == (3, 1)


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    path = made.zipped(tmp_path / "x.zip", made.x_archive())
    (tmp_path / "art").mkdir()
    taken(path, out=tmp_path / "art")
    before = Counter(p.name for p in (tmp_path / "art").iterdir())
    with pytest.raises(BadInput, match="is there already"):
        taken(path, out=tmp_path / "art")
    assert Counter(p.name for p in (tmp_path / "art").iterdir()) == before


def test_more_than_an_audit_takes_leaves_out_the_oldest(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "MAX_FILES", 3)
    found = taken(made.zipped(tmp_path / "x.zip", made.x_archive()), out=tmp_path / "art")
    assert (found.left["many"], len(found.works), found.last) == (1, 3, "2019-03-02")


WORDS = """tweet id_str full_text extended_entities entities media created_at uri title path photos user author username
creation_timestamp assets image_url account accountId""".split()
SPOILT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=SPOILT, name=st.sampled_from(["data/tweets.js", "content/posts_1.json", "media.json", "pixiv/a.json"]))
def test_any_json_is_read_or_refused_in_one_sentence(tmp_path_factory, rows, name):
    home = tmp_path_factory.mktemp("case")
    files = {name: json.dumps(rows).encode(), "pixiv/data/tweets_media/1-a.jpg": b"no picture"}
    with contextlib.suppress(AuditError):
        taken(made.zipped(home / "a.zip", files), out=home / "art")


@given(st.text(max_size=200) | st.integers() | st.floats() | st.none())
def test_any_value_is_a_day_or_none_and_any_text_one_line(value):
    assert day_of(value) == "" or len(day_of(value)) == 10
    assert "\n" not in words_of(value)


def test_what_a_caption_keeps(tmp_path):
    assert words_of("https://t.co/x #tag @name\n<p>A <b>fox</b> &amp; a hen</p>more") == "A fox & a hen"
    assert words_of(None, 5, "", "!!! 😀", "owl") == "owl"
    assert day_of("Wed Oct 10 23:30:24 +0000 2018") == "2018-10-10"
    assert day_of(1672900000) == day_of("1672900000") == "2023-01-05"
    assert day_of("2021-06-05T23:00:00.000-05:00") == "2021-06-06"
    assert day_of("0001-01-01") == day_of("yesterday") == day_of(1e300) == ""
    (tmp_path / "a.jpg").write_bytes(made.picture(1))
    assert open_picture(tmp_path / "a.jpg")[1].width == 240
