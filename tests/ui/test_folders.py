"""The picker, and everything that names a folder: only what was opened is looked into, and names do no harm."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from audit.ui.door import Door
from audit.ui.drafts import Drafts
from tests.works import WORDS, cloak, put, work

POSTS = (
    "/audits",
    "/audits/{id}/folders",
    "/audits/{id}/pairs",
    "/audits/{id}/plan",
    "/audits/{id}/service",
    "/audits/{id}",
    "/queue",
    "/models/sd15",
    "/runs/x",
    "/language",
)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home folder with twelve works and their copies, which the server takes for the user's."""
    home = tmp_path / "home"
    for seed, word in enumerate(WORDS):
        put_in(home / "Art" / "originals", f"{word}.png", work(seed))
        put_in(home / "Art" / "glazed", f"{word}.png", cloak(work(seed)))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home


def put_in(folder: Path, name: str, pixels) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    put(folder / name, pixels)


def begun(served) -> str:
    """The address of a new audit."""
    status, headers, _ = served.post("/audits", {"kind": "own"})
    assert status == 303
    return headers["location"]


def name_fields(served, address: str) -> list[str]:
    """The fields in which the protections' names are typed."""
    return re.findall(r'name="(name-[0-9a-f]{12})"', served.ask(address)[2])


def asked_for(served, address: str):
    return Drafts(Door(served.door.folder)).find(address.split("/")[2])


def test_folders_are_picked_and_counted(home, served):
    address = begun(served)
    text = served.ask(f"{address}?for=originals")[2]
    assert "<bdi>Art</bdi>" in text
    text = served.ask(f"{address}?for=originals&root=0&at=Art%2Foriginals")[2]
    assert "12 pictures" in text
    for wanted, at in (("originals", "Art/originals"), ("arm", "Art/glazed")):
        assert served.post(address, {"action": "take", "for": wanted, "root": "0", "at": at})[0] == 303
    text = served.ask(address)[2]
    assert text.count("12 pictures") == 2
    assert str(home) not in text
    draft = asked_for(served, address)
    assert (draft.originals, draft.arms) == (
        str(home / "Art" / "originals"),
        (("protected", str(home / "Art" / "glazed")),),
    )


@pytest.mark.parametrize(
    "at", ["..", "../x", "Art/../..", "/etc", "//etc", "out", "out/secret", "Art\0", "Art\\..", "gone"]
)
def test_nothing_leads_out_of_what_was_opened(home, served, tmp_path, at):
    secret = tmp_path / "elsewhere" / "secret"
    put_in(secret, "a.png", work(0))
    (home / "out").symlink_to(secret.parent)
    address = begun(served)
    for root in ("0", "1", "-1", "999", "x", "\N{SUPERSCRIPT TWO}"):
        assert served.ask(f"{address}?{urlencode({'for': 'arm', 'root': root, 'at': at})}")[0] == 404
        assert served.post(address, {"action": "take", "for": "arm", "root": root, "at": at})[0] == 400
    assert asked_for(served, address).arms == ()
    assert "out" not in re.findall(r"<bdi>(.*?)</bdi>", served.ask(f"{address}?for=arm")[2])


def test_a_folder_elsewhere_is_open_once_it_was_typed(home, served, tmp_path):
    disk = tmp_path / "disk"
    put_in(disk / "mine", "a.png", work(0))
    address = begun(served)
    assert served.post(address, {"action": "type", "for": "originals", "path": f"'{disk / 'mine'}'"})[0] == 303
    assert asked_for(served, address).originals == str(disk / "mine")
    assert served.ask(f"{address}?for=arm&root=1")[0] == 200
    assert served.ask(f"{address}?for=arm&root=1&at=..")[0] == 404


@pytest.mark.parametrize("path", ["", "relative", "/no/such/folder", "/dev/null", "\0"])
def test_a_path_that_is_no_folder_of_pictures_opens_nothing(home, served, path):
    address = begun(served)
    status, _, text = served.post(address, {"action": "type", "for": "originals", "path": path})
    assert status == 400
    assert 'role="alert"' in text
    assert not (served.door.folder / "opened.json").exists()


def test_hostile_names_stay_text(home, served):
    hostile = "<img src=x onerror=alert(1)>\u202e&quot;"
    put_in(home / hostile, "'\"><script>.png", work(0))
    address = begun(served)
    text = served.ask(f"{address}?for=arm")[2]
    assert "<img src=x" not in text
    assert "\u202e" not in text
    assert served.post(address, {"action": "take", "for": "arm", "root": "0", "at": hostile})[0] == 303
    text = served.ask(address)[2]
    assert "<img src=x" not in text
    ((name, _),) = asked_for(served, address).arms
    assert name == "protected"
    served.post(address, {"action": "save", "artist": "<script>alert(1)</script>"})
    assert "<script>alert" not in served.ask(address)[2]
    assert "<script>alert" not in served.ask("/")[2]


