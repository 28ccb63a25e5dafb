"""The ledger of attempts: every audit that is begun counts once, and what was deleted shows."""

from __future__ import annotations

import json
import os
import stat

import pytest

from audit.base.private import MODES
from audit.evidence.forget import forget
from audit.evidence.ledger import LEDGER, attempts_before, begin_attempt, end_attempt
from audit.judge.audit_facts import audit_facts
from audit.records import StepOrigin
from audit.report import render
from audit.report.lint import banned_claims, visible_text
from audit.runfolder.event_log import EVENTS, log_event
from audit.store import Store
from tests.builders import make_plan, make_work
from tests.evidence.test_forget import HERE
from tests.made_conditions import conditions as made
from tests.report import golden


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store").root


def begun(store, plan, folder, *, ended=True):
    """An audit as `stages.audit` goes about it."""
    folder.mkdir(exist_ok=True)
    begin_attempt(store, plan, out=folder)
    found = attempts_before(store, plan, out=folder)
    if ended:
        end_attempt(store, plan)
    return found


def test_every_audit_of_the_works_counts_finished_or_not_and_says_in_what_it_differs(store, tmp_path):
    plan = make_plan()
    assert begun(store, plan, tmp_path / "a", ended=False).before == ()
    other = plan.model_copy(update={"seed": 1, "replicates": 8})
    first = begun(store, other, tmp_path / "b")
    assert [(one.plan_sha256, one.finished, one.works) for one in first.before] == [(plan.digest(), False, 18)]
    assert set(first.before[0].differs) == {"seed", "replicates"}
    margins = plan.margins.model_copy(update={"held": 0.6})
    third = begun(store, plan.model_copy(update={"margins": margins}), tmp_path / "c")
    assert [one.finished for one in third.before] == [False, True]
    assert (third.models_before, third.lost, third.broken) == (False, False, False)


def test_the_same_plan_again_is_no_other_attempt(store, tmp_path):
    plan = make_plan()
    begun(store, plan, tmp_path / "a", ended=False)
    assert begun(store, plan, tmp_path / "a").before == ()
    events = [json.loads(line)["event"] for line in (store / LEDGER / EVENTS).read_text().splitlines()]
    assert events == ["ledger-begins", "begun", "finished"]


def test_other_works_do_not_count_and_one_work_in_common_does(store, tmp_path):
    begun(store, make_plan(), tmp_path / "a")
    others = tuple(make_work(i + 50, split="pool" if i % 3 else "reference") for i in range(12))
    assert begun(store, make_plan(works=others), tmp_path / "b").before == ()
    mixed = (*others[:11], make_work(0))
    assert [one.works for one in begun(store, make_plan(works=mixed), tmp_path / "c").before] == [1, 11]


def test_planted_truths_alone_are_no_attempt_on_a_protection(store, tmp_path):
    begun(store, make_plan(conditions=made("clean", "null")), tmp_path / "a")
    assert begun(store, make_plan(), tmp_path / "b").before == ()


def test_a_deleted_ledger_shows_as_a_missing_start(store, tmp_path):
    plan = make_plan()
    begun(store, plan, tmp_path / "a")
    (store / "steps" / "adapter" / "x").mkdir(parents=True)
    (store / LEDGER / EVENTS).unlink()
    later = begun(store, plan.model_copy(update={"seed": 2}), tmp_path / "b")
    assert (later.before, later.models_before) == ((), True)
    # The run that was in it knows that it was.
    assert attempts_before(store, plan, out=tmp_path / "a").lost


def test_an_entry_taken_out_or_changed_shows(store, tmp_path):
    plan = make_plan()
    begun(store, plan, tmp_path / "a")
    other = plan.model_copy(update={"seed": 2})
    begun(store, other, tmp_path / "b")
    path = store / LEDGER / EVENTS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if plan.digest().encode() not in line))
    found = attempts_before(store, other, out=tmp_path / "b")
    assert (found.before, found.broken) == ((), True)


@pytest.mark.skipif(not MODES, reason="no modes on this system")
def test_it_is_closed_to_others_and_forget_leaves_it(store, tmp_path):
    begun(store, make_plan(), tmp_path / "a")
    assert stat.S_IMODE(os.stat(store / LEDGER).st_mode) == 0o700
    data = (store / LEDGER / EVENTS).read_bytes()
    forget(store, only_adapters=False)
    assert (store / LEDGER / EVENTS).read_bytes() == data
    assert b"An Artist" not in data
    assert b"work 1" not in data


