"""What readers are told beside the estimates: how visible a change is, and whether the subjects' reading is blind."""

from __future__ import annotations

import re

import pytest

from audit import report
from audit.base.messages import as_written, render
from audit.judge import judge
from audit.judge.gains import gains
from audit.records import Hypothesis
from tests.builders import make_results
from tests.judge.drawn import drawn_audit
from tests.judge.test_subjects import results as with_subjects


@pytest.mark.parametrize(
    ("psnr", "words"),
    [
        (None, "no change"),
        (40.0, "hard to notice"),
        (39.9, "a slight change"),
        (31.9, "easy to see"),
        (23.9, "a strong change"),
    ],
)
def test_how_visible_a_change_is_in_words(psnr, words):
    made = make_results()
    rows = tuple(row.model_copy(update={"psnr": psnr}) for row in made.visibility)
    judged = judge(made.model_copy(update={"visibility": rows}))
    assert judged.readings is not None
    told = [c.seen.eye for c in judged.readings.conditions if c.seen is not None]
    assert told
    assert {render(said) for said in told if said is not None} == {words}


def test_a_reading_of_subjects_no_better_than_chance_says_little():
    sound = with_subjects(lost=0.5)
    none = tuple(s.model_copy(update={"found": tuple(4 for _ in s.found)}) for s in sound.subjects)
    found, blind = judge(sound).readings, judge(sound.model_copy(update={"subjects": none})).readings
    assert found is not None
    assert blind is not None
    assert found.subjects_blind is None
    assert blind.subjects_blind is not None
    assert render(blind.subjects_blind).startswith("The program finds the subject in 0 % of")


def test_base_has_a_row_for_each_replicate_that_it_drew_for():
    judged = judge(drawn_audit(base=0.2, noise=0.02))
    assert judged.readings is not None
    metric = judged.plan.primary_metric
    rows = {m.replicate: m for m in judged.readings.models if (m.condition, m.metric) == ("base", metric)}
    assert sorted(rows) == list(range(7))
    means = [rows[run].mean for run in range(1, 7)]
    assert len(set(means)) > 1
    assert rows[0].mean == pytest.approx(sum(means) / 6) == pytest.approx(gains(judged, metric).base_mean)
    assert rows[0].pictures == sum(rows[run].pictures for run in range(1, 7))


def test_a_page_draws_base_where_it_drew_for_each_replicate(tmp_path):
    judged = judge(drawn_audit())
    page = report.render(judged, images=tmp_path)
    start = page.index("Scores of the pictures of each training")
    rows = page[start : page.index("</table>", start)].split("<tr>")
    of_base = [re.findall(r"<bdi>([^<]*)</bdi>", row) for row in rows if "never saw your art" in row]
    assert [row[-1] for row in of_base] == ["5"] * 6
    assert all(re.fullmatch(r"0\.\d+", number) for row in of_base for number in row[2:7])


def test_the_pairs_shown_are_the_best_the_middle_and_the_worst():
    judged = judge(make_results(protection={"encoder-pgd:16": 0.6}))
    assert judged.readings is not None
    pairs = {pair.place: pair for pair in judged.readings.extremes}
    metric = judged.plan.primary_metric

    def values(condition):
        rows = ((c.replicate, s) for c in judged.cells if c.condition == condition for s in c.scores)
        return {(run, s.prompt, s.noise): s.value for run, s in rows if s.metric == metric}

    clean, treated = values("clean"), values(judged.readings.headline)
    lost = sorted(clean[at] - treated[at] for at in clean)
    shown = [pairs[place].clean - pairs[place].treated for place in ("worst", "middle", "best")]
    assert shown == [lost[0], lost[(len(lost) - 1) // 2], lost[-1]]
    best = pairs["best"]
    assert clean[(best.replicate, best.prompt, best.noise)] == best.clean


@pytest.mark.parametrize("apart", [False, True])
def test_whether_the_metrics_ranges_overlap(apart):
    made = make_results(protection={"encoder-pgd:16": 0.5})
    other = made.plan.metrics[1]
    lift = {"encoder-pgd:16": 0.15} if apart else {}
    cells = tuple(
        c.model_copy(
            update={
                "scores": tuple(
                    s.model_copy(update={"value": s.value + lift.get(c.condition, 0.0)}) if s.metric == other else s
                    for s in c.scores
                )
            }
        )
        for c in made.cells
    )
    readings = judge(made.model_copy(update={"cells": cells})).readings
    assert readings is not None
    assert readings.ranges_meet is not apart


def test_the_least_holm_is_of_the_family_that_is_tested():
    made = make_results()
    readings = judge(made).readings
    assert readings is not None
    row = next(c for c in readings.conditions if c.condition == "encoder-pgd:16")
    assert (row.least_p, row.least_holm) == (2 / 2**6, None)
    two = tuple(Hypothesis(condition=c.name, said=as_written("It holds.")) for c in made.plan.conditions[1:])
    tested = judge(made.model_copy(update={"plan": made.plan.model_copy(update={"hypotheses": two})}))
    assert tested.readings is not None
    row = next(c for c in tested.readings.conditions if c.condition == "encoder-pgd:16")
    assert row.least_holm == 2 * row.least_p
