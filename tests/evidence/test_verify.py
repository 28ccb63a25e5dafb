"""Both verifiers, ours and a stranger's shell, find every change that anybody made to a bundle."""

from __future__ import annotations

import json
import os
import shutil
from fnmatch import fnmatch
from pathlib import Path

import bagit
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.base.errors import AuditError
from audit.base.messages import render
from audit.evidence import bag, bundle, derive, layout
from audit.evidence.signing import open_key, public_pem
from audit.evidence.verify import BYTES, findings, verify
from tests.evidence.authority import make_authority
from tests.evidence.stranger import commands, failing_commands


def ours(folder: Path) -> list[str]:
    """Names of the checks that fail; `refused` for a bundle that is not even examined."""
    try:
        return [f.check for f in verify(folder) if not f.passed]
    except AuditError as error:
        return [f"refused {error.slug}"]


def published(sealed: Path) -> str:
    return (sealed / layout.VERIFY).read_text()


def test_an_untouched_bundle_passes_with_both(sealed):
    assert ours(sealed) == []
    assert failing_commands(sealed, published(sealed)) == []
    assert len(commands(published(sealed))) == 28


def test_the_macos_part_passes_too(sealed):
    """With the shasum of Perl that macOS has, and an OpenSSL 3; its date and find are not those of a Mac."""
    assert shutil.which("shasum"), "perl is missing"
    assert failing_commands(sealed, published(sealed), "macos") == []
    assert len(commands(published(sealed), "macos")) == 29


def test_the_bagit_package_agrees(sealed):
    assert bagit.Bag(str(sealed / "bag")).is_valid()


KINDS = {
    "VERIFY.txt", "START-HERE.html", "CERTIFICATION-template.txt", "CUSTODY-form.txt", "signer.pub", "tagmanifest.sig",
    "tagmanifest.tsq", "tagmanifest.tsr", "tsa-chain.pem", "SHA256SUMS", "bag/bagit.txt", "bag/bag-info.txt",
    "bag/manifest-sha256.txt", "bag/tagmanifest-sha256.txt", "bag/data/plan.json", "bag/data/plan.tsq",
    "bag/data/plan.tsr", "bag/data/plan-tsa.pem", "bag/data/results.json", "bag/data/results.schema.json",
    "bag/data/events.jsonl", "bag/data/environment.json", "bag/data/sbom.cdx.json", "bag/data/models.json",
    "bag/data/adapters.json", "bag/data/withheld.json", "bag/data/report.html", "bag/data/report-court.html",
    "bag/data/lab-model-card.md", "bag/data/c2pa-root.pem", "bag/data/code/cloakcheck-*.whl",
    "bag/data/images/generated*", "bag/data/images/work*", "bag/data/images/treated*", "bag/data/originals/*.jpg",
    "bag/data/originals/*.tiff", "bag/data/originals/*.avif",
    "bag/data/weights/*.safetensors",
}  # fmt: skip


def test_every_kind_of_file_is_tried(sealed, sealed_full):
    for folder in (sealed, sealed_full):
        for name in bag.list_files(folder):
            assert any(fnmatch(name, kind) for kind in KINDS), name
    for kind in KINDS:
        assert any(fnmatch(name, kind) for name in bag.list_files(sealed_full)), kind


