"""The page of an audit whose replicates each drew works and prompts of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit import records as r
from audit.judge import judge
from audit.report import render
from audit.report.lint import visible_text
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.see import build, shot
from tests.judge.audits import PGD
from tests.judge.drawn import drawn_audit
from tests.report import scenes


@pytest.fixture(scope="module")
def results() -> r.Results:
    found = judge(drawn_audit(protection={PGD.name: 0.7}))
    shown = {work: f"work-{work}.png" for work in found.plan.draws[0].held_out}
    return found.model_copy(update={"work_images": shown})


@pytest.fixture(scope="module")
def images(results: r.Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes.draw(results, tmp_path_factory.mktemp("drawn"))


def test_pictures_are_those_of_the_first_run_and_its_prompts(results: r.Results, images: Path) -> None:
    view, shelf = ResultsView(results), Shelf(images)
    draw, prompts = results.plan.draws[0], results.plan.prompts
    assert draw.prompts != tuple(range(len(draw.prompts))), "places and order differ, so that mixing them up shows"
    gallery = build(view, shelf)
    assert [row.prompt for row in gallery.rows] == [prompts[place] for place in draw.prompts]
    assert "the first 5\N{NO-BREAK SPACE}prompts of run 1" in gallery.rule
    names = ("base", "clean", PGD.name)
    for row, place, work in zip(gallery.rows, draw.prompts, [*draw.held_out, ""], strict=True):
        assert row.shots[0].picture == (shelf.preview(f"work-{work}.png") if work else None)
        files = [f"generated-{name.replace(':', '-')}-r1-p{place:02d}.png" for name in names]
        assert [s.picture for s in row.shots[1:]] == [shelf.preview(file) for file in files]
    # A model, base among them, has no picture of what its run did not ask for.
    missing = next(place for place in range(len(prompts)) if place not in results.plan.draws[1].prompts)
    assert all(shot(view, shelf, name, 2, (missing, 0)).picture is None for name in names)
    assert gallery.sheets_total == 3 * len(results.plan.draws)


@pytest.mark.parametrize(
    ("lang", "method", "settings"),
    [
        ("en", "For each run, chance picked works of yours", "5 of these 10, drawn anew"),
        ("de", "Für jeden Durchgang wählte der Zufall", "5 von diesen 10, neu gezogen"),
    ],
)
def test_the_page_says_what_was_drawn(results: r.Results, images: Path, lang: str, method: str, settings: str) -> None:
    html = render(results, images=images, lang=lang)
    text = visible_text(html, names=True).replace("\xa0", " ")
    for said in (method, settings):
        assert said in text
    first = results.plan.draws[0]
    assert ", ".join(first.held_out) in html
    assert ", ".join(str(place + 1) for place in first.prompts) in html
    runs = [str(d.replicate) for d in results.plan.draws if "w003" in d.held_out]
    assert f" {', '.join(runs)}<" in html.split(">w003<")[-1].split("</tr>")[0]
