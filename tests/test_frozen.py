"""Files of earlier schema versions open for ever, with what they said then (tests/frozen/README.md)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit import records as r
from audit.base.errors import BadResults
from audit.base.messages import catalogue, render
from audit.cli import app
from audit.evidence import derive
from audit.evidence.layout import LABEL_SCHEMA
from audit.evidence.verify import verify
from audit.judge import judge, with_margins
from audit.judge.deviations import deviations
from audit.judge.scored import judge_score
from audit.records.versions import names, read_record
from tests.evidence.stranger import failing_commands
from tests.report.soup import taste

FROZEN = Path(__file__).parent / "frozen" / "v1"
RUNS = {"sample": "sample", "bundle-redacted": "bundle-redacted/bag/data", "bundle-full": "bundle-full/bag/data"}
FILES = [
    *((r.Results, f"{folder}/results.json") for folder in RUNS.values()),
    *((r.Plan, f"{folder}/plan.json") for folder in RUNS.values()),
    (r.Environment, "bundle-redacted/bag/data/environment.json"),
    (r.CalibrationCard, "calibration.json"),
    (r.ScorePlan, "score/plan.json"),
    (r.ScoreResults, "score/score.json"),
]


def told(name: str):
    return json.loads((FROZEN / f"{name}.said.json").read_text(encoding="utf-8"))


def frozen_results(name: str) -> r.Results:
    return read_record(r.Results, (FROZEN / RUNS[name] / "results.json").read_bytes(), name="results.json")


def written(results: r.Results) -> dict:
    return json.loads(results.model_dump_json())


def read_again(values: dict) -> r.Results:
    return read_record(r.Results, json.dumps(values).encode(), name="results.json")


@pytest.mark.parametrize(("kind", "file"), FILES, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_a_file_of_version_1_is_written_again_as_it_was(kind, file):
    data = (FROZEN / file).read_bytes()
    record = read_record(kind, data, name=file)
    assert record.canonical() == r.canonical_json(json.loads(data))
    assert read_record(kind, record.model_dump_json().encode(), name=file) == record


@pytest.mark.parametrize("name", RUNS)
def test_results_say_what_they_said(name):
    results, then = frozen_results(name), told(name)
    assert (results.digest(), results.plan.digest()) == (then["digest"], then["plan_digest"])
    assert results.verdict is not None
    assert (results.verdict.label, render(results.verdict.said)) == (
        then["verdict"]["label"],
        then["verdict"]["sentence"],
    )
    assert {name: (v.label, render(v.said)) for name, v in results.verdict.per_condition.items()} == {
        name: (v["label"], v["sentence"]) for name, v in then["verdict"]["per_condition"].items()
    }
    assert [(c.slug, c.passed, render(c.said), render(c.figures)) for c in results.checks] == [
        (c["slug"], c["passed"], c["sentence"], c["detail"]) for c in then["checks"]
    ]
    assert [(n.said.slug, render(n.said)) for n in (*results.notes, *results.deviations)] == [
        (n["slug"], n["sentence"]) for n in (*then["notes"], *then["deviations"])
    ]


def test_the_card_keeps_its_digest():
    card = read_record(r.CalibrationCard, (FROZEN / "calibration.json").read_bytes(), name="calibration.json")
    assert (card.digest(), card.setup) == (told("calibration")["digest"], told("calibration")["setup"])


def test_conditions_are_called_what_they_were_called():
    then = told("names")
    assert {name: render(names.condition_words(name)) for name in then["words"]} == {
        name: english for name, (english, _) in then["words"].items()
    }
    for run in RUNS:
        found = {c.name: render(c.label) for c in frozen_results(run).plan.conditions}
        assert found == {name: english for name, (english, _) in then[run].items()}


def test_what_a_name_meant_is_written_down():
    found = {
        c.name: (c.of, c.treated_by, c.twin, c.budget, c.truth)
        for c in frozen_results("bundle-redacted").plan.conditions
    }
    assert found == {
        "clean": (None, (), None, None, None),
        "protected": (None, (), None, None, None),
        "encoder-pgd:16": (None, (), None, None, None),
        "protected+jpeg:50": ("protected", ("jpeg:50",), "clean+jpeg:50", None, None),
        "clean+jpeg:50": ("clean", ("jpeg:50",), None, None, None),
        "placebo": (None, (), None, 16, None),
        "null": (None, (), None, None, "same-pictures"),
    }


def figures(row):
    return row["value"], row["low"], row["high"]


@pytest.mark.parametrize("name", RUNS)
def test_stages_of_then_are_those_of_today(name):
    made = {"train", "generate", "score"}  # of runs that tests make up
    assert set(frozen_results(name).provenance.stage_seconds) <= {*catalogue(), *made}


# --- judged again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_judging_again_gives_the_same_answers(name):
    again, then = judge(frozen_results(name)), told(name)
    assert again.verdict is not None
    assert (again.verdict.label, again.verdict.sentence) == (then["verdict"]["label"], then["verdict"]["sentence"])
    assert {c.slug: c.passed for c in again.checks} == {c["slug"]: c["passed"] for c in then["checks"]}
    assert [d.slug for d in again.deviations] == [d["slug"] for d in then["deviations"]]
    found = {(e.name, e.condition, e.metric): (e.value, e.low, e.high) for e in again.estimates}
    for row in then["estimates"]:
        for value, expected in zip(found[row["name"], row["condition"], row["metric"]], figures(row), strict=True):
            assert value == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-12)), row["name"]


def test_a_score_is_judged_again():
    results = read_record(r.ScoreResults, (FROZEN / "score/score.json").read_bytes(), name="score.json")
    then = told("score")
    assert (results.digest(), results.plan.digest()) == (then["digest"], then["plan_digest"])
    again = judge_score(results)
    assert again.verdict is not None
    assert (again.verdict.label, again.verdict.sentence) == (then["verdict"]["label"], then["verdict"]["sentence"])
    assert {c.slug: c.passed for c in again.checks} == {c["slug"]: c["passed"] for c in then["checks"]}


def test_what_is_judged_again_is_of_today_and_its_plan_stays_as_it_was_fixed():
    before = frozen_results("sample")
    again = read_again(written(judge(before)))
    assert (again.schema_version, again.plan.schema_version) == (r.SCHEMA_VERSION, 1)
    assert written(again)["plan"] == json.loads((FROZEN / "sample/plan.json").read_bytes())
    assert again.plan.digest() == before.provenance.plan_sha256
    assert again.deviations == ()
    changed = with_margins(again, {"held": 0.6})
    assert [d.slug for d in deviations(changed)] == ["margins-changed"]
    assert [d.slug for d in deviations(read_again(written(judge(changed))))] == ["margins-changed"]


@pytest.mark.parametrize("judged", [False, True], ids=["as-it-was", "judged-again"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", 99), ("trigger", "another"), ("primary_metric", "openclip"), ("hypotheses", [])],
)
def test_another_plan_cannot_have_the_digest_of_an_old_one(field, value, judged):
    results = frozen_results("sample")
    values = written(judge(results) if judged else results)
    assert values["plan"][field] != value
    values["plan"][field] = value
    forged = read_again(values)
    assert forged.plan.digest() != results.provenance.plan_sha256
    assert "plan-changed" in [d.slug for d in deviations(forged)]


def test_an_old_plan_cannot_pass_for_one_of_today():
    values = written(judge(frozen_results("sample")))
    values["plan"]["schema_version"] = r.SCHEMA_VERSION
    with pytest.raises(ValueError, match="hypotheses"):
        read_again(values)


@pytest.mark.parametrize("field", ["words", "twin", "truth", "of", "budget"])
def test_an_old_plan_cannot_be_told_to_mean_something_else(field):
    values = written(frozen_results("sample"))
    values["plan"]["conditions"][1][field] = None
    with pytest.raises(ValueError, match=f"schema version 1 has no Condition with '{field}'"):
        read_again(values)


# --- the commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bundle-redacted", "bundle-full"])
def test_a_bundle_verifies_as_it_did(name):
    findings = {f.check: f for f in verify(FROZEN / name)}
    # Came with version 2: these bundles do not say how old what they took from a store was.
    assert findings.pop("plan-first").sentence.endswith("was not recorded.")
    # Came later, too; in the full one only the plan is stamped.
    renewals = "verify.not-renewed" if name == "bundle-redacted" else "verify.no-renewal"
    assert [findings.pop(c).said.id for c in ("renewals", "revocation")] == [renewals, "verify.revocation-unknown"]
    derived = {check: findings.pop(check) for check, _ in derive.CHECKS}
    assert [[f.check, f.passed, f.sentence] for f in findings.values()] == told(name)["verify"]
    # Parts that an earlier version wrote in its own way are passed over and said to be; what follows is derived.
    assert all(f.passed for f in derived.values())
    assert (derived["contents"].derived, derived["pictures"].derived, derived["reports"].derived) == (True, True, False)


@pytest.mark.parametrize("name", ["bundle-redacted", "bundle-full"])
def test_a_bundle_of_before_passes_its_own_commands(name):
    """Without a start page, which came later; its VERIFY.txt is run in a shell, with sha256sum and openssl."""
    folder = FROZEN / name
    assert not (folder / "START-HERE.html").exists()
    text = (folder / "VERIFY.txt").read_text()
    # Stamps had no part of their own then.
    assert failing_commands(folder, text.replace("\n\nWINDOWS", "\n\nTIME STAMPS\n\nWINDOWS", 1)) == []


def test_a_bundle_of_a_newer_layout_is_refused(tmp_path):
    folder = shutil.copytree(FROZEN / "bundle-full", tmp_path / "bundle")
    info = folder / "bag" / "bag-info.txt"
    info.write_bytes(info.read_bytes() + f"{LABEL_SCHEMA}: {r.SCHEMA_VERSION + 1}\n".encode())
    with pytest.raises(BadResults, match="newer CloakCheck"):
        verify(folder)


@pytest.fixture
def run_folder(tmp_path):
    return shutil.copytree(FROZEN / RUNS["bundle-redacted"], tmp_path / "run")


def answer(page: Path) -> str:
    (headline,) = taste(page.read_text(encoding="utf-8")).text("h1")
    return headline


def command(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done


def test_report_and_judge_open_a_run_folder(run_folder):
    before = (run_folder / "results.json").read_bytes()
    command("report", run_folder, "--court")
    assert (run_folder / "results.json").read_bytes() == before
    sentence = told("bundle-redacted")["verdict"]["sentence"]
    # The court edition speaks in the third person.
    assert answer(run_folder / "report-court.html") == sentence.replace("your protected", "the protected")
    command("judge", run_folder)
    assert json.loads((run_folder / "results.json").read_bytes())["schema_version"] == r.SCHEMA_VERSION
    assert answer(run_folder / "report.html") == sentence


@pytest.fixture
def without_pictures(tmp_path):
    return shutil.copytree(FROZEN / RUNS["sample"], tmp_path / "sample")


def test_a_run_without_its_pictures_gets_a_page_where_none_is(without_pictures):
    command("report", without_pictures, "--court")
    said = told("sample")["verdict"]["sentence"]
    assert answer(without_pictures / "report.html") == answer(without_pictures / "report-court.html") == said


def test_a_page_is_kept_where_the_pictures_are_gone(without_pictures, tmp_path):
    page = without_pictures / "report.html"
    page.write_text("before")
    for words in ([], ["--out", page], ["--court"]):
        done = CliRunner().invoke(app, [str(word) for word in ("report", without_pictures, *words)])
        assert (done.exit_code, "[pictures-missing]" in done.stderr) == (2, True)
    command("report", without_pictures, "--out", tmp_path / "new" / "page.html", "--court")
    said = told("sample")["verdict"]["sentence"]
    assert answer(tmp_path / "new" / "page.html") == answer(tmp_path / "new" / "page-court.html") == said
    assert sorted(p.name for p in without_pictures.iterdir()) == ["plan.json", "report.html", "results.json"]
    done = command("judge", without_pictures)
    assert "results.json was judged again, and report.html left as before" in done.stderr
    assert page.read_text() == "before"
    assert json.loads((without_pictures / "results.json").read_bytes())["schema_version"] == r.SCHEMA_VERSION


def test_judge_writes_a_page_where_none_is(without_pictures):
    done = command("judge", without_pictures)
    assert "left as before" not in done.stderr
    assert answer(without_pictures / "report.html") == told("sample")["verdict"]["sentence"]


def test_a_report_is_no_folder(without_pictures, tmp_path):
    done = CliRunner().invoke(app, ["report", str(without_pictures), "--out", str(tmp_path)])
    assert (done.exit_code, "[report-out-folder]" in done.stderr) == (2, True)


def test_report_and_judge_open_a_score(tmp_path):
    folder = shutil.copytree(FROZEN / "score", tmp_path / "score")
    (folder / "images").mkdir()
    said = told("score")["verdict"]["sentence"]
    command("report", folder, "--out", tmp_path / "elsewhere.html")
    assert not (folder / "report.html").exists()
    assert answer(tmp_path / "elsewhere.html") == said
    command("report", folder)
    assert answer(folder / "report.html") == said
    command("judge", folder)
    assert answer(folder / "report.html") == said


@pytest.mark.parametrize("again", [False, True], ids=["as-it-was", "judged-again"])
def test_a_run_of_version_1_can_be_sealed(again, run_folder, tmp_path):
    if again:
        command("judge", run_folder)
    out = tmp_path / "bundle"
    command(
        "bundle", run_folder, "--out", out, "--profile", "redacted", "--key", tmp_path / "key.pem", "--keep-adapters"
    )
    assert [f for f in verify(out) if not f.passed] == []


@pytest.mark.parametrize(
    ("version", "slug"),
    [
        (r.SCHEMA_VERSION + 1, "file-version"),
        (0, "file-version.unknown"),
        (None, "file-version.unstated"),
        ("1", "file-version.unstated"),
    ],
)
def test_a_file_of_an_unknown_version_is_refused(version, slug, run_folder):
    values = json.loads((run_folder / "results.json").read_bytes()) | {"schema_version": version}
    (run_folder / "results.json").write_text(json.dumps(values))
    with pytest.raises(BadResults) as caught:
        read_record(r.Results, (run_folder / "results.json").read_bytes(), name="results.json")
    assert caught.value.said.id == slug
    done = CliRunner().invoke(app, ["report", str(run_folder)])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_words_of_a_newer_version_of_one_schema_are_told_as_such(tmp_path):
    """A message may be added without a new schema version."""
    results = json.loads((Path(__file__).parents[1] / "reports/sample/results.json").read_text(encoding="utf-8"))
    results["notes"][0]["said"] = {"id": "of-a-later-version", "values": {}, "text": ""}
    run = tmp_path / "run"
    run.mkdir()
    (run / "results.json").write_text(json.dumps(results), encoding="utf-8")
    done = CliRunner().invoke(app, ["report", str(run)])
    assert done.exit_code == 2, done.output
    assert "of-a-later-version" in done.stderr
    assert "Traceback" not in done.stderr
