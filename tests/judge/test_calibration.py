"""Planted truths in number: counting, bounds and spread, against scipy and slow definitions."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from scipy import stats

from audit import records as r
from audit.base.errors import BadInput
from audit.judge import judge
from audit.judge.calibration import make_card, pool_cards, replicates_needed, setup_digest
from audit.judge.estimates import find
from audit.judge.significance import chance_of_alarms
from audit.records import canonical_json
from audit.runfolder import find_card, keep_card
from tests.judge.audits import AGAIN, CLEAN, IDENTITY, NULL, OTHER, audit, same_scores
from tests.made_conditions import condition

METRIC = "channel_stats"
APART = {"label", "ranges", "words"}
"""What is no number of its own."""


def planted(seed: int, **changes: object) -> r.Results:
    """A judged audit of planted truths alone."""
    truths = {OTHER.name: 1.0}
    results = audit(NULL, AGAIN, IDENTITY, OTHER, protection=truths, seed=seed, **changes)
    conditions = (CLEAN, *(c.model_copy(update={"primary": True}) for c in (NULL, AGAIN, IDENTITY, OTHER)))
    plan = results.plan.model_copy(update={"conditions": conditions, "seed": seed})
    return judge(same_scores(results.model_copy(update={"plan": plan}), source="clean", target="identity"))


@pytest.fixture(scope="module")
def audits() -> list[r.Results]:
    return [planted(seed) for seed in range(12)]


def truth(card: r.CalibrationCard, name: str) -> r.PlantedTruth:
    return next(t for t in card.truths if (t.condition, t.metric) == (name, METRIC))


def test_wrong_answers_are_counted_and_bounded(audits: list[r.Results]) -> None:
    card = make_card(audits, created="now")
    for name in (NULL.name, AGAIN.name):
        rows = [find(a, "protection_index", name, METRIC) for a in audits]
        wrong = sum(not (row.low or 0) <= 0 <= (row.high or 0) for row in rows)
        found = truth(card, name)
        assert (found.wrong, found.audits, found.truth) == (wrong, 12, "0")
        assert found.rate_at_most == pytest.approx(stats.binomtest(wrong, 12).proportion_ci(0.9, method="exact").high)
        assert found.mean == pytest.approx(np.mean([row.value for row in rows]))
        assert found.deviation == pytest.approx(np.std([row.value for row in rows], ddof=1))
        assert found.alarms <= found.wrong
    identity, other = truth(card, "identity"), truth(card, OTHER.name)
    assert (identity.wrong, identity.mean, identity.truth) == (0, 0.0, "0 exactly")
    assert (other.wrong, other.truth) == (0, "held")
    assert card.audits == 12
    assert len(set(card.plans)) == 12


def test_what_lies_between_is_held_against_the_mean_of_the_other_audits() -> None:
    def halfway(seed: int, lost: float) -> r.Results:
        results = audit(condition("diluted:0.5"), protection={"diluted:0.5": lost}, seed=seed, tried=False)
        kept = [
            results.plan.conditions[0],
            *(c.model_copy(update={"primary": True}) for c in results.plan.conditions[1:]),
        ]
        return judge(
            results.model_copy(
                update={"plan": results.plan.model_copy(update={"conditions": tuple(kept), "seed": seed})}
            )
        )

    audits = [*(halfway(seed, 0.5) for seed in range(8)), halfway(8, 0.9)]
    card = make_card(audits, created="now")
    row = truth(card, "diluted:0.5")
    values = np.array([value for value, _, _ in row.ranges])
    others = [np.delete(values, i).mean() for i in range(9)]
    assert row.wrong == sum(not low <= m <= high for (_, low, high), m in zip(row.ranges, others, strict=True))
    assert row.wrong >= 1, "the odd one is missed by the others' mean"
    assert (row.audits, row.planted, len(row.words)) == (9, "part-works", 9)
    held = [i for i, word in enumerate(row.words) if word.startswith("held")]
    assert 8 in held
    assert row.too_sure == sum(others[i] <= 0.5 for i in held) + sum(
        (word == "did-not-hold" and others[i] >= 0.2) or (word == "partly-held" and others[i] <= 0)
        for i, word in enumerate(row.words)
    )
    dose = truth(card, "encoder-pgd:16")
    assert dose.planted == "dose"
    parts = [make_card(audits[:4], created=""), make_card(audits[4:], created="")]
    pooled = truth(pool_cards(parts, created="now"), "diluted:0.5")
    assert pooled.model_dump(exclude=APART) == pytest.approx(row.model_dump(exclude=APART))


def test_a_broken_plumbing_and_a_missed_success_are_wrong(audits: list[r.Results]) -> None:
    broken = judge(audit(NULL, AGAIN, IDENTITY, OTHER, protection={OTHER.name: 0.2}, seed=3))
    broken = broken.model_copy(
        update={"plan": broken.plan.model_copy(update={"conditions": audits[0].plan.conditions})}
    )
    card = make_card([*audits[:3], broken], created="now")
    assert truth(card, "identity").wrong == 1
    assert truth(card, OTHER.name).wrong == 1


def test_audits_without_an_interval_are_not_counted_as_right(audits: list[r.Results]) -> None:
    card = make_card([*audits[:2], planted(5, clean_gain=-0.2)], created="now")
    assert truth(card, NULL.name).audits == 2
    assert card.audits == 3


def test_spread_is_pooled_over_audits(audits: list[r.Results]) -> None:
    card = make_card(audits[:4], created="now")
    row = next(s for s in card.spread if (s.condition, s.metric) == (NULL.name, METRIC))
    squares = []
    for a in audits[:4]:
        of = {c: find(a, "gain", c, METRIC).value for c in ("clean",)}
        difference = find(a, "gain_difference", NULL.name, METRIC)
        assert difference.high is not None
        assert difference.low is not None
        half = (difference.high - difference.low) / 2
        deviation = half / stats.t.ppf(0.975, 5) * 6**0.5
        squares.append((deviation / (of["clean"] or 1)) ** 2)
    assert row.deviation == pytest.approx(np.mean(squares) ** 0.5)
    assert row.degrees == 20
    assert row.replicates_for_a_tenth == replicates_needed(row.deviation, level=0.95)


@pytest.mark.parametrize("deviation", [0.03, 0.1, 0.2])
def test_that_many_replicates_find_a_tenth_and_one_fewer_do_not(deviation: float) -> None:
    needed = replicates_needed(deviation, level=0.95)
    assert needed is not None
    rng = np.random.default_rng(0)

    def power(n: int) -> float:
        draws = rng.normal(0.1, deviation, (20_000, n))
        return float(np.mean(stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05))

    assert power(needed) > 0.785
    assert needed == 2 or power(needed - 1) < 0.815
    assert replicates_needed(5.0, level=0.95) is None


def test_the_chance_of_alarms_is_scipys_binomial_test() -> None:
    for alarms in (0, 1, 4):
        expected = stats.binomtest(alarms, 30, 0.05, alternative="greater").pvalue
        assert chance_of_alarms(alarms, 30, rate=0.05) == pytest.approx(expected)


def test_only_one_setup_fits_on_a_card(audits: list[r.Results]) -> None:
    plan = audits[1].plan
    other = audits[1].model_copy(update={"plan": plan.model_copy(update={"replicates": 8})})
    assert setup_digest(other.plan) != setup_digest(plan)
    assert setup_digest(audits[0].plan) == setup_digest(plan)
    for chosen in ([], [audits[0], other]):
        with pytest.raises(ValueError, match="one setup"):
            make_card(chosen, created="now")


def test_a_card_is_kept_found_and_cited(audits: list[r.Results], tmp_path) -> None:
    card = make_card(audits, created="now")
    path = keep_card(tmp_path, card)
    assert find_card(tmp_path, card.setup) == card
    cited = judge(audits[0].model_copy(update={"calibration": card}))
    check = next(c for c in cited.checks if c.slug == "calibrated")
    assert card.digest() in check.detail
    assert check.passed is True
    told: list[str] = []
    for text, ids in (("{", []), (json.dumps(json.loads(path.read_text()) | {"schema_version": 99}), ["file-version"])):
        path.write_text(text, encoding="utf-8")
        assert find_card(tmp_path, card.setup, tell=lambda why: told.append(why.id)) is None
        assert told == ids
    assert find_card(tmp_path, "0" * 64) is None


@pytest.mark.parametrize(
    ("condition", "wrong", "passed"), [("null", 3, True), ("null", 4, False), ("identity", 1, False)]
)
def test_a_card_with_too_many_alarms_shows_and_withholds_nothing(
    audits: list[r.Results], condition: str, wrong: int, passed: bool
) -> None:
    card = make_card(audits, created="now")
    truths = tuple(
        t.model_copy(update={"wrong": wrong if t.condition == condition else 0, "audits": 20}) for t in card.truths
    )
    results = audit(protection={"encoder-pgd:16": 0.9})
    judged = judge(results.model_copy(update={"calibration": card.model_copy(update={"truths": truths})}))
    check = next(c for c in judged.checks if c.slug == "calibrated")
    assert check.passed is passed
    assert judged.verdict is not None
    assert judged.verdict.label == "held"


def test_audits_of_other_works_count_though_nobody_named_their_artist(audits: list[r.Results]) -> None:
    first = audits[0]
    works = tuple(w.model_copy(update={"pixels": f"{i:064x}"}) for i, w in enumerate(first.plan.works))
    other = first.model_copy(update={"plan": first.plan.model_copy(update={"works": works})})
    assert make_card([first, first], created="now").audits == 1
    assert make_card([first, other], created="now").audits == 2


def test_cards_pooled_are_the_card_of_all_their_audits(audits: list[r.Results]) -> None:
    parts = [make_card(audits[a:b], created="then") for a, b in ((0, 5), (5, 6), (6, 12))]
    whole, together = make_card(audits, created="now"), pool_cards(parts, created="now")
    assert together.model_dump(exclude={"truths", "spread"}) == whole.model_dump(exclude={"truths", "spread"})
    for found, expected in zip((*together.truths, *together.spread), (*whole.truths, *whole.spread), strict=True):
        assert found.model_dump(exclude=APART) == pytest.approx(expected.model_dump(exclude=APART))
        assert isinstance(found, r.RunSpread) or (found.ranges, found.words) == (expected.ranges, expected.words)
    assert [row.label for row in together.truths] == [row.label for row in whole.truths]


def test_cards_of_unlike_truths_are_pooled_as_far_as_they_go(audits: list[r.Results]) -> None:
    def only(a: r.Results) -> r.Results:
        kept = tuple(c for c in a.plan.conditions if c.name in (CLEAN.name, NULL.name))
        return judge(a.model_copy(update={"plan": a.plan.model_copy(update={"conditions": kept})}))

    some = [only(a) for a in audits[4:]]
    pooled = pool_cards([make_card(audits[:4], created=""), make_card(some, created="")], created="now")
    whole = make_card([*audits[:4], *some], created="now")
    assert [(t.condition, t.metric) for t in pooled.truths] == [(t.condition, t.metric) for t in whole.truths]
    assert (truth(pooled, NULL.name).audits, truth(pooled, OTHER.name).audits) == (12, 4)
    found, expected = (truth(card, OTHER.name).model_dump(exclude=APART) for card in (pooled, whole))
    assert found == pytest.approx(expected)


def test_cards_that_cannot_be_counted_together_are_refused(audits: list[r.Results]) -> None:
    card, rest = make_card(audits[:6], created=""), make_card(audits[6:], created="")
    cases = {
        "count the same audits": make_card(audits[5:], created=""),
        "more than one setup": rest.model_copy(update={"setup": "0" * 64}),
        "tell its audits apart": rest.model_copy(update={"draws": ()}),
    }
    for problem, other in cases.items():
        with pytest.raises(BadInput, match=problem):
            pool_cards([card, other], created="now")
    with pytest.raises(BadInput, match="more than one setup"):
        pool_cards([card, rest.model_copy(update={"tool_version": "9"})], created="now")


def test_a_card_of_before_keeps_its_digest(audits: list[r.Results]) -> None:
    card = make_card(audits[:2], created="now")
    before = {name: value for name, value in card.model_dump(mode="json").items() if name != "draws"}
    before["schema_version"] = 1
    for row in before["truths"]:
        for name in ("label", "planted", "index", "ranges", "words", "too_sure"):
            del row[name]
    del before["margins"]
    read = r.CalibrationCard.model_validate(before)
    assert read.draws == ()
    assert read.digest() == hashlib.sha256(canonical_json(before).encode("utf-8")).hexdigest()
    assert "draws" in card.model_dump()
