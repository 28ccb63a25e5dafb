"""What each profile holds and withholds, forms, key, time stamps, deletion; through the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cyclonedx.model.bom import Bom
from PIL import Image
from typer.testing import CliRunner

from audit import __version__
from audit import records as r
from audit.base.errors import BadEvidence, BadResults
from audit.base.files import file_digest
from audit.cli import app
from audit.evidence import bag, layout, wheel
from audit.evidence.adapters import find_adapters
from audit.evidence.privacy import traces
from audit.evidence.source import read_source
from audit.evidence.timestamps import request_bytes
from audit.images import encode_png
from audit.images.ai_mark import SOURCE_TYPE
from audit.runfolder.event_log import log_event
from audit.runfolder.provenance import code_digests
from tests.builders import make_plan
from tests.evidence.authority import serving
from tests.evidence.runs import PROMPTS, begin, picture


def call(*args: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout if code == 0 else done.stderr


def bundled(run: Path, out: Path, *more: object) -> Path:
    call("bundle", run, "--out", out, "--key", out.parent / "key.pem", "--store", out.parent / "store", *more)
    call("verify", out)
    return out


@pytest.mark.parametrize(
    ("profile", "generated", "shown", "works_in"), [("minimal", 0, 0, 0), ("redacted", 38, 0, 0), ("full", 38, 1, 12)]
)
def test_what_a_profile_holds(works, tmp_path, profile, generated, shown, works_in):
    art, run = works
    out = bundled(run, tmp_path / "bundle", "--profile", profile, "--originals", art)
    data = out / "bag" / "data"
    assert len(list(data.glob("images/generated*"))) == generated
    assert bool(list(data.glob("images/work*"))) == bool(shown)
    assert sorted(p.name for p in data.glob("originals/*"))[:2] == ["w000.jpg", "w001.jpg"][: works_in // 6]
    withheld = json.loads((data / "withheld.json").read_text())["files"]
    plan = read_source(run).plan
    assert (withheld.get("originals/w003") == plan.works[3].sha256) == (profile != "full")
    assert not set(withheld) & set(bag.list_files(data))
    assert not list(data.rglob("*.safetensors"))
    r.Results.model_validate_json((data / "results.json").read_bytes())
    if profile != "minimal":
        with zipfile.ZipFile(data / "code" / wheel.NAME) as code:
            assert "audit/evidence/verify.py" in code.namelist()
    # The artist's pictures are neither beside nor inside the report.
    page = (data / "report.html").read_text()
    assert ("image/png;base64" in page or "image/webp;base64" in page) == (profile != "minimal")
    # It is the report of these results, whatever it shows of them, and says what became of the add-ons.
    assert read_source(run).results.digest() in page
    assert "not at hand when this bundle was made" in page
    assert ("left out of this bundle" in page) == (profile != "full")


def test_every_edition_says_who_attests_the_plan_and_that_add_ons_were_kept(sealed_full):
    for name in ("report.html", "report-court.html"):
        page = (sealed_full / "bag" / "data" / name).read_text()
        assert "kept on request: they are in this bundle" in page
        assert "Test TSA leaf" in page
        assert "A time-stamp service says when the plan was there" in page
    assert "kept in the store and in this bundle" in (sealed_full / layout.CERTIFICATION).read_text()


def test_a_plan_stamp_of_another_file_makes_no_bundle(works, tmp_path, authority):
    run = shutil.copytree(works[1], tmp_path / "run")
    other = tmp_path / "other.tsq"
    other.write_bytes(request_bytes(b"another plan"))
    (run / "plan.tsr").write_bytes(authority.reply(other.read_bytes()))
    (run / "plan-tsa.pem").write_bytes(authority.chain.read_bytes())
    assert "[token-wrong]" in call("bundle", run, "--out", tmp_path / "b", "--key", tmp_path / "k", code=2)
    assert not (tmp_path / "b").exists()


def test_a_full_bundle_wants_the_files_that_the_run_read(works, tmp_path):
    art, run = works
    other = shutil.copytree(art, tmp_path / "art")
    Image.fromarray(picture("another")).save(other / "my picture 3.jpg")
    for more in ((), ("--originals", other)):
        said = call("bundle", run, "--profile", "full", "--out", tmp_path / "b", "--key", tmp_path / "k", *more, code=2)
        assert "[originals-differ]" in said
    assert not (tmp_path / "b").exists()


def test_a_bundle_is_never_written_over(works, tmp_path):
    _, run = works
    (tmp_path / "b").mkdir()
    assert "[bundle-exists]" in call("bundle", run, "--out", tmp_path / "b", "--key", tmp_path / "k", code=2)
    assert "[profile-unknown]" in call("bundle", run, "--profile", "all", code=2)


def test_privacy_is_audited_before_anything_is_written(works, tmp_path):
    art, run = works
    listed = call("bundle", run, "--audit-privacy", "--out", tmp_path / "b", "--key", tmp_path / "k")
    assert not (tmp_path / "k").exists(), "looking made a key"
    assert "my picture 0.jpg" in listed
    assert "UNEXPECTED" not in listed
    assert not (tmp_path / "b").exists()
    full = call("bundle", run, "--audit-privacy", "--profile", "full", "--originals", art, "--key", tmp_path / "k")
    assert "EXIF, GPS, comment (in originals/w000.jpg)" in full
    assert "12" in full


def test_traces_of_a_machine_are_seen():
    found = dict(traces(b'{"a": "/home/jane/art/x.png", "b": "jane@example.org", "c": "base64,AAA/home/x"}'))
    assert found == {"path": "/home/jane/art/x.png", "mail": "jane@example.org"}


def test_the_sbom_can_be_read_and_names_every_package(sealed):
    text = (sealed / "bag/data/sbom.cdx.json").read_text()
    named = {component.name for component in Bom.from_json(json.loads(text)).components}
    environment = json.loads((sealed / "bag/data/environment.json").read_text())
    assert {p["name"] for p in environment["packages"]} <= named


def test_generated_pictures_say_that_they_are_generated(sealed):
    path = next((sealed / "bag/data/images").glob("generated*"))
    assert SOURCE_TYPE.encode() in path.read_bytes()
    with Image.open(path) as opened:
        assert np.array_equal(np.asarray(opened), picture(path.name))
        assert "trainedAlgorithmicMedia" in str(opened.getxmp())


def test_forms_are_filled_and_nothing_is_left_open(sealed):
    seal = file_digest(sealed / "bag" / bag.TAGS)
    for name in (layout.CERTIFICATION, layout.CUSTODY):
        text = (sealed / name).read_text()
        assert seal in text
        assert "@" not in text
    assert "1746" in (sealed / layout.CERTIFICATION).read_text()
    assert "902(14)" in (sealed / layout.CERTIFICATION).read_text()


# --- key and time ------------------------------------------------------------------------------------


def test_a_key_is_made_once_for_its_owner_only(works, tmp_path):
    _, run = works
    bundled(run, tmp_path / "one", "--profile", "minimal")
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    bundled(run, tmp_path / "two", "--profile", "minimal")
    assert (tmp_path / "one/signer.pub").read_bytes() == (tmp_path / "two/signer.pub").read_bytes()
    (tmp_path / "bad.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    assert "[key-unusable]" in call("bundle", run, "--out", tmp_path / "x", "--key", tmp_path / "bad.pem", code=2)


def test_a_stamp_is_fetched_only_when_asked(works, tmp_path, authority):
    _, run = works
    out = bundled(run, tmp_path / "b", "--profile", "minimal")
    assert "not independently attested" in call("stamp", out)
    with serving(authority) as url:
        assert "[chain-missing]" in call("stamp", out, "--tsa", url, code=2)
        assert not (out / "tagmanifest.tsr").exists()
        assert "attested" in call("stamp", out, "--tsa", url, "--chain", authority.chain)
    assert "The bundle existed on" in call("verify", out, "--chain", authority.chain)
    for url in ("http://127.0.0.1:9/", "file:///etc/passwd", "https://tsa.invalid:port/tsr", "http://tsa invalid/"):
        assert "[tsa-unreachable]" in call("stamp", out, "--tsa", url, "--chain", authority.chain, code=2)


def test_a_wrong_reply_is_not_kept(works, tmp_path, authority):
    _, run = works
    out = bundled(run, tmp_path / "b", "--profile", "minimal")
    reply, page = tmp_path / "r.tsr", tmp_path / "page.tsr"
    reply.write_bytes(authority.reply((run / "plan.tsq").read_bytes()))
    page.write_text("<html>503</html>")
    for path, chain, slug in (
        (reply, authority.chain, "token-wrong"),
        (page, authority.chain, "token-unreadable"),
        (reply, page, "token-chain"),
    ):
        assert f"[{slug}]" in call("stamp", out, "--tsr", path, "--chain", chain, code=2)
    assert not (out / "tagmanifest.tsr").exists()
    call("verify", out)


def test_a_plan_is_stamped_before_training_or_not_at_all(works, tmp_path, authority):
    _, run = works
    assert "[stamp-too-late]" in call("stamp", run, code=2)
    assert "[nothing-to-stamp]" in call("stamp", tmp_path, code=2)
    begin(tmp_path / "new", make_plan(prompts=PROMPTS))
    (tmp_path / "r.tsr").write_bytes(authority.reply((tmp_path / "new/plan.tsq").read_bytes()))
    call("stamp", tmp_path / "new", "--tsr", tmp_path / "r.tsr", "--chain", authority.chain)
    assert (tmp_path / "new/plan.tsr").exists()


# --- deletion ----------------------------------------------------------------------------------------


def stored(run: Path, store: Path) -> Path:
    """A store with one adapter of the run in two places, one of another run, and a picture."""
    results = read_source(run).results
    for number, (step, data) in enumerate([("a", b"adapter"), ("b", b"adapter"), ("c", b"other")]):
        folder = store / "steps" / "adapter" / step
        folder.mkdir(parents=True)
        (folder / "adapter.safetensors").write_bytes(data + bytes(number // 2))
    blob = store / "blobs" / "00" / "x.png"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(encode_png(picture("x")))
    assert results.cells[1].adapter is not None
    return store


def with_adapter(results: r.Results, digest: str) -> r.Results:
    cells = list(results.cells)
    cells[1] = cells[1].model_copy(update={"adapter": cells[1].adapter.model_copy(update={"sha256": digest})})
    return results.model_copy(update={"cells": tuple(cells)})


@pytest.mark.parametrize("keep", [False, True])
def test_adapters_of_the_run_are_deleted_after_hashing_unless_kept(works, tmp_path, keep):
    store = stored(works[1], tmp_path / "store")
    digest = file_digest(store / "steps/adapter/a/adapter.safetensors")
    found = find_adapters(with_adapter(read_source(works[1]).results, digest), store, keep=keep)
    assert len(found.copies) == 2
    assert list(found.kept()) == ([digest] if keep else [])
    found.settle()
    assert sorted(p.name for p in (store / "steps/adapter").iterdir()) == (["a", "b", "c"] if keep else ["c"])
    assert (found.fate.id == "told.adapters-kept", found.fate.id == "told.adapters-deleted") == (keep, not keep)


def test_unfinished_trainings_of_the_run_go_with_its_adapters(works, tmp_path):
    """A checkpoint holds the add-on's weights; one that does not say whose may hold any."""
    store = stored(works[1], tmp_path / "store")
    for name, keys in (("of-a", ["a", "z"]), ("of-others", ["c"]), ("unsaid", None)):
        (store / "checkpoints" / name).mkdir(parents=True)
        if keys:
            (store / "checkpoints" / name / "step.json").write_text(json.dumps({"step": 1, "keys": keys}))
    digest = file_digest(store / "steps/adapter/a/adapter.safetensors")
    find_adapters(with_adapter(read_source(works[1]).results, digest), store, keep=False).settle()
    assert [p.name for p in (store / "checkpoints").iterdir()] == ["of-others"]


