"""Whole audits on a tiny random model through the real command line."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from statistics import mean

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.records import Results
from audit.runfolder.event_log import read_events
from audit.store.owners import OWNERS
from tests.compared import unlike
from tests.e2e.folders import write_originals, write_protected, write_references, write_spec
from tests.encoders import write_dinov2, write_openclip

ROOT = Path(__file__).resolve().parent.parent.parent
VOLATILE = ("started", "finished", "seconds", "steps_run", "steps_reused", "stage_seconds", "sessions", "plan_fixed")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("art")
    write_originals(folder / "mixed")
    write_protected(folder / "pairs")
    write_spec(folder / "audit.toml")
    return folder


def arguments(folders, tiny_model, out, store, *more):
    fixed = ["run", "--model", str(tiny_model), "--spec", str(folders / "audit.toml")]
    return [*fixed, "--out", str(out), "--store", str(store), "--device", "cpu", *more]


def invoke(args):
    return CliRunner().invoke(app, [str(a) for a in args])


def stable(results: dict) -> dict:
    """results.json without what may differ between two runs: times."""
    results = json.loads(json.dumps(results))
    for name in VOLATILE:
        del results["provenance"][name]
    for cell in results["cells"]:
        if cell["adapter"]:
            del cell["adapter"]["seconds"]
    # When the ledger of each store began.
    del results["attempts"]["since"]
    return results


def read(out: Path) -> dict:
    return json.loads((out / "results.json").read_text())


def test_stranger_folder_with_a_reference_protection(folders, tiny_model, tmp_path):
    out = tmp_path / "out"
    done = invoke(
        arguments(folders, tiny_model, out, tmp_path / "store", "--originals", folders / "mixed", "--protect",
                  "encoder-pgd:12", "--against", "jpeg:60", "--control", "null", "--control", "identity",
                  "--reference-artists", write_references(tmp_path / "others"),
                  "--control", "clean-again", "--artist", "A. <b>Nonymous</b>", "--replicates", 2, "--no-battery")
    )  # fmt: skip
    assert done.exit_code in (0, 3), done.stderr
    assert done.stdout.splitlines()[-1] == str(out / "report.html")
    results = Results.model_validate(read(out))
    names = [c.name for c in results.plan.conditions]
    assert names == [
        "clean", "encoder-pgd:12", "encoder-pgd:12+jpeg:60", "clean+jpeg:60",
        "null", "identity", "clean-again", "placebo",
    ]  # fmt: skip
    assert len(results.cells) == 2 + 8 * 2
    cells = {(c.condition, c.replicate): c for c in results.cells}
    for replicate in (1, 2):
        clean, same = cells["clean", replicate], cells["identity", replicate]
        assert clean.adapter.sha256 == same.adapter.sha256
        assert clean.generations.pixels == same.generations.pixels
        assert cells["clean-again", replicate].adapter.sha256 != clean.adapter.sha256
        assert cells["encoder-pgd:12", replicate].adapter.works == clean.adapter.works
        assert cells["encoder-pgd:12", replicate].adapter.sha256 != clean.adapter.sha256
    assert max(v.linf for v in results.visibility if v.condition == "encoder-pgd:12") <= 12
    assert max(v.linf for v in results.visibility if v.condition == "null") == 1
    assert [r.artists for r in results.recognition] == [("ann", "bob", "cy")] * 2
    assert all(c.nearest.keys() == {"channel_stats", "openclip"} for c in results.cells)
    assert {i for c in results.cells for row in c.nearest.values() for i in row} <= {0, 1, 2, 3}
    rates = [e for e in results.estimates if e.name == "recognised_rate" and e.metric == "openclip"]
    assert [e.condition for e in rates] == ["base", *names]
    assert all(m.others_artists == 3 for m in results.metrics)
    lengths: dict[int, list[float]] = {}
    for cell in results.cells:
        draw = results.plan.draw(cell.replicate)
        assert {s.prompt for s in cell.scores} == set(draw.prompts)
        assert {len(row) for row in cell.by_work.values()} == {len(draw.held_out)}
        if cell.adapter is not None:
            assert cell.adapter.works == (draw.trained_again if cell.condition == "clean-again" else draw.trained)
        # A score is the mean closeness to the works over the length of their mean, the same for all of a replicate.
        scores = [s.value for s in cell.scores if s.metric == "channel_stats"]
        lengths.setdefault(cell.replicate, []).append(mean(cell.by_work["channel_stats"]) / mean(scores))
    assert all(0 < found[0] <= 1 and found == pytest.approx([found[0]] * 9) for found in lengths.values())
    assert all(len(m.real_means) == 2 for m in results.metrics)
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "<b>Nonymous</b>" not in html
    assert str(tmp_path) not in html
    assert str(tmp_path) not in (out / "results.json").read_text()
    assert all((out / "images" / f).exists() for c in results.cells for f in c.generations.files)


def test_pictures_with_noise_are_matched_by_base_and_clean(folders, tiny_model, tmp_path):
    """With next to no step allowed, every condition noisier than clean gets its control, and a judge can use it."""
    spec = write_spec(tmp_path / "audit.toml", text="[margins]\nnoise_matched = 1e-6\n")
    store = tmp_path / "store"
    options = ["--originals", folders / "mixed", "--protect", "encoder-pgd:40", "--control", "placebo:60"]
    noisier: set[str] = set()
    # Which condition draws noisier pictures hangs on the draw and, at so small a model, on how sums are rounded.
    for seed in range(8):
        out = tmp_path / f"out-{seed}"
        asked = arguments(folders, tiny_model, out, store, *options, "--replicates", 2, "--seed", seed)
        args = [str(spec) if a == str(folders / "audit.toml") else a for a in asked]
        assert invoke(args).exit_code in (0, 3)
        results = Results.model_validate(read(out))
        levels: dict[str, list[float]] = {}
        for cell in results.cells:
            assert len(cell.generations.noise) == len(cell.generations.pixels)
            levels.setdefault(cell.condition, []).append(sum(cell.generations.noise))
        primary = [c.name for c in results.plan.conditions if c.primary]
        noisier = {c for c in primary if sum(levels[c]) > sum(levels["clean"])}
        if noisier:
            break
    assert noisier, "one of the seeds gives a noisy condition"
    controls = [(c.condition, c.replicate, c.of) for c in results.noise_controls]
    assert set(controls) == {(name, r, of) for name in noisier for r in (1, 2) for of in ("base", "clean")}
    assert len(controls) == len(set(controls))
    per_cell = len(results.plan.metrics) * len(results.plan.prompts) * results.plan.sampling.per_prompt
    assert all(len(c.scores) == per_cell for c in results.noise_controls)
    found = {e.condition for e in results.estimates if e.name == "index_at_equal_noise"}
    assert found == noisier
    shutil.rmtree(out)
    assert invoke(args).exit_code in (0, 3)
    assert Results.model_validate(read(out)).noise_controls == results.noise_controls


def test_renamed_protected_copies_are_paired(folders, tiny_model, tmp_path):
    out = tmp_path / "out"
    done = invoke(
        arguments(folders, tiny_model, out, tmp_path / "store", "--originals", folders / "pairs" / "originals",
                  "--protected", folders / "pairs" / "glazed", "--preset", "quick", "--json")
    )  # fmt: skip
    assert done.exit_code in (0, 3), done.stderr
    assert json.loads(done.stdout)["report"].endswith("report.html")
    results = Results.model_validate(read(out))
    assert [c.name for c in results.plan.conditions] == ["clean", "protected"]
    assert {p.matched_by for p in results.plan.protected} == {"name"}
    assert all("Glaze" in p.claimed_tool for p in results.plan.protected)
    works = {w.id: w.name for w in results.plan.works}
    assert all(p.name.startswith(works[p.work].removesuffix(".png") + "-") for p in results.plan.protected)
    assert 8 <= max(v.linf for v in results.visibility) <= 10
    recorded = set(results.provenance.stage_seconds)
    assert {"stage.open", "stage.read", "stage.plan", "stage.load", "stage.start", "stage.measure"} <= recorded
    assert sum(results.provenance.stage_seconds.values()) <= results.provenance.seconds + 1
    last = read_events((out / "events.jsonl").read_bytes())[-1]
    assert last["event"] == "finished"
    assert set(last["stage_seconds"]) == recorded | {"stage.report"}


@pytest.fixture(scope="module")
def finished(folders, tiny_model, tmp_path_factory):
    """An audit that nobody disturbed, with its store."""
    folder = tmp_path_factory.mktemp("finished")
    args = arguments(folders, tiny_model, folder / "out", folder / "store", "--originals", folders / "mixed",
                     "--protect", "encoder-pgd:12", "--replicates", 2)  # fmt: skip
    assert invoke(args).exit_code in (0, 3)
    return folder, args


def test_running_again_reuses_every_step(finished):
    folder, args = finished
    before = read(folder / "out")
    done = invoke(args)
    assert done.exit_code in (0, 3), done.stderr
    after = read(folder / "out")
    assert unlike(stable(after), stable(before)) == []
    assert after["provenance"]["steps_run"] == 0
    assert f"{after['provenance']['steps_reused']} finished steps were reused, 0 were run" in done.stderr
    events = [json.loads(line) for line in (folder / "out" / "events.jsonl").read_text().splitlines()]
    rows = [row for event in events if event["event"] == "steps-reused" for row in event["steps"]]
    assert len(rows) == after["provenance"]["steps_reused"]
    assert {row[3] for row in rows} == {after["provenance"]["plan_sha256"]}


def test_a_result_put_in_anothers_place_is_an_alarm_and_goes_without_reuse(finished, tmp_path):
    """With the product's own store and every digest made anew: the pictures of clean for those of the protection."""
    whole, args = finished
    before = read(whole / "out")
    again = [str(a) for a in args]
    again[again.index("--out") + 1], again[again.index("--store") + 1] = str(tmp_path / "o"), str(tmp_path / "s")
    # Without what the store knows of run folders: `forget` at the end must not find the one that other tests read.
    shutil.copytree(whole / "store", tmp_path / "s", ignore=shutil.ignore_patterns("tmp", OWNERS))
    drawn = {(c["condition"], c["replicate"]): c["generations"]["pixels"] for c in before["cells"]}
    for value in (tmp_path / "s").glob("steps/pictures/*/value.json"):
        of = [key for key, pixels in drawn.items() if pixels == json.loads(value.read_text())]
        if of and of[0][0] == "encoder-pgd:12":
            value.write_text(json.dumps(drawn["clean", of[0][1]]))
            manifest = json.loads((value.parent / "manifest.json").read_text())
            manifest["value.json"] = hashlib.sha256(value.read_bytes()).hexdigest()
            (value.parent / "manifest.json").write_text(json.dumps(manifest))
    assert invoke(again).exit_code == 3
    (check,) = [c for c in read(tmp_path / "o")["checks"] if c["slug"] == "models-apart"]
    assert (check["passed"], check["of"]) == (False, ["encoder-pgd:12"])
    anew = invoke([*again, "--no-reuse"])
    assert anew.exit_code in (0, 3), anew.stderr
    after = read(tmp_path / "o")
    assert after["provenance"]["steps_reused"] == 0
    assert [c["scores"] for c in after["cells"]] == [c["scores"] for c in before["cells"]]
    assert not [c for c in after["checks"] if c["slug"] == "models-apart"]
    gone = invoke(["forget", "--store", tmp_path / "s", "--all", "--yes"])
    assert gone.exit_code == 0, gone.stderr
    assert not (tmp_path / "o").exists(), "every file that a run writes is one that forget knows"