def test_a_message_with_a_value_of_another_name_is_an_answer_of_verify(copy):
    path = copy / "bag" / "data" / "results.json"
    results = json.loads(path.read_bytes())
    values = next(check["figures"]["values"] for check in results["checks"] if check["figures"]["values"])
    values["mine"] = values.pop(next(iter(values)))
    path.write_text(json.dumps(results))
    assert {"payload", "sentences"} <= set(ours(copy))


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), which=st.integers(0, 99), how=st.data())
def test_both_find_any_changed_added_or_cut_byte(sealed_full, tmp_path, kind, at, flip, which, how):
    copy = tmp_path / "spoiled"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(sealed_full, copy)
    found = sorted(copy.glob(kind))
    path = found[which % len(found)]
    data = bytearray(path.read_bytes())
    where = int(at * len(data))
    match how.draw(st.sampled_from(["change", "insert", "cut", "remove"])):
        case "change":
            data[where] ^= flip
        case "insert":
            data.insert(where, flip)
        case "cut":
            del data[where]
        case _:
            path.unlink()
    if path.exists():
        path.write_bytes(bytes(data))
    assert ours(copy)
    assert failing_commands(copy, published(sealed_full))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_macos_part_finds_a_changed_byte(sealed_full, tmp_path, kind):
    copy = shutil.copytree(sealed_full, tmp_path / "spoiled")
    path = sorted(copy.glob(kind))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert failing_commands(copy, published(sealed_full), "macos")
    first = next(answer for answer in findings(copy) if not answer.passed)
    assert path.name in render(first.said)


@pytest.mark.parametrize(
    "name", ["bag/data/extra.txt", "bag/extra.txt", "extra.txt", ".hidden", "bag/.hidden", "bag/data/a b", "deep/x.txt"]
)
def test_both_find_an_added_file(copy, sealed, name):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("more")
    assert ours(copy)
    assert failing_commands(copy, published(sealed))


def test_both_find_a_link_in_place_of_a_file(copy, sealed, tmp_path):
    path = copy / "bag/data/results.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert ours(copy) == ["refused bundle-names"]
    assert failing_commands(copy, published(sealed))


def test_both_find_a_file_that_has_another_name_elsewhere(copy, sealed, tmp_path):
    """Whoever writes to the other name changes the bundle."""
    (tmp_path / "elsewhere.json").hardlink_to(copy / "bag/data/results.json")
    assert ours(copy) == ["refused bundle-names"]
    assert failing_commands(copy, published(sealed))


@pytest.mark.parametrize("name", [".DS_Store", "bag/data/Thumbs.db", "bag/desktop.ini", "bag/data/._plan.json"])
def test_what_a_file_manager_left_is_told_to_be_harmless(copy, name):
    (copy / name).write_bytes(b"x")
    with pytest.raises(AuditError, match="harmless") as caught:
        verify(copy)
    assert Path(name).name in caught.value.sentence


def test_both_find_a_pipe(copy, sealed):
    os.mkfifo(copy / "bag/data/pipe")
    assert ours(copy) == ["refused bundle-names"]
    assert failing_commands(copy, published(sealed))


def reseal(folder: Path, key, *, stamp_again=None) -> None:
    """What a forger does who knows the format: new manifests, signature, request and sums."""
    info = bag.read_info((folder / "bag" / bag.INFO).read_bytes())
    info.pop("Payload-Oxum")
    before = bag.digest((folder / "bag" / bag.TAGS).read_bytes())
    info[layout.LABEL_SIGNER] = bag.digest(public_pem(key))
    for name in (*bag.TAG_FILES, bag.TAGS):
        (folder / "bag" / name).unlink()
    bag.write_bag(folder / "bag", info.items())
    seal = (folder / "bag" / bag.TAGS).read_bytes()
    for name in (layout.CERTIFICATION, layout.CUSTODY):
        (folder / name).write_text((folder / name).read_text().replace(before, bag.digest(seal)))
    (folder / layout.SIGNER).write_bytes(public_pem(key))
    (folder / layout.SIGNATURE).write_bytes(key.sign(seal))
    (folder / layout.REQUEST).write_bytes(bundle.request_bytes(seal))
    if stamp_again is not None:
        (folder / layout.REPLY).write_bytes(stamp_again.reply((folder / layout.REQUEST).read_bytes()))
        (folder / layout.CHAIN).write_bytes(stamp_again.chain.read_bytes())
    layout.write_sums(folder)