@pytest.mark.parametrize("lang", ["en", "de"])
def test_the_page_tells_of_it_on_its_first_screen(store, tmp_path, lang):
    results = golden.STATES["held"]()
    plan = results.plan
    begun(store, plan.model_copy(update={"seed": 5}), tmp_path / "a")
    found = begun(store, plan, tmp_path / "b")
    html = render(results.model_copy(update={"attempts": found}), images=tmp_path, lang=lang)
    first = visible_text(html.partition("</section>")[0]).replace("\xa0", " ")
    wanted = {
        "en": "1 audit of these works was begun with the same store before this one. 1 of them came to its end.",
        "de": "1 Test dieser Werke wurde mit demselben Speicher vor diesem begonnen. 1 davon kam ans Ende.",
    }
    assert wanted[lang] in first
    assert banned_claims(visible_text(html)) == []
    assert "seed" in html if lang == "en" else "Startwert" in html
    quiet = render(results, images=tmp_path, lang=lang)
    assert wanted[lang][2:20] not in quiet


def test_a_torn_line_hides_nothing_else(store, tmp_path):
    plan = make_plan()
    begun(store, plan, tmp_path / "a")
    with (store / LEDGER / EVENTS).open("ab") as file:
        file.write(b'{"event":"begun","plan')
    log_event(store / LEDGER, "x", {})
    found = begun(store, plan.model_copy(update={"seed": 2}), tmp_path / "b")
    assert (len(found.before), found.broken) == (1, False)


ODD = (None, 1, True, "x", "\ud800", [], [[1]], {"a": 1}, 10**400)


@pytest.mark.parametrize("field", ["plan_sha256", "works", "parts", "time"])
def test_an_edited_line_stops_no_report_and_the_page_says_it_cannot_be_read(store, tmp_path, field):
    """The ledger is read after hours of training."""
    begun(store, make_plan(), tmp_path / "a", ended=False)
    other = make_plan().model_copy(update={"seed": 2})
    path = store / LEDGER / EVENTS
    first, line = path.read_bytes().splitlines()
    for odd in ODD:
        if field == "time" and isinstance(odd, str):
            continue
        # Nothing follows it whose digest could tell.
        path.write_bytes(first + b"\n" + json.dumps(json.loads(line) | {field: odd}).encode() + b"\n")
        found = begun(store, other, tmp_path / "b")
        assert (found.before, found.broken) == ((), True), odd
    results = golden.STATES["held"]().model_copy(update={"attempts": found})
    assert "a line of it cannot be read" in visible_text(render(results, images=tmp_path, lang="en"))


@pytest.mark.parametrize("odd", ODD)
def test_an_edited_end_stops_no_report(store, tmp_path, odd):
    begun(store, make_plan(), tmp_path / "a")
    path = store / LEDGER / EVENTS
    *lines, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, json.dumps(json.loads(last) | {"plan_sha256": odd}).encode() + b"\n"]))
    found = begun(store, make_plan().model_copy(update={"seed": 2}), tmp_path / "b")
    assert [one.finished for one in found.before] == [False]


def keep_model(store, plan):
    """A trained model in the store, as far as the ledger looks at it."""
    folder = store / "steps" / "adapter" / plan.digest()
    folder.mkdir(parents=True)
    origin = StepOrigin(made="2026-01-01T00:00:00Z", plan_sha256=plan.digest(), environment=HERE)
    (folder / "made.json").write_text(origin.model_dump_json())


def test_a_ledger_cut_short_shows_by_the_models_that_it_no_longer_tells_of(store, tmp_path):
    """Cutting off the end leaves the chain whole, and the next run's own log names nothing that is gone."""
    plans = [make_plan().model_copy(update={"seed": seed}) for seed in range(4)]
    begun(store, plans[0], tmp_path / "a")
    kept = (store / LEDGER / EVENTS).read_bytes()
    for plan in plans[:3]:
        begun(store, plan, tmp_path / "b")
        keep_model(store, plan)
    assert attempts_before(store, plans[2], out=tmp_path / "b").whole
    (store / LEDGER / EVENTS).write_bytes(kept)
    found = begun(store, plans[3], tmp_path / "c")
    assert (len(found.before), found.lost, found.broken, found.unlisted) == (1, False, False, 2)
    results = golden.STATES["held"]().model_copy(update={"attempts": found})
    first = visible_text(render(results, images=tmp_path, lang="en").partition("</section>")[0]).replace("\xa0", " ")
    assert "trained models of 2 plans of which the record tells nothing" in first
    assert (audit_facts(results).attempts, audit_facts(results).attempts_whole) == (1, False)
