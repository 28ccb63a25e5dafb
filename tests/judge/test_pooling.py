"""The random-effects mean: against another implementation, at its edges, and over drawn artists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.judge.intervals import mean_interval
from audit.judge.pooling import pool, standard_error

METAFOR = (
    ((0.12, 0.35, 0.02, 0.41, 0.28, 0.19), (0.05, 0.08, 0.04, 0.12, 0.06, 0.05),
     (0.20866831, 0.05939498, 0.35794164, 0.01565178, 0.12567549, 0.05946198, 0.35013897)),
    ((0.30, 0.33, 0.28, 0.31), (0.05, 0.06, 0.04, 0.09),
     (0.29794417, 0.21367560, 0.38221273, 0.00150510, 0.0, 0.0, 0.05812956)),
    ((0.00, 0.4375), (0.125, 0.21875),
     (0.18191964, -2.55788365, 2.92172293, 0.55384948, 0.25291272, 0.0, 9.87009423)),
    ((-0.05, 0.62, 0.11, 0.90, 0.44, 0.03, 0.71), (0.03, 0.02, 0.05, 0.04, 0.03, 0.06, 0.02),
     (0.39569384, 0.05411570, 0.73727198, 0.02977839, 0.36734997, 0.23473074, 0.81276146)),
)  # fmt: skip
"""Values, errors -> mean, its bounds, p, tau, its bounds, by R's metafor 3.8-1:

m <- rma(y, sei=s, method="PM", test="adhoc", control=list(tol=1e-12)); confint(m, control=list(tol=1e-10))
"""


@pytest.mark.parametrize(("values", "errors", "wanted"), METAFOR)
def test_it_agrees_with_metafor(values, errors, wanted):
    mine = pool(np.array(values), np.array(errors), level=0.95)
    found = (mine.value, mine.low, mine.high, mine.p, mine.tau, mine.tau_low, mine.tau_high)
    assert found == pytest.approx(wanted, abs=2e-7)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 0.3)), min_size=2, max_size=30))
def test_the_spread_is_where_the_weighted_distances_are_as_expected(studies):
    """What defines Paule and Mandel's estimate; and no order of artists, and no unit, changes anything."""
    values, errors = (np.array(column) for column in zip(*studies, strict=True))
    mine = pool(values, errors, level=0.95)
    weights = 1 / (errors**2 + mine.tau**2)
    distance = weights @ (values - mine.value) ** 2
    assert distance == pytest.approx(len(values) - 1, rel=1e-6) if mine.tau > 0 else distance <= len(values) - 1 + 1e-9
    turned = pool(10 * values[::-1], 10 * errors[::-1], level=0.95)
    assert (turned.value, turned.low, turned.tau) == pytest.approx(
        (10 * mine.value, 10 * mine.low, 10 * mine.tau), rel=1e-5, abs=1e-6
    )


def test_artists_measured_alike_are_a_plain_mean():
    values = np.array([0.1, 0.5, 0.3, 0.9])
    mine = pool(values, np.full(4, 0.02), level=0.95)
    plain = mean_interval(values, level=0.95)
    assert (mine.value, mine.low, mine.high) == pytest.approx((plain.value, plain.low, plain.high))
    assert mine.tau**2 + 0.02**2 == pytest.approx(values.var(ddof=1))
    assert mine.tau_low < mine.tau < mine.tau_high
    assert mine.new_low < mine.low < mine.high < mine.new_high


def test_artists_who_do_not_differ_have_no_spread_and_no_false_certainty():
    """Three equal values say nothing of certainty: the range is that of their errors."""
    mine = pool(np.full(3, 0.4), np.full(3, 0.1), level=0.95)
    assert (mine.tau, mine.tau_low) == (0, 0)
    assert mine.high - mine.value == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)


def test_errors_of_nearly_nothing_are_pooled_without_a_fault():
    found = pool(np.array([0.1, 0.5, 0.2]), np.array([1e-200, 0.1, 1e-170]), level=0.95)
    assert found is not None
    assert all(np.isfinite(v) for v in (found.value, found.low, found.high, found.p, found.tau_low, found.tau_high))


def test_one_artist_is_not_pooled_and_two_predict_nobody():
    assert pool(np.array([0.4]), np.array([0.1]), level=0.95) is None
    two = pool(np.array([0.4, 0.6]), np.array([0.1, 0.1]), level=0.95)
    assert (two.n, two.new_low, two.new_high) == (2, None, None)


def test_a_standard_error_comes_back_from_its_interval():
    runs = np.array([0.1, 0.2, 0.15, 0.3, 0.05, 0.2])
    found = mean_interval(runs, level=0.95)
    assert standard_error(found.low, found.high, n=6, level=0.95) == pytest.approx(runs.std(ddof=1) / 6**0.5)
    assert standard_error(0.2, 0.2, n=6, level=0.95) is None
    assert standard_error(0.1, 0.2, n=1, level=0.95) is None