def test_a_log_without_the_plan_and_another_environment_make_no_bundle(works, tmp_path):
    _, run = works
    copy = shutil.copytree(run, tmp_path / "run")
    path = copy / "environment.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(BadResults) as caught:
        read_source(copy)
    assert caught.value.slug == "environment-invalid"
    shutil.copy(run / "environment.json", path)
    log = [line for line in (run / "events.jsonl").read_text().splitlines() if '"plan-fixed"' not in line]
    (copy / "events.jsonl").unlink()
    for line in log:
        facts = json.loads(line)
        log_event(copy, facts.pop("event"), {k: v for k, v in facts.items() if k not in ("time", "previous")})
    with pytest.raises(BadEvidence) as unsaid:
        read_source(copy)
    assert unsaid.value.slug == "events-broken"


def test_a_store_with_calibration_cards_is_a_store_and_keeps_them(works, tmp_path):
    store = stored(works[1], tmp_path / "store")
    card = store / "calibrations" / "x.json"
    card.parent.mkdir()
    card.write_text("{}")
    assert "deleted 4 files" in call("forget", "--store", store, "--yes")
    assert {p.name for p in store.iterdir()} - {".gate"} == {"calibrations"}
    assert card.exists()


def test_a_question_that_nobody_answers_is_a_no(works, tmp_path):
    store = stored(works[1], tmp_path / "store")
    done = CliRunner().invoke(app, ["forget", "--store", str(store)], input="")
    assert (done.exit_code, "[forget-refused]" in done.stderr) == (2, True)


