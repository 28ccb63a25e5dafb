"""Clips for `score`: frames at stated times, the clip as what counts, and clips made to do harm."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from audit import records as r
from audit.base.errors import BadInput
from audit.cli import app
from audit.collect.clips import times_of
from audit.collect.generated import collect_generated
from audit.images import clips
from audit.images.clips import decode_clip, open_clip
from audit.images.decoder import read_part, write_part
from audit.judge.score_estimates import unit_means
from audit.judge.scored import judge_score
from audit.store import Store
from tests.e2e.folders import drawing, write_originals, write_references
from tests.score_scenes import scene

FPS = 10
KINDS = {".mp4": ("mp4", "libx264"), ".mov": ("mov", "mpeg4"), ".webm": ("webm", "libvpx-vp9")}


def shade(number: int) -> tuple[int, int, int]:
    return (40 + 8 * number, 200 - 6 * number, 90)


def write_clip(path: Path, frames, *, fps: int = FPS) -> Path:
    kind, codec = KINDS[path.suffix]
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def shades(count: int = 20, size: tuple[int, int] = (64, 96)) -> list[np.ndarray]:
    return [np.full((*size, 3), shade(k), np.uint8) for k in range(count)]


@pytest.mark.parametrize("ending", KINDS)
def test_the_frame_at_a_time_is_the_one_shown_then(tmp_path, ending):
    path = write_clip(tmp_path / f"c{ending}", shades())
    frames, facts = open_clip(path, times=(0, 0.55, 1.9))
    assert (facts.width, facts.height, facts.seconds) == (96, 64, pytest.approx(2.0, abs=0.01))
    assert facts.times == pytest.approx((0, 0.5, 1.9), abs=0.002)
    for frame, number in zip(frames, (0, 5, 19), strict=True):
        assert frame.shape == (64, 96, 3)
        assert np.abs(frame.mean(axis=(0, 1)) - shade(number)).max() < 5
    evenly, facts = open_clip(path)
    assert len(evenly) == 8
    assert facts.times == pytest.approx([0.1, 0.3, 0.6, 0.8, 1.1, 1.3, 1.6, 1.8], abs=0.002)


def test_colours_of_large_clips_are_those_that_a_player_shows(tmp_path):
    """From 720 rows on colours without a name are BT.709."""
    path = tmp_path / "hd.mp4"
    colours = np.full((720, 1280, 3), (200, 60, 40), np.uint8)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width, stream.pix_fmt = 720, 1280, "yuv420p"
        frame = av.VideoFrame.from_ndarray(colours, format="rgb24").reformat(format="yuv420p", dst_colorspace=1)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frames, _ = open_clip(path, times=(0,))
    assert np.abs(frames[0].mean(axis=(0, 1)) - (200, 60, 40)).max() < 4


@pytest.mark.parametrize(
    ("data", "slug"),
    [
        (b"", "clip-undecodable"),
        (b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\n/etc/passwd\n", "clip-undecodable"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "clip-undecodable"),
        (b"\0\0\0\x18ftypmp42" + bytes(200), "clip-undecodable"),
        (b"\x1a\x45\xdf\xa3" + bytes(range(256)), "clip-undecodable"),
    ],
)
def test_what_is_no_clip_is_one_sentence(tmp_path, data, slug):
    path = tmp_path / "c.mp4"
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        open_clip(path)
    assert caught.value.slug == slug
    assert str(tmp_path) not in caught.value.sentence


def test_damaged_clips_are_read_or_refused(tmp_path):
    data = write_clip(tmp_path / "c.mp4", shades(8)).read_bytes()
    rng = np.random.default_rng(0)
    for number in range(25):
        spoilt = bytearray(data[: rng.integers(20, len(data))] if number % 2 else data)
        for at in rng.integers(0, len(spoilt), 6):
            spoilt[at] = rng.integers(0, 256)
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(spoilt)
        try:
            frames, facts = open_clip(path)
        except BadInput as error:
            assert error.slug in ("clip-undecodable", "clip-times")  # noqa: PT017
        else:
            assert {f.shape for f in frames} == {(facts.height, facts.width, 3)}


def test_the_other_processes_answers_are_those_of_this_one(tmp_path):
    """What it says, without its limits: they let it write nothing, not even what was covered."""
    path = write_clip(tmp_path / "c.mp4", shades())
    questions, answers = io.BytesIO(), io.BytesIO()
    asked = (((0, 0.55), path.read_bytes()), ((), path.read_bytes()), ((9,), path.read_bytes()), ((), b"no clip"))
    for times, data in asked:
        write_part(questions, json.dumps(times).encode())
        write_part(questions, data)
    questions.seek(0)
    clips.answer_clips(questions, answers)
    answers.seek(0)
    for times in ((0, 0.55), ()):
        head = json.loads(bytes(read_part(answers)))
        frames, facts = open_clip(path, times=times)
        assert head == facts.model_dump(mode="json", exclude={"sha256"})
        for frame in frames:
            assert np.array_equal(read_part(answers), frame.reshape(-1))
    whys = [json.loads(bytes(read_part(answers)))["why"] for _ in range(2)]
    assert (whys, answers.read()) == (["times", "broken"], b"")


def test_a_clip_that_was_filmed_upright_is_turned():
    turned = SimpleNamespace(colorspace=1, height=64, width=96, rotation=-90)
    turned.to_ndarray = lambda **_: np.arange(64 * 96 * 3, dtype=np.uint8).reshape(64, 96, 3)
    assert np.array_equal(clips._upright(turned), np.rot90(turned.to_ndarray(), k=-1))


def test_a_process_that_hangs_costs_one_clip(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "c.mp4", shades(4))
    open_clip(path)
    os.kill(clips._PROCESS.running.pid, signal.SIGSTOP)
    monkeypatch.setattr(clips, "SECONDS", 0.2)
    with pytest.raises(BadInput, match="cannot be read"):
        open_clip(path)
    monkeypatch.undo()
    assert len(open_clip(path)[0]) == 8


def test_a_clip_that_is_too_long_or_too_short_for_a_time(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "c.mp4", shades(4))
    with pytest.raises(BadInput, match=r"lasts 0\.40 seconds"):
        open_clip(path, times=(0.1, 3))
    monkeypatch.setattr(clips, "MOST_SECONDS", 0.3)
    assert decode_clip(path.read_bytes(), ())[0] == {"why": "broken"}


def test_without_the_extra_a_clip_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, "_EXTRA", "no_such_package_as_this")
    path = write_clip(tmp_path / "c.mp4", shades(4))
    with pytest.raises(BadInput, match=r"cloakcheck\[video\]"):
        open_clip(path)


@pytest.mark.parametrize("text", ["", "a", "1,,2", "-1", "1e9", "nan", ",".join(map(str, range(65)))])
def test_times_that_are_none(text):
    with pytest.raises(BadInput, match="--clip-times"):
        times_of(text)


def test_times_are_put_in_order():
    assert times_of("2, 0.5,2") == (0.5, 2.0)


# --- what is counted -----------------------------------------------------------------------------------


def as_clips(results: r.ScoreResults, frames: int) -> r.ScoreResults:
    """The same scores where each picture is a clip of so many frames, all with its score."""
    made = [
        p.model_copy(update={"id": f"{p.id}-{k}", "clip": r.ClipFrame(at=k, seconds=frames)})
        for p in results.plan.pictures
        for k in range(frames)
    ]
    scores = tuple(
        s.model_copy(
            update={
                "values": tuple(v for v in s.values for _ in range(frames)),
                "nearest": tuple(n for n in s.nearest for _ in range(frames)),
            }
        )
        for s in results.scores
    )
    return results.model_copy(
        update={"plan": results.plan.model_copy(update={"pictures": tuple(made)}), "scores": scores}
    )


def test_more_frames_make_no_answer_surer():
    plain = judge_score(scene())
    filmed = judge_score(as_clips(scene(), 5))
    assert [(e.name, e.n) for e in filmed.estimates] == [(e.name, e.n) for e in plain.estimates]
    for a, b in zip(plain.estimates, filmed.estimates, strict=True):
        assert b.value == pytest.approx(a.value)
        assert (b.low, b.high) == (pytest.approx(a.low), pytest.approx(a.high))
    assert filmed.readings.groups[0].pictures == plain.readings.groups[0].pictures


def test_a_clip_weighs_as_much_as_a_picture_of_its_prompt():
    results = scene(prompts=1, per_prompt=2, control=None)
    still, filmed = results.plan.pictures
    frames = [filmed.model_copy(update={"id": f"f{k}", "clip": r.ClipFrame(at=k, seconds=9)}) for k in range(9)]
    plan = results.plan.model_copy(update={"pictures": (still, *frames)})
    found = unit_means(results.model_copy(update={"plan": plan}), "named", (1.0, *[0.0] * 9))
    assert list(found.values()) == [0.5]


def test_a_plan_without_clips_says_nothing_of_them():
    picture = scene().plan.pictures[0]
    assert "clip" not in picture.model_dump(mode="json")
    assert r.ServicePicture.model_validate(picture.model_dump()) == picture


# --- the command ---------------------------------------------------------------------------------------


def film(seed: int, count: int = 12) -> list[np.ndarray]:
    """A slow pan over a drawing."""
    whole = np.asarray(Image.fromarray(drawing(seed)).resize((160, 144)))
    return [whole[k : k + 128, k : k + 128] for k in range(count)]


def test_clips_and_pictures_of_a_folder(tmp_path):
    folder = tmp_path / "named"
    folder.mkdir()
    write_clip(folder / "castle_1.mp4", film(1))
    write_clip(folder / "castle_2.webm", film(2))
    Image.fromarray(drawing(3)).save(folder / "heron.png")
    (folder / "castle_3.mp4").write_bytes((folder / "castle_1.mp4").read_bytes())
    store = Store(tmp_path / "store")
    pictures, notes = collect_generated(
        {"named": folder}, sheet=None, works=(), save=store.put_pixels, progress=lambda *_: None, times=(0.2, 0.7)
    )
    assert [(p.id, p.name, p.prompt, p.clip and round(p.clip.at, 2)) for p in pictures] == [
        ("g000", "castle_1.mp4", "castle", 0.2),
        ("g001", "castle_1.mp4", "castle", 0.7),
        ("g002", "castle_2.webm", "castle", 0.2),
        ("g003", "castle_2.webm", "castle", 0.7),
        ("g004", "heron.png", "heron", None),
    ]
    assert {n.said.slug for n in notes} == {"clips-taken", "exact-copies"}


def test_a_score_of_clips_from_folders_to_report(tmp_path):
    write_originals(tmp_path / "originals")
    write_references(tmp_path / "references")
    for number, group in enumerate(("named", "control")):
        (tmp_path / group).mkdir()
        for index in range(6):
            write_clip(tmp_path / group / f"prompt {chr(97 + index)}.mp4", film(100 * number + index))
    args = ["score", "--originals", "originals", "--generated", "named", "--controls", "control", "--clip-times",
            "0.1,0.9", "--reference-artists", "references", "--out", "out", "--store", "store"]  # fmt: skip
    args = [str(tmp_path / a) if (tmp_path / a).exists() or a in ("out", "store") else a for a in args]
    done = CliRunner().invoke(app, args)
    assert done.exit_code in (0, 3), done.stderr
    results = r.ScoreResults.model_validate_json((tmp_path / "out" / "score.json").read_text())
    assert len(results.plan.pictures) == 24
    assert {e.n for e in results.estimates if e.name == "style_score"} == {6}
    assert [g.pictures for g in results.readings.groups] == [6, 6]
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "prompt a.mp4, at 0.10 s" in html
    assert "counts as one picture of its prompt" in html
    alone = CliRunner().invoke(app, ["score", "--originals", args[2], "--generated", f"{args[4]}/prompt a.mp4", "--out",
                                     str(tmp_path / "alone"), "--store", args[-1]])  # fmt: skip
    assert alone.exit_code in (0, 3), alone.stderr