# One point inside each stage: the process is killed when the given number of such steps is finished.
@pytest.mark.parametrize(
    ("stage", "count"), [("treated", 1), ("checkpoint", 1), ("adapter", 2), ("pictures", 3), ("features", 4)]
)
def test_killed_anywhere_and_run_again_ends_the_same(stage, count, folders, tiny_model, finished, tmp_path):
    whole, args = finished
    out, store = tmp_path / "out", tmp_path / "store"
    again = [str(a) for a in args]
    again[again.index("--out") + 1], again[again.index("--store") + 1] = str(out), str(store)
    # A long training stage, so that the kill falls inside it and not after.
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.killed", stage, str(count), *again],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    _, errors = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert not (out / "results.json").exists()
    # The same command goes on, or its folder alone.
    done = invoke(["resume", out, "--yes"] if stage in ("adapter", "features") else again)
    assert done.exit_code in (0, 3), done.stderr
    assert unlike(stable(read(out)), stable(read(whole / "out"))) == []
    assert read(out)["provenance"]["steps_reused"] >= (0 if stage == "checkpoint" else count)
    assert not any((store / "checkpoints").glob("*"))


def test_killed_between_the_two_reports_and_gone_on_with_ends_the_same(folders, tiny_model, tmp_path):
    """Clean and the protection come first; the sixth adapter is that of a control."""
    asked = ["--originals", folders / "mixed", "--protect", "encoder-pgd:12", "--preset", "quick", "--replicates", 2]
    asked += ["--control", "clean-again", "--control", "placebo"]
    args = [str(a) for a in arguments(folders, tiny_model, "OUT", "STORE", *asked)]

    def at(folder: Path) -> list[str]:
        return [{"OUT": str(folder / "out"), "STORE": str(folder / "store")}.get(a, a) for a in args]

    assert invoke(at(tmp_path / "whole")).exit_code in (0, 3)
    whole, out = read(tmp_path / "whole" / "out"), tmp_path / "cut" / "out"
    killed = subprocess.run(
        [sys.executable, "-m", "tests.e2e.killed", "adapter", "5", *at(tmp_path / "cut")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    first = read(out)
    assert first["pending"] == ["clean-again", "placebo"]
    assert {c["condition"] for c in first["cells"]} == {"base", "clean", "encoder-pgd:12"}
    assert first["verdict"]["label"] in ("exploratory", "not-valid")
    assert f"A first report lies in {out / 'report.html'}" in killed.stderr
    picture = killed.stderr.split("lie beside ")[1].splitlines()[0].removesuffix(".")
    assert Path(picture).is_file()
    assert "This is a first report" in (out / "report.html").read_text(encoding="utf-8")
    for command in (["judge", out], ["report", out], ["export", out], ["bundle", out, "--out", tmp_path / "b"]):
        refused = invoke(command)
        assert refused.exit_code == 2, command
        assert "has a first report only, without clean-again and placebo" in refused.stderr
    done = invoke(["resume", out, "--yes"])
    assert done.exit_code in (0, 3), done.stderr
    assert "was written again, now with clean-again and placebo" in done.stderr
    assert stable(read(out)) == stable(whole)
    assert "pending" not in whole
    assert "This is a first report" not in (out / "report.html").read_text(encoding="utf-8")
    # Nothing is left to train: no measuring, and no first report in the place of the last one.
    again = invoke(at(tmp_path / "cut"))
    assert "come to its end before" in again.stderr
    assert "A first report" not in again.stderr
    assert "Measuring this machine" not in again.stderr


def test_control_c_stops_cleanly_and_says_how_to_go_on(folders, tiny_model, finished, tmp_path):
    _, args = finished
    again = [str(a) for a in args]
    again[again.index("--out") + 1], again[again.index("--store") + 1] = str(tmp_path / "o"), str(tmp_path / "s")
    process = subprocess.Popen(
        [sys.executable, "-m", "audit.cli", *again],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # A shell's background job has the signal switched off, and its children too.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not any((tmp_path / "s").glob("steps/*/*/manifest.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "run the same command again" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "o" / "results.json").exists()


def test_judge_and_report_from_results_alone(finished, tmp_path):
    folder, _ = finished
    copy = shutil.copytree(folder / "out", tmp_path / "copy")
    before = read(copy)
    (copy / "report.html").unlink()
    done = invoke(["judge", copy])
    assert done.exit_code in (0, 3), done.stderr
    assert unlike(read(copy), before) == []
    (copy / "report.html").unlink()
    assert invoke(["report", copy]).exit_code == 0
    assert (copy / "report.html").exists()


def test_plan_trains_nothing_and_states_the_cost(folders, tiny_model, tmp_path):
    args = arguments(folders, tiny_model, tmp_path / "out", tmp_path / "store", "--originals", folders / "mixed",
                     "--protect", "encoder-pgd", "--against", "jpeg", "--no-battery")  # fmt: skip
    done = invoke(["plan", *args[1:]])
    assert done.exit_code == 0, done.stderr
    assert "models to train 36" in done.stdout
    for word in ("This takes about", "memory about", "disk about"):
        assert word in done.stdout
    assert not (tmp_path / "store" / "steps" / "adapter").exists()
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert plan["margins"]["held"] == 0.5


def test_until_decided_stops_at_the_look_that_decides_and_resumes_there(folders, tiny_model, tmp_path, monkeypatch):
    looked = []

    def decide(plan, cells):
        looked.append(max(c.replicate for c in cells))
        return looked[-1] == 3

    # A plan of fewer than six trainings a side is looser than the tool allows; here it saves time.
    monkeypatch.setattr("audit.plan.making.refuse_loosened", lambda margins: None)
    # The tiny model learns no style, so no real data would ever decide.
    monkeypatch.setattr("audit.stages.mimics.decided", decide)
    out = tmp_path / "out"
    (tmp_path / "audit.toml").write_text(
        (folders / "audit.toml").read_text().replace('"prompts.txt"', json.dumps(str(folders / "prompts.txt")))
        + "\n[margins]\nmin_replicates = 2\n"
    )
    args = ["run", "--model", tiny_model, "--spec", tmp_path / "audit.toml", "--originals", folders / "mixed",
            "--protect", "encoder-pgd:12", "--preset", "quick", "--replicates", 5, "--until-decided",
            "--out", out, "--store", tmp_path / "store", "--device", "cpu"]  # fmt: skip
    done = invoke(args)
    assert done.exit_code in (0, 3), done.stderr
    assert looked == [2, 3]
    assert "clear after 3 of 5 replicates" in done.stderr
    results = Results.model_validate(read(out))
    assert (results.plan.replicates, results.stopped_after, results.replicates) == (5, 3, 3)
    assert [(c.condition, c.replicate) for c in results.cells] == [
        *(("base", r) for r in (1, 2, 3)), *((name, r) for r in (1, 2, 3) for name in ("clean", "encoder-pgd:12"))
    ]  # fmt: skip
    assert "cells-left-out" not in [d.slug for d in results.deviations]
    assert any(e.name == "protection_index_sequential" for e in results.estimates)
    before = read(out)
    assert invoke(args).exit_code in (0, 3)
    assert unlike(stable(read(out)), stable(before)) == []
    assert read(out)["provenance"]["steps_run"] == 0


def test_a_changed_margin_shows_in_results_and_report(finished, tmp_path):
    folder, _ = finished
    copy = shutil.copytree(folder / "out", tmp_path / "copy")
    before = read(copy)
    assert before["plan"]["hypotheses"]
    assert before["provenance"]["plan_file_sha256"] == before["provenance"]["plan_sha256"]
    assert len(before["provenance"]["sessions"]) >= 1
    done = invoke(["judge", copy, "--margin", "held=0.3"])
    assert done.exit_code in (0, 3), done.stderr
    assert [d["slug"] for d in read(copy)["deviations"]] == ["margins-changed"]
    assert "held from 0.5 to 0.3" in (copy / "report.html").read_text(encoding="utf-8")
    assert invoke(["judge", copy, "--margin", "hold=0.3"]).exit_code == 2
    refused = invoke(["judge", copy, "--margin", "min_replicates=1"])
    assert refused.exit_code == 2
    assert "min_replicates was 1, where 6 or more is allowed" in refused.stderr
    assert invoke(["judge", copy]).exit_code in (0, 3)
    assert unlike(read(copy), before) == []


def test_a_plan_made_after_trainings_does_not_pass_for_the_first(folders, tiny_model, tmp_path):
    """Train under one plan, see how it comes out, then fix another one that takes the trained models from the store."""

    def run(name, *more):
        shared = ("--originals", folders / "mixed", "--protect", "encoder-pgd:12", "--preset", "quick", "--seed", 1)
        done = invoke(arguments(folders, tiny_model, tmp_path / name, tmp_path / "store", *shared, *more))
        assert done.exit_code in (0, 3), done.stderr
        return Results.model_validate(read(tmp_path / name))

    seen = run("first", "--replicates", 2)
    assert seen.provenance.before_plan == ()
    assert "steps-before-plan" not in [d.slug for d in seen.deviations]
    time.sleep(1.1)  # moments are whole seconds
    again = run("second", "--replicates", 3)
    counts = {steps.step: steps.count for steps in again.provenance.before_plan}
    assert counts["adapter"] == 4  # two conditions, two replicates
    assert counts["pictures"] >= 4
    assert {"adapter", "pictures", "features"} == counts.keys()
    assert {plan for s in again.provenance.before_plan for plan in s.plans} == {seen.plan.digest()}
    assert all(s.last_made < again.provenance.plan_fixed for s in again.provenance.before_plan)
    (said,) = [d.sentence for d in again.deviations if d.slug == "steps-before-plan"]
    assert "4 trained models" in said
    assert "later than part of what this test used" in (tmp_path / "second" / "report.html").read_text("utf-8")
    # Gone on with in its own folder, a run finds its own steps, which are younger than its plan.
    assert run("first", "--replicates", 2).provenance.before_plan == ()
    sealed = tmp_path / "bundle"
    bundled = invoke(["bundle", tmp_path / "second", "--out", sealed, "--store", tmp_path / "store", "--key",
                      tmp_path / "key.pem", "--keep-adapters"])  # fmt: skip
    assert bundled.exit_code == 0, bundled.stderr
    told = invoke(["verify", sealed])
    assert told.exit_code == 0, told.stderr
    assert "NOT shown that the plan came before the first training" in told.stdout + told.stderr
    form = " ".join((sealed / "CERTIFICATION-template.txt").read_text("utf-8").split())
    assert "NOT certified to be before the first training" in form
    assert "fixed before training began" not in form


def test_a_real_model_is_judged_by_the_encoders_that_are_there(folders, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(tmp_path / "encoders"))
    spec = (folders / "audit.toml").read_text().replace('primary_metric = "channel_stats"\n', "")
    (tmp_path / "audit.toml").write_text(spec.replace('"prompts.txt"', json.dumps(str(folders / "prompts.txt"))))
    args = ["run", "--model", tiny_model, "--spec", tmp_path / "audit.toml", "--originals", folders / "mixed",
            "--protect", "encoder-pgd:12", "--preset", "quick", "--replicates", 2, "--out", tmp_path / "out",
            "--store", tmp_path / "store", "--device", "cpu"]  # fmt: skip
    others = ["--reference-artists", write_references(tmp_path / "others")]
    refused = invoke(args + others)
    assert refused.exit_code == 2
    assert "[encoder-missing]" in refused.stderr
    write_openclip(tmp_path / "encoders" / "openclip_l14")
    write_dinov2(tmp_path / "encoders" / "dinov2")
    assert "[references-needed]" in invoke(args).stderr
    assert not (tmp_path / "out").exists()
    done = invoke([*args, *others, "--subjects"])
    assert done.exit_code in (0, 3), done.stderr
    results = Results.model_validate(read(tmp_path / "out"))
    assert results.plan.concepts == ("red house",)
    # Base draws the subjects once: no model is compared with it here.
    trained = [(c.condition, c.replicate) for c in results.cells if c.condition != "base"]
    assert [(s.condition, s.replicate) for s in results.subjects] == [("base", 0), *trained]
    shifts = [e for e in results.estimates if e.name == "subject_shift"]
    assert [(e.condition, e.n) for e in shifts] == [("encoder-pgd:12", 2)]
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Do pictures still show what was asked for?" in html
    assert results.plan.metrics == ("openclip_l14", "dinov2", "channel_stats")
    assert results.plan.primary_metric == "openclip_l14"
    assert set(results.plan.metric_weights) == set(results.plan.metrics)
    assert [m.others_artists for m in results.metrics] == [3, 3, 3]
    separates = next(c for c in results.checks if c.slug == "metric-separates")
    assert "openclip_l14" in separates.detail
