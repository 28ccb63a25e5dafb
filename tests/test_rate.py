"""`cloakcheck rate`: the page tells nobody whose picture is whose, and only whole, honest panels are joined."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from audit import records as r
from audit.cli import app
from audit.evidence.source import read_source
from audit.judge.people import make_sheet, shown_to
from audit.judge.people.power import POWER
from audit.runfolder import read_results
from audit.stages.finish import finish
from tests.builders import make_plan
from tests.evidence.runs import write_run
from tests.made_conditions import conditions

RATED = "encoder-pgd:16"
ITEMS, RATERS = 6, 5
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def run(tmp_path: Path) -> Path:
    plan = make_plan(conditions=conditions("clean", RATED), prompts=tuple(f"thing {i}" for i in range(8)))
    return write_run(tmp_path / "run", plan)


def call(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["rate", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.output


def page(run: Path, **options: object) -> str:
    words = [x for name, value in options.items() for x in (f"--{name}", value)]
    call(run, "--items", ITEMS, "--raters", RATERS, *words)
    return (run / "rate.html").read_text(encoding="utf-8")


def data_of(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def answer(run: Path, number: int, *, changes: dict[str, object] | None = None) -> Path:
    """A file as the page saves it: the rater tells clean's picture everywhere, but for one shown twice."""
    sheet = make_sheet(read_results(run), condition=RATED, raters=RATERS, items=ITEMS)
    sides = {pair.item: "left" if pair.clean_left else "right" for pair in shown_to(sheet, number)}
    rows = []
    for i, item in enumerate(sheet.items):
        side = "none" if item.kind == "same" else sides[i]
        rows.append({"style": side, "quality": "none", "seconds": 4.2})
    made = {"schema_version": 2, "sheet": sheet.digest(), "rater": number, "answers": rows} | (changes or {})
    path = run.parent / f"rater-{number}.json"
    path.write_text(json.dumps(made))
    return path


def test_the_page_holds_no_name_of_a_model_a_file_or_the_plan(run):
    text = page(run)
    results = read_results(run)
    plan = results.plan
    told = [
        plan.digest(),
        plan.artist,
        "encoder",
        "pgd",
        "clean",
        "generated-",
        "work-w",
        ".png",
        str(run),
        "reference",
    ]
    # Inlined pictures are long runs of letters in which any word can stand.
    shown = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text.partition("</style>")[2])
    assert [word for word in told if word in shown] == []
    assert not re.search(r"https?://|src=\"(?!data:)", text)


def test_pictures_carry_nothing_but_pixels_and_stand_in_no_telling_order(run):
    found = data_of(page(run))
    for uri in (*found["pictures"], *found["works"]):
        picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
        assert not picture.getexif()
        assert not {"exif", "xmp", "icc_profile"} & set(picture.info)
    sheet = make_sheet(read_results(run), condition=RATED, raters=RATERS, items=ITEMS)
    left = [dict(zip(("item", "left", "right"), row, strict=True)) for row in found["orders"][0]]
    clean = {p.item: row["left" if p.clean_left else "right"] for p, row in zip(shown_to(sheet, 1), left, strict=True)}
    lower = [clean[row["item"]] < max(row["left"], row["right"]) for row in left if row["left"] != row["right"]]
    assert 0 < sum(lower) < len(lower)
    used = [p for row in left for p in {row["left"], row["right"]}]
    assert len(used) == len(set(used)) == len(found["pictures"])


def test_a_page_in_german(run):
    text = page(run, lang="de")
    assert '<html lang="de"' in text
    assert "Kein Unterschied" in text


def test_answers_become_part_of_the_run_its_log_and_its_bundle(run):
    before = read_results(run)
    page(run)
    call(run, "--collect", *(answer(run, n) for n in range(1, RATERS + 1)))
    results = read_results(run)
    assert results.readings.people.answer == "apart"
    assert results.readings.people.counts == {"clean": ITEMS * RATERS}
    assert r.Ratings.model_validate_json((run / "ratings.json").read_bytes()) == results.ratings
    events = [json.loads(line)["event"] for line in (run / "events.jsonl").read_text().splitlines()]
    assert events[-3:] == ["rating-page", "ratings", "judged"]
    assert read_source(run).results == results
    # A run whose command is started again writes results without them, and keeps them all the same.
    assert finish(before, run).ratings == results.ratings


def test_edited_answers_are_found(run):
    page(run)
    call(run, "--collect", *(answer(run, n) for n in range(1, RATERS + 1)))
    path = run / "ratings.json"
    path.write_text(path.read_text().replace('"clean"', '"other"', 1))
    with pytest.raises(Exception, match="does not hold what people said"):
        read_source(run)


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"sheet": "ab" * 32}, "rating-other-page"),
        ({"rater": 9}, "rating-number"),
        ({"rater": 1}, "rating-doubled"),
        ({"answers": []}, "rating-incomplete"),
        ({"answers": [None]}, "rating-unreadable"),
        ({"name": "Ada"}, "rating-unreadable"),
        ({"schema_version": 99}, "file-version"),
    ],
)
def test_what_cannot_be_counted_is_refused_and_nothing_written(run, change, slug):
    page(run)
    files = [answer(run, 1), answer(run, 2, changes=change)]
    assert f"[{slug}]" in call(run, "--collect", *files, code=2)
    assert not (run / "ratings.json").exists()


def test_files_of_two_pages_are_not_joined(run):
    page(run)
    first = answer(run, 1)
    call(run, "--items", ITEMS, "--raters", RATERS + 1)
    sheet = make_sheet(read_results(run), condition=RATED, raters=RATERS + 1, items=ITEMS)
    assert "[rating-pages-mixed]" in call(
        run, "--collect", first, answer(run, 2, changes={"sheet": sheet.digest()}), code=2
    )


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (["--raters", 1], "rate-count"),
        (["--items", 5], "rate-count"),
        (["--items", 100], "rate-too-few"),
        (["--condition", "clean"], "rate-condition"),
        (["a.json"], "rate-files"),
        (["--collect"], "rate-files"),
        (["--collect", "a.json"], "rate-no-page"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(run, words, slug):
    assert f"[{slug}]" in call(run, *words, code=2)


def test_a_picture_that_is_gone_is_named(run):
    for path in (run / "images").glob("generated-clean-*"):
        path.unlink()
    assert "[rate-picture-gone]" in call(run, "--items", ITEMS, code=2)


def test_the_stated_power_is_the_tables():
    table = (ROOT / "reports" / "lab" / "raters.md").read_text(encoding="utf-8")
    for row in POWER:
        for share, stated in (("65%", row.middle), ("80%", row.strong)):
            cells = re.search(rf"\| {row.raters} \| {row.pairs} \| {share} \| middling \|(.*)", table)[1].split("|")
            assert cells[2].strip() == f"{stated} %"
