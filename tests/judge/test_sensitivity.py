"""What the sensitivity script leaves out is left out, and nothing else."""

import tomllib

import numpy as np
import pytest

from audit.judge import judge
from audit.judge.estimates import find
from audit.judge.gains import at_equal_noise
from audit.judge.verdict import labels
from scripts.sensitivity import by_metric, doubled, table, variations, without_prompt, without_replicate
from tests.builders import make_plan, make_results
from tests.judge.audits import CLEAN, PGD, audit, with_noise

METRIC = "channel_stats"


def test_without_a_prompt_is_the_run_that_never_had_it() -> None:
    results = audit(protection={PGD.name: 0.6})
    found = judge(without_prompt(results, 2))
    for replicate in (1, 4):
        cell = next(c for c in results.cells if (c.condition, c.replicate) == ("clean", replicate))
        assert len([s for s in cell.scores if s.metric == METRIC]) == 4
    clean = [c for c in results.cells if c.condition in ("clean", "base")]
    scores = {(c.condition, c.replicate): {s.prompt: s.value for s in c.scores if s.metric == METRIC} for c in clean}
    base = scores["base", 0]
    expected = [
        sum((v or 0) - (base[p] or 0) for p, v in scores["clean", r].items() if p != 2) / 3 for r in range(1, 7)
    ]
    gain = find(found, "gain", "clean", METRIC)
    assert gain.value == pytest.approx(sum(expected) / 6)
    assert gain.n == 6


def test_without_a_replicate_is_a_complete_run_of_fewer() -> None:
    results = audit(protection={PGD.name: 0.6}, replicates=7)
    found = judge(without_replicate(results, 3))
    assert find(found, "protection_index", PGD.name, METRIC).n == 6
    assert next(c for c in found.checks if c.slug == "cells-complete").passed is True
    assert labels(found)[PGD.name] in ("held", "partly-held")


def test_controls_of_noise_leave_with_their_prompt_and_replicate() -> None:
    results = with_noise(audit(protection={PGD.name: 0.6}, replicates=7), PGD.name, level=5.0, base=0.04, clean=-0.05)
    clean, treated = at_equal_noise(results, PGD.name, METRIC)
    for one, other in zip(
        (clean, treated), at_equal_noise(without_replicate(results, 3), PGD.name, METRIC), strict=True
    ):
        np.testing.assert_allclose(np.delete(one, 2), other, rtol=1e-12)
    fewer = without_prompt(results, 2)
    assert all(s.prompt != 2 for control in fewer.noise_controls for s in control.scores)
    assert find(judge(fewer), "index_at_equal_noise", PGD.name, METRIC).n == 7


def test_another_metric_decides() -> None:
    results = audit(protection={PGD.name: 0.6})
    found = judge(by_metric(results, "openclip"))
    assert find(found, "p_holm", PGD.name, "openclip").value is not None


def test_every_variation_is_in_the_table() -> None:
    results = make_results(plan=make_plan(conditions=(CLEAN, PGD)), protection={PGD.name: 0.9}, run_sd=0.01)
    found = list(variations(results))
    assert len(found) == 1 + 4 + 6 + 1
    text = table(found)
    for kind in ("| as planned |", "| without one prompt (4) |", "| without one replicate (6) |", "(openclip) |"):
        assert kind in text
    assert text.count("held") >= 4


def test_doubled_settings_are_a_spec_file() -> None:
    plan = make_plan()
    specs = {name: tomllib.loads(text) for name, text in doubled(plan).items()}
    assert specs["rank x2"]["training"] == {"rank": 16, "alpha": 16.0}
    assert specs["steps x2"]["training"] == {"steps": 300}
    assert specs["steps x2"]["margins"] == plan.margins.model_dump()
