"""Noise in the pictures: the index at equal noise, and which labels stand there."""

from __future__ import annotations

import pytest

from audit import records as r
from audit.judge import judge
from tests.judge.audits import PGD, audit, with_noise


def gate(results: r.Results) -> bool | None:
    return next(c.passed for c in judge(results).checks if c.slug == "noise-not-style")


def test_a_noisy_picture_may_hold_where_noise_alone_would_not_do_it() -> None:
    noisy = with_noise(audit(protection={PGD.name: 0.9}), PGD.name, level=5.0, base=0.02, clean=-0.02)
    assert gate(noisy) is True
    less = with_noise(audit(protection={PGD.name: 0.3}), PGD.name, level=4.5)
    assert gate(less) is True, "not above clean's by more than the step"


@pytest.mark.parametrize(
    ("index", "base", "clean", "passed"),
    [
        (0.7, 0.0, -0.02, True),
        (0.7, 0.02, -0.12, False),  # held, but in part at equal noise
        (0.4, 0.0, -0.05, True),
        (0.3, 0.0, -0.12, False),  # partly, but nothing at equal noise
        (0.1, 0.2, 0.0, False),  # noise taken for style: in part at equal noise
        (0.0, 0.0, -0.02, True),
    ],
)
def test_a_label_must_stand_at_equal_noise(index: float, base: float, clean: float, passed: bool) -> None:
    plain = audit(protection={PGD.name: index}, run_sd=0.003, picture_sd=0.01)
    little = with_noise(plain, PGD.name, level=2.0, base=base, clean=clean)
    assert gate(little) is passed


def test_index_at_equal_noise_by_hand() -> None:
    """Noise moves base by 0.04 and clean by -0.05 (in run 0, more later): the condition is seen between the two."""
    plain = audit(protection={PGD.name: 0.6}, run_sd=1e-9, picture_sd=1e-9)
    judged = judge(with_noise(plain, PGD.name, level=5.0, base=0.04, clean=-0.05))
    gain, runs = 0.3, [1 + 0.01 * r for r in range(1, 7)]
    clean = [gain - 0.05 * x - 0.04 * x for x in runs]
    treated = [0.4 * gain - 0.04 * x for x in runs]
    expected = 1 - sum(treated) / sum(clean)
    found = next(e for e in judged.estimates if e.name == "index_at_equal_noise" and e.metric == "channel_stats")
    assert found.value == pytest.approx(expected, abs=1e-6)
    excess = next(e for e in judged.estimates if e.name == "noise_excess" and e.condition == PGD.name)
    assert excess.value == pytest.approx(4.035)
