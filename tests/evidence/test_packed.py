"""A bundle as one zip: the same bytes every time, opened without trust."""

from __future__ import annotations

import io
import shutil
import stat
import warnings
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.base.errors import BadEvidence
from audit.cli import app
from audit.evidence import bag
from audit.evidence.packed import TOP, opened, pack


def call(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


@pytest.fixture(scope="module")
def packed(sealed, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "evidence.zip"
    pack(sealed, path)
    return path


def test_the_same_bundle_gives_the_same_bytes_and_verifies(sealed, packed, tmp_path):
    moved = shutil.copytree(sealed, tmp_path / "elsewhere")
    again = Path(call("bundle", moved, "--zip").splitlines()[-1])
    assert again.read_bytes() == packed.read_bytes()
    assert "This bundle verifies" in call("verify", again)
    with zipfile.ZipFile(again) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    assert bag.list_files(tmp_path / "out" / TOP) == bag.list_files(sealed)
    assert "[bundle-exists]" in call("bundle", moved, "--zip", code=2)


def test_a_run_is_bundled_and_packed_at_once(finished, tmp_path):
    words = ("--key", tmp_path / "k.pem", "--store", tmp_path / "store", "--profile", "minimal")
    path = Path(call("bundle", finished, "--out", tmp_path / "b", "--zip", *words).splitlines()[-1])
    assert path == tmp_path / "b.zip"
    with opened(path) as folder:
        assert bag.list_files(folder) == bag.list_files(tmp_path / "b")
    assert not folder.exists(), "the copy stays behind"


def test_a_spoiled_file_in_it_fails_like_one_in_a_folder(sealed, tmp_path):
    copy = shutil.copytree(sealed, tmp_path / "b")
    (copy / "bag/data/report.html").write_text("held")
    pack(copy, tmp_path / "b.zip")
    assert "FAIL payload" in call("verify", tmp_path / "b.zip", code=3)


def entry(name: str, *, mode: int = stat.S_IFREG | 0o644, packing: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    made.create_system, made.external_attr, made.compress_type = 3, mode << 16, packing
    return made


def zipped(*entries: tuple[zipfile.ZipInfo, bytes], comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for info, data in entries:
            archive.writestr(info, data)
        archive.comment = comment
    return buffer.getvalue()


FILE = (entry("bundle/bag/bagit.txt"), bag.DECLARATION)
HOSTILE = {
    "nothing": b"",
    "no zip": b"PK" + bytes(100),
    "outside": zipped(FILE, (entry("bundle/../../evil.txt"), b"x")),
    "absolute": zipped(FILE, (entry("/tmp/evil.txt"), b"x")),
    "backslash": zipped(FILE, (entry("bundle/..\\..\\evil.txt"), b"x")),
    "beside": zipped(FILE, (entry("evil.txt"), b"x")),
    "link": zipped(FILE, (entry("bundle/link", mode=stat.S_IFLNK | 0o777), b"/etc/passwd")),
    "folder": zipped(FILE, (entry("bundle/folder/", mode=stat.S_IFDIR | 0o755), b"")),
    "bomb": zipped(FILE, (entry("bundle/zeros", packing=zipfile.ZIP_DEFLATED), bytes(1 << 24))),
    "capitals": zipped(FILE, (entry("bundle/a"), b"1"), (entry("bundle/A"), b"2")),
    "twice": zipped(FILE, FILE),
    "file and folder": zipped(FILE, (entry("bundle/a"), b"1"), (entry("bundle/a/b"), b"2")),
    "comment": zipped(FILE, comment=b"the court's own copy"),
    "before": b"#!/bin/sh\n" + zipped(FILE),
    "behind": zipped(FILE) + b"more",
    "mode": zipped((entry("bundle/bag/bagit.txt", mode=stat.S_IFREG | 0o4755), bag.DECLARATION)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_no_bundle_packs_is_refused_and_nothing_left(tmp_path, monkeypatch, kind):
    (tmp_path / "home").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "home"))
    path = tmp_path / "evil.zip"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(BadEvidence) as caught, opened(path):
        pytest.fail("it was opened")
    assert caught.value.slug in ("packed-otherwise", "packed-unreadable")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["evil.zip", "home"]


def test_entries_that_share_their_bytes_are_refused(packed, tmp_path):
    """A small file that would unpack to a large one without compression."""
    with zipfile.ZipFile(packed) as archive:
        first, second = archive.infolist()[:2]
    data = packed.read_bytes()
    start = data.rindex(b"PK\x01\x02", 0, data.index(second.filename.encode(), data.index(b"PK\x01\x02")))
    forged = bytearray(data)
    forged[start + 42 : start + 46] = first.header_offset.to_bytes(4, "little")
    (tmp_path / "overlap.zip").write_bytes(bytes(forged))
    with pytest.raises(BadEvidence), opened(tmp_path / "overlap.zip"):
        pytest.fail("it was opened")
