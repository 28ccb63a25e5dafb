"""Decoding in a process of its own: same answers as in this one, and a sentence when that process dies."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from PIL import Image

from audit.base.errors import BadInput
from audit.images import decoder, open_picture
from audit.images.decoder import open_isolated
from tests.e2e.folders import drawing, write_originals


def test_the_same_pixels_and_facts_as_in_this_process(tmp_path):
    for path in sorted(write_originals(tmp_path / "art").iterdir()):
        pixels, facts = open_isolated(path)
        expected, expected_facts = open_picture(path)
        assert np.array_equal(pixels, expected)
        assert facts == expected_facts


def test_a_refusal_names_the_file_and_the_process_lives_on(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    Image.fromarray(drawing(1)).save(tmp_path / "good.png")
    with pytest.raises(BadInput, match=r"'bad\.png' is not a PNG") as caught:
        open_isolated(tmp_path / "bad.png")
    assert caught.value.slug == "picture-not-an-image"
    before = decoder._WORKER._process
    open_isolated(tmp_path / "good.png")
    assert decoder._WORKER._process is before


def test_a_decoder_that_dies_or_takes_too_long_costs_only_its_picture(tmp_path, monkeypatch):
    Image.fromarray(drawing(1)).save(tmp_path / "good.png")
    open_isolated(tmp_path / "good.png")
    process = decoder._WORKER._process
    # A stopped process is one that never answers; the clock ends it.
    os.kill(process.pid, signal.SIGSTOP)
    monkeypatch.setattr(decoder, "SECONDS", 0.2)
    with pytest.raises(BadInput) as caught:
        open_isolated(tmp_path / "good.png")
    assert caught.value.slug == "picture-undecodable"
    assert str(tmp_path) not in caught.value.sentence
    monkeypatch.undo()
    assert open_isolated(tmp_path / "good.png")[1].format == "PNG"


def test_a_picture_that_needs_more_memory_than_it_may_have_is_refused(tmp_path, monkeypatch):
    decoder._WORKER.stop()
    path = tmp_path / "wide.png"
    Image.new("RGB", (9000, 8000)).save(path, compress_level=1)
    start = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from audit.images import decoder; "
        "decoder.MEMORY_BYTES = 400 << 20; decoder.serve()"
    )
    monkeypatch.setattr(decoder, "_START", start)
    try:
        with pytest.raises(BadInput) as caught:
            open_isolated(path)
        assert caught.value.slug in ("picture-too-large", "picture-undecodable")
    finally:
        decoder._WORKER.stop()


def test_the_process_can_write_no_file(tmp_path, monkeypatch):
    decoder._WORKER.stop()
    target = tmp_path / "written"
    start = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from audit.images import decoder; decoder._limit(); "
        f"open({str(target)!r}, 'w').write('x' * 10)"
    )
    monkeypatch.setattr(decoder, "_START", start)
    Image.fromarray(drawing(1)).save(tmp_path / "good.png")
    with pytest.raises(BadInput):
        open_isolated(tmp_path / "good.png")
    decoder._WORKER.stop()
    assert not target.exists() or target.stat().st_size == 0