def test_forget_deletes_a_store_and_nothing_else(works, tmp_path):
    store = stored(works[1], tmp_path / "store")
    done = CliRunner().invoke(app, ["forget", "--store", str(store)], input="n\n")
    assert "[forget-refused]" in done.stderr
    assert (store / "steps/adapter/a").exists()
    call("forget", "--store", store, "--only-adapters", "--yes")
    assert not (store / "steps/adapter").exists()
    assert (store / "blobs/00/x.png").exists()
    assert "deleted 1 file," in call("forget", "--store", store, "--yes")
    (tmp_path / "home" / "steps").mkdir(parents=True)
    (tmp_path / "home" / "thesis.txt").write_text("mine")
    for folder in (tmp_path / "home", tmp_path / "nowhere"):
        assert "[not-a-store]" in call("forget", "--store", folder, "--yes", code=2)
    assert (tmp_path / "home" / "thesis.txt").exists()


def test_the_wheel_in_a_bundle_installs_and_is_this_code(tmp_path):
    path = tmp_path / wheel.NAME
    path.write_bytes(wheel.wheel())
    assert path.read_bytes() == wheel.wheel(), "same code, same bytes"
    target = tmp_path / "here"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, path]
    subprocess.run(pip, check=True, capture_output=True)
    said = "import audit, audit.runfolder.provenance as p; print(audit.__file__, len(p.code_digests()))"
    run = subprocess.run([sys.executable, "-c", said], check=True, capture_output=True, text=True, cwd=target)
    file, count = run.stdout.split()
    assert Path(file).is_relative_to(target.resolve())
    assert int(count) == len(code_digests())
    assert (target / f"cloakcheck-{__version__}.dist-info" / "RECORD").is_file()


def test_a_log_that_says_a_thing_twice_is_not_sealed(run):
    """What `verify` would refuse is not made."""
    path = run / "events.jsonl"
    path.write_bytes(path.read_bytes().replace(b"{", b'{"time":"2000-01-01T00:00:00Z",', 1))
    with pytest.raises(BadEvidence, match="stands twice"):
        read_source(run)
