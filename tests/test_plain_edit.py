"""Plain edits are told from what an attack adds, on made pictures; the word of their audit is taken back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from audit.judge import judge
from audit.judge.limits.plain_edit import MOST
from audit.style.plain_edit import plain_shares
from scripts.probes import EDITS
from tests.judge.audits import PGD
from tests.judge.drawn import drawn_audit
from tests.works import cloak, work


def drawn(seed):
    """Patches of colour with thin lines over them."""
    picture, rng = work(seed, height=192, width=256).copy(), np.random.default_rng(seed)
    for _ in range(25):
        ends = [tuple(int(v) for v in rng.integers(0, 256, 2)) for _ in range(2)]
        cv2.line(picture, *ends, [int(v) for v in rng.integers(0, 256, 3)], 2)
    return picture


WORKS = [drawn(seed) for seed in range(10)]
WHITE = [np.where(picture < 90, picture, 255).astype(np.uint8) for picture in WORKS]
SHAPELESS = ("mirror", "grain", "mark", "posterise")
"""Probes that no fit explains, or not enough of: a mirror image is trained on anyway, grain has its placebo."""


def share(edit, works=WORKS):
    found = plain_shares([(picture, edit(picture, number)) for number, picture in enumerate(works)])
    assert None not in found
    return float(np.median(found))


@pytest.mark.parametrize("name", [name for name in EDITS if name not in SHAPELESS])
def test_an_edit_is_recognised(name):
    assert share(EDITS[name]) > MOST


def pattern(picture, number):
    """As an attack leaves it: full budget everywhere, other signs in every work."""
    signs = np.random.default_rng(number).choice([-16, 16], picture.shape)
    return np.clip(picture.astype(int) + signs, 0, 255).astype(np.uint8)


def strokes(picture, number):
    """Coarse patches, other ones in every work."""
    made = cv2.GaussianBlur(np.random.default_rng(number).normal(0, 1, picture.shape), (0, 0), 4)
    return np.clip(picture + 14 * made / made.std(), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("works", [WORKS, WHITE], ids=["coloured", "on white"])
@pytest.mark.parametrize("edit", [pattern, strokes, lambda x, n: cloak(x, seed=n), EDITS["grain"]])
def test_what_is_added_to_the_single_picture_is_not(edit, works):
    assert share(edit, works) < MOST - 0.2


def test_a_mark_is_known_by_the_other_works_that_carry_it():
    def alone(picture, number):
        made = np.roll(picture, (31 * number, 57 * number), axis=(0, 1))
        return np.roll(EDITS["border"](made, 0), (-31 * number, -57 * number), axis=(0, 1))

    assert share(EDITS["border"]) > 0.9
    assert share(alone) < MOST


def test_sizes_differ_and_nothing_changed():
    large, small = work(1, height=300, width=200), work(2, height=64, width=96)
    halved = cv2.resize(EDITS["veil"](large, 0), (100, 150), interpolation=cv2.INTER_AREA)
    found = plain_shares([(large, halved), (small, small)])
    assert found[0] > 0.95
    assert found[1] is None


@pytest.mark.parametrize(("plain", "label"), [(0.98, "inconclusive"), (0.1, "held"), (None, "held")])
def test_a_plain_edit_is_never_called_held(plain, label):
    results = drawn_audit(tried=True, protection={PGD.name: 0.9}, run_sd=0.001, noise=0.001)
    seen = [v.model_copy(update={"plain": plain}) for v in results.visibility]
    verdict = judge(results.model_copy(update={"visibility": tuple(seen)})).verdict
    assert verdict is not None
    claim = verdict.per_condition[PGD.name]
    assert (claim.label, [limit.slug for limit in claim.limited]) == (label, ["plain-edit"] * (label != "held"))
    assert ("one click" in claim.sentence) == (label != "held")


def test_no_digit_hangs_on_the_number_of_threads():
    """Sums over many pixels are rounded another way on each number of threads; a run that goes on must end the same."""
    found = plain_shares([(picture, pattern(picture, number)) for number, picture in enumerate(WORKS)])
    assert [round(share, 6) for share in found] == list(found)
