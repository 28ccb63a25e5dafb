"""Pairs on the page: looked at by the command line in a process apart, shown small, mended by hand, and paged."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from audit.collect.captions import caption_of, read_captions
from audit.ui.captions import FIELD, captions_of, foreign, key_of, with_captions
from audit.ui.drafts import Draft, Drafts
from audit.ui.jobs import LOOKS, Jobs
from audit.ui.pairs import PER_PAGE, file_of, found_of
from audit.ui.thumbs import thumbnail
from tests.ui.commands import said, standing
from tests.ui.test_folders import asked_for, begun, home, name_fields, put_in  # noqa: F401
from tests.works import cloak, put, work


def wait(served, address: str, *, seconds: float = 240) -> str:
    """The page once nothing on it is under way."""
    until = time.monotonic() + seconds
    while True:
        text = served.ask(address)[2]
        if "data-again" not in text:
            return text
        assert time.monotonic() < until, text
        time.sleep(0.2)


def with_folders(served) -> str:
    address = begun(served)
    for wanted, at in (("originals", "Art/originals"), ("arm", "Art/glazed")):
        served.post(address, {"action": "take", "for": wanted, "root": "0", "at": at})
    return address


def test_a_pair_is_mended(home: Path, served):  # noqa: F811
    put(home / "Art" / "glazed" / "castle.png", cloak(work(3), seed=7))
    put(home / "Art" / "glazed" / "odd name.png", cloak(work(1)))
    folders = with_folders(served)
    pairs = folders.replace("folders", "pairs")
    status, headers, _ = served.post(folders, {"action": "next", "declare": "yes"})
    assert (status, headers["location"]) == (303, pairs)
    text = wait(served, pairs)
    assert "looks like" in text
    listed = text.partition('<ol class="pairs')[2]
    assert listed.index("castle.png") < listed.index("apple.png")
    assert str(home) not in text
    one = f"{pairs.replace('pairs', 'pictures')}/works/0.png"
    served.cookie, cookie = "", served.cookie
    assert served.ask(one)[0] == 403
    served.cookie = cookie
    for name in ("works/999", "0/999", "7/0", "x/0", "-1/0"):
        assert served.ask(f"{pairs.replace('pairs', 'pictures')}/{name}.png")[0] == 404
    choice = {"action": "choose", "arm": "protected", "work": "castle.png", "copy": "no such <file>"}
    assert 'value="no such &lt;file&gt;"' in served.post(pairs, choice)[2]
    served.post(pairs, {"action": "choose", "arm": "protected", "work": "castle.png", "copy": "odd name.png"})
    served.post(pairs, {"action": "leave-copy", "arm": "protected", "copy": "castle.png"})
    served.post(pairs, {"action": "leave", "work": "fox.png"})
    for hostile in ({"work": "../x"}, {"work": "gone.png"}):
        assert served.post(pairs, {"action": "leave", **hostile})[0] == 400
    assert "Look again with your changes" in served.ask(pairs)[2]
    served.post(pairs, {"action": "look"})
    text = wait(served, pairs)
    assert "looks like" not in text
    assert "Paired by hand." in text
    assert "<bdi>fox.png</bdi>" not in text
    draft = asked_for(served, folders)
    assert draft.left_out == ("fox.png",)
    assert ("protected", "", "fox.png") in draft.chosen


def test_captions_are_written_in_place(home: Path, served):  # noqa: F811
    (home / "Art" / "originals" / "apple.txt").write_text('"><script>alert(1)</script>\u202e')
    folders = with_folders(served)
    pairs = folders.replace("folders", "pairs")
    served.post(folders, {"action": "next", "declare": "yes"})
    text = wait(served, pairs)
    assert ("<script>alert" in text, "&gt;&lt;script&gt;alert(1)" in text, "\u202e" in text) == (False, True, False)
    castle, fox, apple = (FIELD + key_of(f"{name}.png") for name in ("castle", "fox", "apple"))
    assert f'name="{castle}" form="go" value="castle"' in text
    # An empty field is no caption of nothing, and what is no work's has none.
    more = {castle: ' =a  castle\non "a hill"\u202e ', apple: " ", FIELD + "0" * 16: "x"}
    status, headers, _ = served.post(pairs, {"action": "captions", "page": "1", **more})
    assert (status, headers["location"]) == (303, f"{pairs}?page=1")
    text = served.ask(pairs)[2]
    assert 'value="=a castle on &#34;a hill&#34;"' in text
    assert "1 caption is yours." in text
    assert "Go on to the plan" in text  # no pair changed
    draft = asked_for(served, folders)
    table = read_captions(Path(draft.captions))
    assert (len(table), table["castle.png"], table["fox.png"]) == (12, '=a castle on "a hill"', "fox")
    assert Path(draft.captions).stat().st_mode & 0o077 == 0
    spec, _ = Drafts(served.door).spec(draft, preset="quick")
    assert json.loads(spec.read_text())["captions"] == draft.captions
    # Every button of the form takes them along, and pairs that are changed keep them.
    served.post(pairs, {"action": "undo", fox: "a red fox", castle: ""})
    written = asked_for(served, folders)
    assert read_captions(Path(written.captions))["fox.png"] == "a red fox"
    assert "castle on" not in Path(written.captions).read_text()
    served.post("/language", {"code": "de"})
    assert "Bildunterschrift von fox.png" in served.ask(pairs)[2]
    assert served.post(pairs, {"action": "captions", fox: "x"}, Origin="http://evil.example")[0] == 403
    served.post(pairs, {"action": "captions", fox: ""})
    assert asked_for(served, folders).captions == ""


def test_captions_of_strange_names_find_their_files(served):
    drafts = Drafts(served.door)
    draft = drafts.new("own")
    names = ["=1.png", "a\nb.png", os.fsdecode(b"\xff.png"), "Über.PNG", "'x.png"]
    looked = {"captions": [{"file": name, "caption": "a picture", "source": "none"} for name in names]}
    fields = {FIELD + key_of(name): f"number {i}" for i, name in enumerate(names)}
    draft = with_captions(drafts, draft, looked, fields)
    table = read_captions(Path(draft.captions))
    assert [caption_of(table, name) for name in names] == list(fields.values())
    assert [one.text for one in captions_of(draft, looked).values()] == list(fields.values())
    Path(draft.captions).unlink()  # a run would say so; the page shows what was there
    assert {one.text for one in captions_of(draft, looked).values()} == {"a picture"}
    assert foreign(captions_of(draft, looked)) is None
    german = ["altes schloss am see", "drei kleine hunde im schnee", "regen über den dächern", "frau mit schirm", "x"]
    draft = with_captions(drafts, draft, looked, dict(zip(fields, german, strict=True)))
    said = foreign(captions_of(draft, looked))
    assert said is not None
    assert said.id == "captions-foreign"
    assert drafts.change(draft, arms=(("a", "/b"),)).captions
    assert not drafts.change(draft, originals="/other").captions


def test_pictures_are_small_and_read_apart(home: Path, served):  # noqa: F811
    put(home / "Art" / "originals" / "apple.png", work(10, height=900, width=1200))
    folders = with_folders(served)
    served.post(folders, {"action": "next", "declare": "yes"})
    wait(served, folders.replace("folders", "pairs"))
    import http.client

    link = http.client.HTTPConnection("127.0.0.1", served.port)
    path = f"{folders.replace('folders', 'pictures')}/works/0.png"
    for _ in range(2):  # the second from what was kept
        link.request("GET", path, headers={"Cookie": served.cookie})
        answer = link.getresponse()
        data = answer.read()
        assert (answer.status, answer.headers["content-type"], data[:4]) == (200, "image/png", b"\x89PNG")
        assert int.from_bytes(data[16:20]) == 320
    # What became a link since is not followed.
    (home / "Art" / "originals").rename(home.parent / "moved")
    (home / "Art" / "originals").symlink_to(home.parent / "moved")
    link.request("GET", path, headers={"Cookie": served.cookie})
    answer = link.getresponse()
    answer.read()
    assert answer.status == 404
    link.close()


def test_a_file_that_is_gone_or_no_picture_has_none(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    for name in ("bad.png", "gone.png", "a\0b.png"):
        assert thumbnail(tmp_path / name, kept=tmp_path / "kept") is None
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("gave", ["", "[]", "{}", '{"works": 3, "arms": []}'])
def test_a_look_that_gave_nothing_may_be_had_again(home: Path, served, gave):  # noqa: F811
    folders = with_folders(served)
    pairs = folders.replace("folders", "pairs")
    with standing(served) as commands:
        assert "have not been looked at" in served.ask(pairs)[2]
        assert served.ask(f"{folders.replace('folders', 'pictures')}/works/0.png")[0] == 404
        served.post(folders, {"action": "next", "declare": "yes"})
        (job,) = commands.waiting()
        commands.ends(job)
        (job.folder / "out").write_text(gave)
        text = served.ask(pairs)[2]
        assert "have not been looked at" in text
        assert "data-again" not in text
        assert served.post(pairs, {"action": "leave", "work": "fox.png"})[0] == 303
        assert asked_for(served, folders).left_out == ()
        assert served.post(pairs, {"action": "look"}, Origin="http://evil.example")[0] == 403


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "", "..", 7, None])
def test_a_look_that_names_other_files_shows_none(name):
    draft = Draft("0" * 16, originals="/home/ann/art", arms=(("glaze", "/home/ann/glazed"),))
    looked = {"works": [name], "arms": [{"name": "glaze", "files": [name]}, {"name": "gone", "files": ["a.png"]}]}
    for which in ("works", "0", "1"):
        assert file_of(draft, looked, which, 0) is None


def test_five_thousand_pictures_come_in_pages(served):
    """A look of that size, as the command line would write it: no page holds more than a few."""
    drafts = Drafts(served.door)
    draft = drafts.change(drafts.new("own"), originals="/art", arms=(("protected", "/glazed"),))
    jobs = Jobs(served.door, cwd=served.reports)
    _, asked = drafts.spec(draft, preset="standard")
    names = [f"{i:04d}.png" for i in range(5000)]
    pair = {"matched_by": "name", "distance": 1.0, "unsure": False, "problem": None}
    arm = {"name": "protected", "files": names, "pairs": [{"work": n, "copy": n, **pair} for n in names]}
    said = [{"file": n, "caption": "a" * 200, "source": "sidecar"} for n in names]
    rest = {"alone": [], "extra": [], "unclear": [], "unusable": []}
    folder = jobs.folder / f"{time.time_ns():016x}-00000000"
    folder.mkdir(parents=True)
    facts = {"lane": LOOKS, "draft": draft.id, "kind": "pairs", "preset": "", "out": "", "artist": "", "words": []}
    (folder / "job.json").write_text(json.dumps({**facts, "asked": asked, "cwd": os.getcwd()}))
    (folder / "out").write_text(
        json.dumps({"works": names, "captions": said, "unusable": [], "arms": [arm | rest], "notes": []})
    )
    (folder / "code").write_text("0")
    begun_at = time.monotonic()
    text = served.ask(f"/audits/{draft.id}/pairs?page=200")[2]
    assert time.monotonic() - begun_at < 5
    assert text.count("<figure>") == 2 * PER_PAGE
    assert "Page 200 of 209" in text
    assert len(text) < 300_000
    # Saved from a page, the page stays.
    fields = {FIELD + key_of("4800.png"): "a fox in the snow", "action": "captions", "page": "200"}
    begun_at = time.monotonic()
    assert served.post(f"/audits/{draft.id}/pairs", fields)[1]["location"].endswith("?page=200")
    assert time.monotonic() - begun_at < 5
    assert 'value="a fox in the snow"' in served.ask(f"/audits/{draft.id}/pairs?page=201")[2]
    for page in ("0", "-1", "999999999999", "x"):
        assert served.ask(f"/audits/{draft.id}/pairs?page={page}")[0] == 200
    assert found_of(draft, json.loads((folder / "out").read_text()), mended=False).sure == 5000


def test_what_was_mended_stays_with_its_folders(home: Path, served):  # noqa: F811
    put_in(home / "Other" / "glazed", "apple.png", cloak(work(0)))
    put_in(home / "Other" / "art", "apple.png", work(0))
    folders, told = with_folders(served), "no longer count"
    pairs = folders.replace("folders", "pairs")
    drafts = Drafts(served.door)
    mended = ("protected", "apple.png", "castle.png")
    drafts.mend(asked_for(served, folders), left_out=("fox.png",), chosen=(mended,))
    # Another protection, and another name for the first, leave what was mended as it was.
    served.post(folders, {"action": "take", "for": "arm", "root": "0", "at": "Other/glazed"})
    first, second = name_fields(served, folders)
    served.post(folders, {"action": "save", first: "glaze"})
    draft = asked_for(served, folders)
    assert (draft.chosen, draft.left_out) == ((("glaze", *mended[1:]),), ("fox.png",))
    served.post(folders, {"drop": second.removeprefix("name-")})
    assert asked_for(served, folders).chosen == draft.chosen
    assert told not in served.ask(folders)[2]
    # With its folder it is gone, and both pages say so until something is mended again.
    served.post(folders, {"action": "take", "for": "arm", "root": "0", "at": "Other/glazed"})
    served.post(folders, {"drop": first.removeprefix("name-")})
    draft = asked_for(served, folders)
    assert (draft.chosen, draft.left_out) == ((), ("fox.png",))
    assert told in served.ask(folders)[2]
    assert told in served.ask(pairs)[2]
    drafts.mend(draft, chosen=(("glazed", "apple.png", "apple.png"),))
    assert told not in served.ask(pairs)[2]
    served.post(folders, {"action": "take", "for": "originals", "root": "0", "at": "Other/art"})
    draft = asked_for(served, folders)
    assert (draft.chosen, draft.left_out) == ((), ())
    assert told in served.ask(folders)[2]


def test_no_plan_is_begun_that_a_file_would_end(home: Path, served):  # noqa: F811
    folders = with_folders(served)
    pairs = folders.replace("folders", "pairs")
    bad = [{"file": "fox.png", "said": said("picture-unreadable", file="fox.png")}]
    pair = {"work": "apple.png", "copy": "apple.png", "matched_by": "name", "distance": 1.0, "unsure": True}
    arm = {"name": "protected", "files": ["apple.png"], "alone": [], "extra": [], "unclear": [], "unusable": []}
    looked = {"works": ["apple.png"], "captions": [], "notes": [], "unusable": bad}
    with standing(served) as commands:
        served.post(folders, {"action": "next", "declare": "yes"})
        (job,) = commands.waiting()
        commands.ends(job, gave={**looked, "arms": [{**arm, "pairs": [{**pair, "problem": None}]}]})
        assert "1 file cannot be tested as it is" in served.ask(pairs)[2].replace("\xa0", " ")
        status, _, text = served.post(pairs, {"action": "next"})
        assert (status, "&#39;fox.png&#39;" in text.partition('role="alert"')[2].partition("</div>")[0]) == (400, True)
        # It was mended on the disk: nothing else changed, and it is looked at anew.
        served.post(pairs, {"action": "look"})
        (job,) = commands.waiting()
        unchanged = {**pair, "problem": said("pair-unchanged")}
        commands.ends(job, gave={**looked, "unusable": [], "arms": [{**arm, "pairs": [unchanged]}]})
        assert served.post(pairs, {"action": "next"})[0] == 303