@pytest.mark.parametrize("name", [layout.CERTIFICATION, layout.CUSTODY])
def test_a_form_that_was_changed_is_found_though_its_sum_was_written_anew(copy, sealed, name):
    """Nothing signs SHA256SUMS, since stamps are added later; the forms are held by the bag itself."""
    text = (copy / name).read_text()
    for other in (
        text.replace("SHA-256", "SHA-256 "),
        text.replace(bag.digest((copy / "bag" / bag.TAGS).read_bytes()), layout.BLANK),
    ):
        (copy / name).write_text(other)
        layout.write_sums(copy)
        assert set(ours(copy)) == {"beside", "forms"}
    (copy / name).write_text(text.replace("SHA-256", "SHA-256 "))
    layout.write_sums(copy)
    assert len(failing_commands(copy, published(sealed))) == 1


def test_another_environment_is_found_even_when_resealed(copy, key, authority):
    path = copy / "bag/data/environment.json"
    path.write_text(path.read_text().replace('"python"', '"python" '))
    reseal(copy, key, stamp_again=authority)
    assert set(ours(copy)) == {"records", "forms"}


def test_a_forger_with_another_key_is_told_by_fingerprint_and_stamp(copy, sealed, tmp_path):
    (copy / "bag/data/report.html").write_text("<p>held</p>")
    forger = open_key(tmp_path / "forger.pem")
    reseal(copy, forger)
    assert "bundle-stamp" in ours(copy)  # the old stamp is about the old bundle
    assert len(failing_commands(copy, published(sealed))) >= 2  # fingerprint, stamp
    true_key = bag.digest((sealed / layout.SIGNER).read_bytes())
    assert {f.check for f in verify(copy, signer=true_key) if not f.passed} >= {"signature"}
    assert verify(sealed, signer=true_key.upper())


@pytest.mark.parametrize(
    ("name", "check"),
    [
        (layout.SIGNATURE, "signature"),
        (layout.SIGNER, "signature"),
        (layout.REQUEST, "stamp-requests"),
        (layout.VERIFY, "beside"),
    ],
)
def test_both_find_a_change_whose_sum_was_written_anew(copy, sealed, name, check):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(bytes(data))
    layout.write_sums(copy)
    # Where a form can be made again, that it was not made so is found, too.
    assert {check} <= set(ours(copy)) <= {check, "forms"}
    assert len(failing_commands(copy, published(sealed))) >= 1


