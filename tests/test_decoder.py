"""Decoding in a process of its own: same answers as in this one, and a sentence when that process dies."""

from __future__ import annotations

import io
import json
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


def test_the_other_processes_answers_are_those_of_this_one(tmp_path):
    """What it says, without its limits: they let it write nothing, not even what was covered."""
    paths = [*sorted(write_originals(tmp_path / "art").iterdir()), tmp_path / "bad.png"]
    paths[-1].write_bytes(b"not a picture")
    questions, answers = io.BytesIO(), io.BytesIO()
    for path in paths:
        for part in (path.suffix.encode(), b"white", path.read_bytes()):
            decoder.write_part(questions, part)
    questions.seek(0)
    decoder.answer_pictures(questions, answers)
    answers.seek(0)
    for path in paths[:-1]:
        head, body = json.loads(bytes(decoder.read_part(answers))), decoder.read_part(answers)
        pixels, facts = open_isolated(path)
        assert head == facts.model_dump(mode="json")
        assert np.array_equal(body, pixels.reshape(-1))
    assert json.loads(bytes(decoder.read_part(answers))) == {"slug": "picture-not-an-image"}
    assert len(decoder.read_part(answers)) == 0
    assert answers.read() == b""


@pytest.mark.parametrize("data", [b"", bytes(7), (9).to_bytes(8, "big") + b"short"])
def test_an_answer_that_is_cut_off_is_none(data):
    with pytest.raises(EOFError):
        decoder.read_part(io.BytesIO(data))


def test_a_refusal_names_the_file_and_the_process_lives_on(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    Image.fromarray(drawing(1)).save(tmp_path / "good.png")
    with pytest.raises(BadInput, match=r"'bad\.png' is no picture of a format that is read") as caught:
        open_isolated(tmp_path / "bad.png")
    assert caught.value.slug == "picture-not-an-image"
    before = decoder._PROCESS.running
    open_isolated(tmp_path / "good.png")
    assert decoder._PROCESS.running is before


def test_a_decoder_that_dies_or_takes_too_long_costs_only_its_picture(tmp_path, monkeypatch):
    Image.fromarray(drawing(1)).save(tmp_path / "good.png")
    open_isolated(tmp_path / "good.png")
    process = decoder._PROCESS.running
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
    decoder._PROCESS.stop()
    path = tmp_path / "wide.png"
    Image.new("RGB", (9000, 8000)).save(path, compress_level=1)
    (tmp_path / "less.py").write_text(
        "from audit.images import decoder\n\n\ndef serve():\n"
        "    decoder.MEMORY_BYTES = 400 << 20\n    decoder.serve()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(decoder, "_START", "less:serve")
    try:
        with pytest.raises(BadInput) as caught:
            open_isolated(path)
        assert caught.value.slug in ("picture-too-large", "picture-undecodable")
    finally:
        decoder._PROCESS.stop()


def test_the_process_can_write_no_file(tmp_path, monkeypatch):
    decoder._PROCESS.stop()
    target = tmp_path / "written"
    (tmp_path / "writes.py").write_text(
        "from audit.images import decoder\n\n\ndef serve():\n    decoder._limit()\n"
        f"    open({str(target)!r}, 'w').write('x' * 10)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(decoder, "_START", "writes:serve")
    Image.fromarray(drawing(1)).save(tmp_path / "good.png")
    with pytest.raises(BadInput):
        open_isolated(tmp_path / "good.png")
    decoder._PROCESS.stop()
    assert not target.exists() or target.stat().st_size == 0
