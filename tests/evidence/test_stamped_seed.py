"""A plan that was stamped before training takes its seed from the stamp, and whoever checks the bundle can tell."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from audit import records as r
from audit.base.errors import BadEvidence
from audit.evidence import bundle
from audit.evidence.source import read_source
from audit.evidence.stamp import stamp
from audit.records.seeding import derived_seed, stamped_seed
from audit.runfolder import STAMPED_PLAN, claim
from audit.stages.seeding import under_stamp
from tests.builders import make_plan
from tests.e2e.folders import write_protected, write_spec
from tests.evidence.conftest import NO_ADAPTERS
from tests.evidence.runs import PROMPTS, begin, write_run
from tests.evidence.stranger import failing_commands
from tests.evidence.test_reproduce import call
from tests.evidence.test_verify import ours


def seed_by_openssl(folder: Path) -> int:
    """The seed as somebody without CloakCheck works it out."""
    taken = folder.parent / "token.der"
    words = ["openssl", "ts", "-reply", "-in", str(folder / "plan.tsr"), "-token_out", "-out", str(taken)]
    subprocess.run(words, check=True, capture_output=True)
    words = ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", str(taken), "-binary"]
    signed = subprocess.run(words, check=True, capture_output=True).stdout
    return int(hashlib.sha256(signed).hexdigest()[:16], 16)


def planned(folder: Path) -> r.Plan:
    """A plan whose seed follows from it, in a run folder that has not trained."""
    bare = make_plan(prompts=PROMPTS).model_copy(update={"seed_source": "plan"})
    plan = bare.model_copy(update={"seed": derived_seed(bare)})
    begin(folder, plan)
    return plan


def stamped_by(authority, folder: Path) -> None:
    reply = folder.parent / f"{folder.name}.tsr"
    reply.write_bytes(authority.reply((folder / "plan.tsq").read_bytes()))
    stamp(folder, reply=reply, url=None, chain=authority.chain)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory, authority):
    """A finished run under a stamped seed."""
    folder = tmp_path_factory.mktemp("seeded") / "run"
    plan = planned(folder)
    stamped_by(authority, folder)
    with_seed, stamped = under_stamp(plan, folder)
    claim(folder, with_seed, stamped=stamped)
    return write_run(folder, with_seed)


def bundled(run: Path, key, out: Path) -> Path:
    bundle.write_bundle(read_source(run), bundle.Request("minimal", out, None, {}, NO_ADAPTERS), key=key)
    return out


def test_the_seed_is_the_stamps_and_the_plan_is_the_same_otherwise(seeded):
    plan, stamped = read_source(seeded).plan, r.Plan.model_validate_json((seeded / STAMPED_PLAN).read_bytes())
    assert plan.seed == seed_by_openssl(seeded) != stamped.seed == derived_seed(stamped)
    kept = {"seed": 0, "seed_source": ""}
    assert plan.model_copy(update=kept) == stamped.model_copy(update=kept)


def test_two_stamps_of_one_plan_give_two_seeds(tmp_path, authority):
    plans = []
    for name in ("first", "second"):
        plan = planned(tmp_path / name)
        stamped_by(authority, tmp_path / name)
        plans.append(under_stamp(plan, tmp_path / name)[0])
    assert plans[0].seed != plans[1].seed


def test_both_routes_find_it_in_order(seeded, key, tmp_path):
    out = bundled(seeded, key, tmp_path / "bundle")
    assert ours(out) == []
    assert failing_commands(out, (out / "VERIFY.txt").read_text()) == []


def test_a_run_that_was_stopped_before_or_after_the_seed_goes_on(tmp_path, authority):
    folder = tmp_path / "run"
    plan = planned(folder)
    stamped_by(authority, folder)
    with_seed, stamped = under_stamp(plan, folder)
    # Stopped once the stamped plan was kept, before the other took its place.
    shutil.copy(folder / "plan.json", folder / STAMPED_PLAN)
    for _ in range(2):
        assert under_stamp(plan, folder) == (with_seed, stamped)
        claim(folder, with_seed, stamped=stamped)
        assert r.Plan.model_validate_json((folder / "plan.json").read_bytes()) == with_seed
        assert r.Plan.model_validate_json((folder / STAMPED_PLAN).read_bytes()) == plan
    events = [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert events.count("plan-seeded") == 1
    assert "[stamp-too-late]" in call("stamp", folder, codes=(2,))


def test_a_run_that_trained_under_the_plans_own_seed_keeps_it(tmp_path, authority):
    plan = planned(tmp_path / "run")
    stamped_by(authority, tmp_path / "run")
    write_run(tmp_path / "run", plan)
    assert under_stamp(plan, tmp_path / "run") == (plan, None)


def test_a_seed_that_somebody_typed_stays_his(tmp_path, authority):
    plan = planned(tmp_path / "run").model_copy(update={"seed_source": "given"})
    stamped_by(authority, tmp_path / "run")
    assert under_stamp(plan, tmp_path / "run") == (plan, None)


def test_a_stamp_put_aside_before_training_is_missed(tmp_path, authority):
    plan = planned(tmp_path / "run")
    stamped_by(authority, tmp_path / "run")
    (tmp_path / "run/plan.tsr").unlink()
    with pytest.raises(BadEvidence, match="put it back"):
        under_stamp(plan, tmp_path / "run")


def seed_known_before(folder: Path, authority) -> r.Plan:
    """The stamp is genuine and came before training, which was done with the plan's own seed all the same."""
    plan = planned(folder)
    stamped_by(authority, folder)
    return plan