@pytest.mark.parametrize("name", [layout.REPLY, layout.CHAIN])
@pytest.mark.parametrize("how", ["change", "remove", "twice"])
def test_both_find_what_is_done_to_a_stamp_whose_sum_was_written_anew(copy, sealed, name, how):
    data = bytearray((copy / name).read_bytes())
    match how:
        case "change":
            data[len(data) // 2] ^= 1
            (copy / name).write_bytes(bytes(data))
        case "twice":
            (copy / name).write_bytes(bytes(data + data))
        case _:
            (copy / name).unlink()
    layout.write_sums(copy)
    assert ours(copy)
    # What stands behind a whole stamp openssl does not read.
    assert failing_commands(copy, published(sealed)) or (how == "twice" and name == layout.REPLY)


def test_results_that_the_log_does_not_tell_of_are_found_even_when_resealed(copy, key, authority):
    path = copy / "bag/data/results.json"
    path.write_text(path.read_text().replace('"artist": "An Artist"', '"artist": "Somebody"'))
    reseal(copy, key, stamp_again=authority)
    assert {"event-log", "records", "judgement"} <= set(ours(copy))


def test_a_log_with_a_line_taken_out_is_found_even_when_resealed(copy, key, authority):
    path = copy / "bag/data/events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    reseal(copy, key, stamp_again=authority)
    assert "event-log" in ours(copy)


STAMPS = ["bundle-stamp", "renewals", "plan-stamp", "revocation", "forms"]
"""Checks that say nothing good of a bundle whose own stamp is wrong; VERIFY.txt tells of that stamp."""


def test_a_token_about_something_else_is_wrong(copy, sealed, authority):
    (copy / layout.REPLY).write_bytes(authority.reply(bundle.request_bytes(b"another bag")))
    layout.write_sums(copy)
    assert ours(copy) == STAMPS
    assert len(failing_commands(copy, published(sealed))) == 1


def test_a_token_of_another_authority_is_wrong(copy, sealed, tmp_path):
    other = make_authority(tmp_path / "other", "Other TSA")
    (copy / layout.REPLY).write_bytes(other.reply((copy / layout.REQUEST).read_bytes()))
    layout.write_sums(copy)
    assert "bundle-stamp" in ours(copy)
    assert failing_commands(copy, published(sealed))
    # With the other one's root beside it, it is whole; a verifier who names the true root is not taken in.
    (copy / layout.CHAIN).write_bytes(other.chain.read_bytes())
    layout.write_sums(copy)
    assert ours(copy) == []
    true_root = (sealed / layout.CHAIN).read_bytes()
    assert [f.check for f in verify(copy, roots=true_root) if not f.passed] == STAMPS


def rewrite_times(folder: Path, *, event: str, time: str) -> None:
    """A log whose chain holds and in which one event has another time."""
    path = folder / "bag/data/events.jsonl"
    lines, previous = [], "0" * 64
    for line in path.read_bytes().splitlines():
        found = json.loads(line)
        found["previous"] = previous
        found["time"] = time if found["event"] == event else found["time"]
        text = json.dumps(found, sort_keys=True)
        lines.append(text.encode())
        previous = bag.digest(lines[-1])
    path.write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize(
    ("event", "time", "check"),
    [
        ("plan-fixed", "2099-01-01T00:00:00Z", "bundle-stamp"),
        ("training-begins", "2001-01-01T00:00:00Z", "plan-stamp"),
    ],
)
def test_a_stamp_that_contradicts_the_log_is_found_by_both(finished, key, authority, tmp_path, event, time, check):
    from audit.evidence.adapters import Adapters
    from audit.evidence.source import read_source

    run = shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "x" / "bag" / "data").mkdir(parents=True)
    shutil.copy(run / "events.jsonl", tmp_path / "x/bag/data/events.jsonl")
    rewrite_times(tmp_path / "x", event=event, time=time)
    shutil.copy(tmp_path / "x/bag/data/events.jsonl", run / "events.jsonl")
    out = tmp_path / "bundle"
    request = bundle.Request(
        profile="minimal", out=out, originals=None, protected={}, adapters=Adapters(Path("store"), {}, (), False)
    )
    bundle.write_bundle(read_source(run), request, key=key)
    reseal(out, key, stamp_again=authority)
    assert ours(out) == [check]
    assert len(failing_commands(out, published(out))) == 1


def test_without_a_stamp_the_time_is_said_not_to_be_attested(copy):
    (copy / layout.REPLY).unlink()
    (copy / layout.CHAIN).unlink()
    layout.write_sums(copy)
    said = {f.check: f for f in verify(copy)}
    assert said["bundle-stamp"].passed
    assert "time not independently attested" in said["bundle-stamp"].sentence
    assert len(said) == len(BYTES) + len(derive.CHECKS)


def test_a_folder_that_is_no_bundle(tmp_path):
    assert ours(tmp_path) == ["refused not-a-bundle"]


def test_an_empty_chain_never_falls_back_to_the_bundles_own(sealed):
    assert "bundle-stamp" in {f.check for f in verify(sealed, roots=b"") if not f.passed}


def test_whoever_names_an_authority_is_told_that_its_stamp_is_gone(copy, authority):
    assert all(f.passed for f in verify(copy, roots=authority.chain.read_bytes()))
    (copy / layout.REPLY).unlink()
    (copy / layout.CHAIN).unlink()
    layout.write_sums(copy)
    assert all(f.passed for f in verify(copy))
    failed = {f.check: f.sentence for f in verify(copy, roots=authority.chain.read_bytes()) if not f.passed}
    assert failed.keys() == {"bundle-stamp"}
    assert "the bundle has none" in failed["bundle-stamp"]