def test_arms_have_names_of_their_own(home, served):
    address = begun(served)
    put_in(home / "Other" / "glazed", "a.png", work(0))
    for at in ("Art/glazed", "Other/glazed"):
        served.post(address, {"action": "take", "for": "arm", "root": "0", "at": at})
    assert [name for name, _ in asked_for(served, address).arms] == ["protected", "glazed"]
    first, _ = name_fields(served, address)
    for name in ("glazed", "Not A Name", "", "../x"):
        status, _, text = served.post(address, {"action": "save", first: name})
        assert status == 400
        assert 'role="alert"' in text
    # What was typed stays where it was refused.
    text = served.post(address, {"action": "save", first: "Mine!", "artist": "Ada", "declare": "yes"})[2]
    assert ('value="Mine!"' in text, 'value="Ada"' in text, " checked>" in text) == (True, True, True)
    assert 'value="/no&lt;where"' in served.post(address, {"action": "type", "for": "arm", "path": "/no<where"})[2]
    served.post(address, {"drop": first.removeprefix("name-")})
    assert [name for name, _ in asked_for(served, address).arms] == ["glazed"]
    # Another tab still shows both: what it says of the one that is gone touches no other.
    served.post(address, {"action": "save", first: "glaze-7"})
    served.post(address, {"drop": first.removeprefix("name-")})
    assert [name for name, _ in asked_for(served, address).arms] == ["glazed"]


def test_a_comparison_needs_two_protections_in_two_folders(home, served):
    address = served.post("/audits", {"kind": "compare"})[1]["location"]
    put_in(home / "Art" / "shaded", "castle.png", work(0))
    for wanted, at in (("originals", "Art/originals"), ("arm", "Art/glazed")):
        served.post(address, {"action": "take", "for": wanted, "root": "0", "at": at})
    assert "comparison needs two" in served.post(address, {"action": "next", "declare": "yes"})[2]
    audit = address.removesuffix("/folders")
    for step in ("/plan", "/pairs"):
        assert served.ask(audit + step)[1]["location"] == address
    assert (
        "chosen already" in served.post(address, {"action": "take", "for": "arm", "root": "0", "at": "Art/glazed"})[2]
    )
    served.post(address, {"action": "take", "for": "arm", "root": "0", "at": "Art/shaded"})
    assert [name for name, _ in asked_for(served, address).arms] == ["glazed", "shaded"]
    assert served.post(address, {"action": "next", "declare": "yes"})[1]["location"] == f"{audit}/pairs"


def test_nothing_goes_on_without_folders_and_declaration(home, served):
    address = begun(served)
    assert "missing" in served.post(address, {"action": "next"})[2]
    for wanted, at in (("originals", "Art/originals"), ("arm", "Art/originals")):
        served.post(address, {"action": "take", "for": wanted, "root": "0", "at": at})
    assert "declaration" in served.post(address, {"action": "next"})[2]
    status, _, text = served.post(address, {"action": "next", "declare": "yes"})
    assert (status, "same folder" in text) == (400, True)
    assert not (served.door.folder / "jobs").exists()


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("wrong", ["csrf", "origin", "cookie", "host"])
def test_every_form_is_guarded(home, served, path, wrong):
    address = path.replace("{id}", begun(served).split("/")[2])
    fields = {"action": "discard", "kind": "own"} | ({"csrf": "wrong"} if wrong == "csrf" else {})
    given = {
        "csrf": {},
        "origin": {"Origin": "http://evil.example"},
        "cookie": {"Cookie": ""},
        "host": {"Host": "evil.example"},
    }[wrong]
    before = sorted(p.name for p in (served.door.folder / "audits").iterdir())
    assert served.post(address, fields, **given)[0] == 403
    assert sorted(p.name for p in (served.door.folder / "audits").iterdir()) == before


@pytest.mark.parametrize("id", ["..", "%2e%2e", "0" * 16, "door", "x"])
def test_audits_are_found_by_their_ids_alone(home, served, id):
    (served.door.folder / "draft.json").write_text(json.dumps({"id": "x"}))
    for page in ("folders", "pairs", "plan", ""):
        assert served.ask(f"/audits/{id}/{page}".rstrip("/"))[0] == 404


def test_what_is_kept_is_closed_to_other_users(home, served):
    begun(served)
    for path in served.door.folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
