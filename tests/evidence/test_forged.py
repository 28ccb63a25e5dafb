"""Whole forgeries: made with the product's own commands and a key of one's own, so that every seal and every log holds.
What is found is found by deriving; what cannot be derived is said to be open."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
from pathlib import Path

import pytest

from audit import records as r
from audit.evidence import bag, bundle
from audit.evidence.source import read_source
from audit.evidence.verify import verify
from audit.judge.calibration import setup_digest
from audit.judge.people.sheet import make_sheet
from audit.runfolder import RATINGS, read_results
from audit.runfolder.event_log import RATED, RATING_PAGE, log_event
from audit.stages.finish import finish
from tests.builders import digest, make_plan
from tests.evidence.conftest import NO_ADAPTERS
from tests.evidence.runs import write_run
from tests.evidence.stranger import failing_commands
from tests.evidence.test_derive import edit_results
from tests.evidence.test_verify import ours, published, reseal
from tests.made_conditions import conditions

RATED_ARM = "encoder-pgd:16"


def sealed_by(forger, run: Path, *, profile="minimal") -> Path:
    out = run.parent / f"{run.name}-{profile}"
    bundle.write_bundle(read_source(run), bundle.Request(profile, out, None, {}, NO_ADAPTERS), key=forger)
    return out


def answers(folder: Path) -> tuple[list[str], set[str]]:
    """Checks that fail, and those that are open."""
    return ours(folder), {f.check for f in verify(folder) if not f.derived}


def test_the_honest_run_follows_from_itself(run, forger):
    # The made-up plan does not say which of its works look alike.
    assert answers(sealed_by(forger, run, profile="redacted")) == ([], {"draws"})


# --- another plan, judged and sealed as if it had been the plan -------------------------------------------


def other_captions(plan: r.Plan) -> r.Plan:
    return plan.model_copy(update={"works": tuple(w.model_copy(update={"caption": "a dog"}) for w in plan.works)})


def other_prompts(plan: r.Plan) -> r.Plan:
    return plan.model_copy(update={"prompts": ("a flower", *plan.prompts[1:])})


def other_margins(plan: r.Plan) -> r.Plan:
    return plan.model_copy(update={"margins": plan.margins.model_copy(update={"held": 0.01, "did_not_hold": 0.0})})


@pytest.mark.parametrize("change", [other_captions, other_prompts, other_margins])
def test_a_plan_that_was_changed_after_the_run(run, forger, change):
    plan = change(read_results(run).plan)
    made = write_run(run.parent / "forged", plan)
    assert answers(sealed_by(forger, made))[0] == ["seed"]


def test_a_plan_that_was_changed_in_one_place_only(run, forger):
    folder = sealed_by(forger, run)

    def change(values):
        values["plan"]["works"][0]["caption"] = "a dog"

    edit_results(folder / "bag/data", change)
    reseal(folder, forger)
    assert {"records", "event-log"} <= set(ours(folder))


# --- results that no run gave -----------------------------------------------------------------------------


def finished_with(run: Path, **changes: object) -> None:
    finish(read_results(run).model_copy(update=changes), run)


def test_a_model_that_was_never_planned_and_whose_pictures_are_left_out(run, forger):
    results = read_results(run)
    last = max((c for c in results.cells if c.condition == "clean"), key=lambda c: c.replicate)
    names = tuple(f"generated-invented-{n}.png" for n in range(len(last.generations.files)))
    drawn = last.generations.model_copy(update={"files": names, "replicate": last.replicate + 1})
    invented = last.model_copy(update={"replicate": last.replicate + 1, "generations": drawn})
    for name, source in zip(names, last.generations.files, strict=True):
        shutil.copy(run / "images" / source, run / "images" / name)
    finished_with(run, cells=(*results.cells, invented))
    assert ours(sealed_by(forger, run)) == ["cells"]


def test_pictures_that_were_drawn_more_often_than_planned(run, forger):
    results = read_results(run)
    cells = list(results.cells)
    first = cells[1].generations
    more = (*first.files, "generated-more.png")
    shutil.copy(run / "images" / first.files[0], run / "images" / "generated-more.png")
    drawn = first.model_copy(update={"files": more, "pixels": (*first.pixels, first.pixels[0])})
    cells[1] = cells[1].model_copy(update={"generations": drawn})
    finished_with(run, cells=tuple(cells))
    assert ours(sealed_by(forger, run)) == ["cells"]


def test_pictures_swapped_between_two_trainings_of_one_condition(run, forger):
    folder = sealed_by(forger, run, profile="redacted")
    cells = [c for c in read_results(run).cells if c.condition == "clean"]
    a, b = (folder / "bag/data/images" / c.generations.files[0] for c in cells[:2])
    data = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(data)
    reseal(folder, forger)
    assert "pictures" in ours(folder)


# --- people and calibration: what rests on somebody's word is open, what contradicts the run fails ----------


def asked(run: Path, sheet: r.RatingSheet, *, page: bool = True) -> None:
    """Answers of five raters who were never asked."""
    raters = tuple(
        r.Rater(
            rater=number,
            sha256=digest(f"rater {number}"),
            style=("clean",) * len(sheet.items),
            quality=("none",) * len(sheet.items),
            seconds=60.0,
        )
        for number in range(1, 6)
    )
    ratings = r.Ratings(sheet=sheet, sheets=1, raters=raters)
    data = (ratings.model_dump_json(indent=1) + "\n").encode()
    (run / RATINGS).write_bytes(data)
    if page:
        log_event(run, RATING_PAGE, {"sheet": sheet.digest()})
    log_event(run, RATED, {"sha256": bag.digest(data)})
    finished_with(run, ratings=ratings)


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """A run with enough pictures to ask people about."""
    plan = make_plan(conditions=conditions("clean", RATED_ARM), prompts=tuple(f"thing {i}" for i in range(8)))
    return write_run(tmp_path_factory.mktemp("larger") / "run", plan)


@pytest.mark.parametrize(
    ("page", "change", "failed"),
    [
        (True, lambda items: items, []),
        (False, lambda items: items, ["people"]),
        (True, lambda items: items[::-1], ["people"]),
    ],
    ids=["fits", "no page in the log", "other order"],
)
def test_answers_of_people_are_somebodys_word(larger, tmp_path, forger, page, change, failed):
    run = shutil.copytree(larger, tmp_path / "run")
    sheet = make_sheet(read_results(run), condition=RATED_ARM, raters=5, items=6)
    asked(run, sheet.model_copy(update={"items": change(sheet.items)}), page=page)
    found, left = answers(sealed_by(forger, run))
    assert found == failed
    assert ("people" in left) == (failed == [])


def make_card(plan: r.Plan, setup: str) -> r.CalibrationCard:
    return r.CalibrationCard(
        tool_version="1", created="2026-01-01T00:00:00Z", setup=setup, model="lab", model_sha256=plan.model.sha256,
        preset=plan.preset, replicates=plan.replicates, primary_metric=plan.primary_metric, level=0.95,
        artists=("a",), audits=40, truths=(), spread=(), plans=(digest("plan"),),
    )  # fmt: skip


@pytest.mark.parametrize(("own", "failed"), [(True, []), (False, ["calibration"])])
def test_a_calibration_card_of_another_setup(run, forger, own, failed):
    plan = read_results(run).plan
    finished_with(run, calibration=make_card(plan, setup_digest(plan) if own else digest("another")))
    found, left = answers(sealed_by(forger, run))
    assert found == failed
    assert ("calibration" in left) == own


# --- two readings of one bundle -----------------------------------------------------------------------------


@pytest.fixture
def spoiled(sealed, tmp_path):
    return shutil.copytree(sealed, tmp_path / "bundle")


def second_results(folder: Path) -> None:
    shutil.copy(folder / "bag/data/results.json", folder / "bag/data/results-2.json")


def results_in_capitals(folder: Path) -> None:
    shutil.copy(folder / "bag/data/results.json", folder / "bag/data/Results.json")


def a_key_twice(folder: Path) -> None:
    data = folder / "bag/data"
    values = json.loads((data / "results.json").read_text())
    edit_results(data, lambda _: None)
    path = data / "results.json"
    path.write_text(path.read_text().replace('"verdict":', '"verdict": {"label": "held"},\n "verdict":', 1))
    log = data / "events.jsonl"
    log.write_text(log.read_text().replace(bag.digest((json.dumps(values, indent=1) + "\n").encode()), file_of(path)))


def file_of(path: Path) -> str:
    return bag.digest(path.read_bytes())


def end_of_the_log_cut(folder: Path) -> None:
    path = folder / "bag/data/events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"judged"' not in line))


def page_in_capitals(folder: Path) -> None:
    (folder / "bag/data/Report.html").write_text("<h1>HELD 100 %</h1>")


@pytest.mark.parametrize(
    ("attack", "check"),
    [
        (page_in_capitals, "refused bundle-names"),
        (second_results, "contents"),
        (results_in_capitals, "refused bundle-names"),
        (a_key_twice, "records"),
        (end_of_the_log_cut, "event-log"),
    ],
    ids=lambda v: getattr(v, "__name__", v),
)
def test_what_readers_may_read_in_two_ways(spoiled, forger, authority, attack, check):
    attack(spoiled)
    if check.startswith("refused"):
        assert ours(spoiled) == [check]
        return
    reseal(spoiled, forger, stamp_again=authority)
    assert check in ours(spoiled)


@pytest.mark.parametrize(
    "spelling", ["./data/plan.json", "data//plan.json", "data/images/../plan.json", "DATA/plan.json"]
)
def test_a_manifest_that_names_a_file_in_another_way(spoiled, sealed, forger, spelling):
    path = spoiled / "bag" / bag.PAYLOAD
    path.write_text(path.read_text().replace("  data/plan.json\n", f"  {spelling}\n"))
    tags = spoiled / "bag" / bag.TAGS
    tags.write_bytes(bag.manifest_text({name: file_of(spoiled / "bag" / name) for name in bag.TAG_FILES}))
    assert "payload" in ours(spoiled)
    assert failing_commands(spoiled, published(sealed))


def test_a_file_that_the_manifest_names_twice_in_place_of_another(spoiled, sealed):
    """As many lines as files, and each line holds; only that one file is named by none is wrong."""
    path = spoiled / "bag" / bag.PAYLOAD
    lines = path.read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.endswith("  data/report.html\n"))
    path.write_text("".join([*lines[:at], lines[0], *lines[at + 1 :]]))
    (spoiled / "bag/data/report.html").write_text("held")
    tags = spoiled / "bag" / bag.TAGS
    tags.write_bytes(bag.manifest_text({name: file_of(spoiled / "bag" / name) for name in bag.TAG_FILES}))
    assert "payload" in ours(spoiled)
    assert any("uniq -u" in command for command in failing_commands(spoiled, published(sealed)))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_with_an_accent_in_either_form(spoiled, sealed, form):
    (spoiled / "bag/data" / unicodedata.normalize(form, "r\u00e9sultats.json")).write_text("{}")
    assert ours(spoiled) == ["refused bundle-names"]
    assert failing_commands(spoiled, published(sealed))


@pytest.mark.parametrize(
    "name", ["bag/data/Plan.json", "Verify.txt", "bag/data/setup.exe", "renewal-1.exe", "bag/data/code/x.sh"]
)
def test_by_hand_the_name_of_what_should_not_be_there_is_printed(spoiled, sealed, name):
    (spoiled / name).parent.mkdir(exist_ok=True)
    (spoiled / name).write_text("x")
    found = failing_commands(spoiled, published(sealed))
    assert any(command.startswith("find . -mindepth 1 |") for command in found)
    assert ours(spoiled)


def test_a_file_that_is_larger_than_any_that_is_written(spoiled):
    """A sparse one costs its maker nothing, and reading it would take hours."""
    os.truncate(spoiled / "bag/data/events.jsonl", bag.MOST_FILE + 1)
    assert ours(spoiled) == ["refused bundle-too-large"]