def chosen_seed(folder: Path, authority) -> r.Plan:
    """The stamp is genuine, the seed is another."""
    plan = planned(folder)
    stamped_by(authority, folder)
    with_seed, stamped = under_stamp(plan, folder)
    other = with_seed.model_copy(update={"seed": 7})
    claim(folder, other, stamped=stamped)
    return other


def another_plan(folder: Path, authority) -> r.Plan:
    """The stamp is genuine, and over a plan with other prompts."""
    plan = planned(folder)
    stamped_by(authority, folder)
    with_seed, stamped = under_stamp(plan, folder)
    other = with_seed.model_copy(update={"prompts": ("a flower", *plan.prompts[1:])})
    claim(folder, other, stamped=stamped)
    return other


def no_stamp(folder: Path, authority) -> r.Plan:
    """The plan says that a stamp gave its seed, and there is none."""
    plan = make_plan(prompts=PROMPTS).model_copy(update={"seed_source": "stamp", "seed": stamped_seed(b"none")})
    begin(folder, plan)
    return plan


@pytest.mark.parametrize("forge", [chosen_seed, another_plan, no_stamp, seed_known_before])
def test_a_seed_that_does_not_follow_from_its_stamp_is_found(forge, tmp_path, authority, forger):
    plan = forge(tmp_path / "run", authority)
    write_run(tmp_path / "run", plan)
    assert ours(bundled(tmp_path / "run", forger, tmp_path / "bundle")) == ["seed"]


@pytest.mark.slow
def test_from_the_command_line_to_a_reproduction(tiny_model, tmp_path, authority):
    art, spec = write_protected(tmp_path / "art"), write_spec(tmp_path / "audit.toml")
    out, store, sealed = tmp_path / "run", tmp_path / "store", tmp_path / "bundle"
    works = ["--originals", art / "originals", "--protected", art / "glazed"]
    asked = [*works, "--spec", spec, "--model", tiny_model, "--store", store, "--preset", "quick", "--declare"]
    call("plan", *asked, "--out", out)
    stamped_by(authority, out)
    assert "follows from the plan's time stamp" in call("run", *asked, "--out", out, codes=(0, 3))
    plan, stamped = read_source(out).plan, r.Plan.model_validate_json((out / STAMPED_PLAN).read_bytes())
    assert plan.draws != stamped.draws
    assert (plan.seed_source, plan.seed) == ("stamp", seed_by_openssl(out))
    assert "time stamp" in (out / "report.html").read_text()
    call("run", *asked, "--out", out, codes=(0, 3))
    call("bundle", out, "--out", sealed, "--key", tmp_path / "key.pem", "--store", store, "--profile", "full", *works)
    assert f"follows from the time stamp over plan {stamped.digest()}" in call("verify", sealed)
    again = tmp_path / "again"
    call("reproduce", sealed, "--model", tiny_model, "--store", tmp_path / "other", "--out", again)
    call("bundle", again, "--out", tmp_path / "b2", "--key", tmp_path / "key.pem", "--store", tmp_path / "other")
    assert f"follows from the time stamp over plan {stamped.digest()}" in call("verify", tmp_path / "b2")
