"""Many audits: who is one artist, what may be pooled, and which audit of an artist counts."""

from __future__ import annotations

import pytest

from audit import records as r
from audit.base.messages import say
from audit.judge import judge
from audit.judge.audit_facts import audit_facts, cloak_of
from audit.judge.overview import SeenAudit, make_overview
from audit.plan.conditions import arm_condition
from tests.builders import digest, make_plan, make_results, make_work
from tests.made_conditions import conditions as made

CLOAK, COUNTER = "encoder-pgd:16", "encoder-pgd:16+jpeg:50"


def claim(value: float | None, half: float = 0.1, **changes: object) -> r.ClaimFacts:
    low, high = (None, None) if value is None else (value - half, value + half)
    facts = {
        "condition": CLOAK, "said": say("label.held"), "cloak": CLOAK, "made": digest("made"), "primary": True,
        "metric": "m", "index": "protection_index", "verdict": "partly-held", "value": value, "low": low,
        "high": high, "level": 0.95, "n": 6,
    }  # fmt: skip
    return r.ClaimFacts(**(facts | changes))


def seen(artist: str, *claims: r.ClaimFacts, works: str = "", day: int = 1, parts: str = "x") -> SeenAudit:
    facts = r.AuditFacts(
        artist=artist, verdict="partly-held", own_margins=False, said=say("label.held"), condition=CLOAK, model="lab",
        lab=True, metric="m", tool_version="1", preset="standard", replicates=6, works=20, works_sha256=digest(artist),
        started=f"2026-01-{day:02d}T00:00:00Z", finished="", plan_sha256=digest(f"{artist} {day}"),
        parts={"model": parts, "margins": "same"}, held=0.5, did_not_hold=0.2, claims=claims, family=1,
    )  # fmt: skip
    return SeenAudit(facts, frozenset((works or artist) + str(i) for i in range(3)))


def only(overview: r.Overview) -> r.PooledClaim:
    (found,) = overview.pooled
    return found


def test_the_artist_is_the_unit_and_the_first_audit_of_one_counts():
    """Trying again, on the same works or others, buys nothing: not a narrower range, not a better value."""
    once = [seen("a", claim(0.1)), seen("b", claim(0.3)), seen("c", claim(0.2))]
    alone = only(make_overview(once, ()))
    again = [*once, *(seen("a", claim(0.9), works=f"new{day}", day=day) for day in range(2, 9))]
    tried = only(make_overview(again, ()))
    assert (tried.value, tried.low, tried.high, tried.artists) == (alone.value, alone.low, alone.high, 3)
    assert (tried.audits, tried.left_out) == ((1, 2, 3), (4, 5, 6, 7, 8, 9, 10))
    assert make_overview(again, ()).series == (r.Series(artist="a", cloak=CLOAK, audits=(1, 4, 5, 6, 7, 8, 9, 10)),)


def test_order_given_does_not_choose_the_audit():
    later = [seen("a", claim(0.9), day=9), seen("b", claim(0.3), day=2), seen("a", claim(0.1), day=1)]
    assert only(make_overview(later, ())).audits == (2, 3)


def test_two_names_that_share_a_work_are_one_artist():
    found = make_overview(
        [seen("a", claim(0.1), works="w"), seen("b", claim(0.3)), seen("c", claim(0.2), works="w")], ()
    )
    assert [audit.person for audit in found.audits] == [1, 2, 1]
    assert found.shared == (r.SharedWorks(audits=(1, 3), works=3, names=("a", "c")),)
    assert (only(found).artists, found.artists) == (2, 2)


def test_a_chain_of_shared_works_and_names_is_one_artist():
    found = make_overview([seen("a", works="1"), seen("b", works="2"), seen("b", works="3"), seen("c", works="1"),
                           seen("a", works="3")], ())  # fmt: skip
    assert {audit.person for audit in found.audits} == {1}


@pytest.mark.parametrize(
    "change",
    [{"made": digest("x")}, {"version": "2"}, {"counter": "jpeg:50"}, {"index": "index_at_best"}, {"cloak": "glaze"}],
    ids=str,
)
def test_unlike_claims_are_not_pooled(change):
    found = make_overview([seen("a", claim(0.1)), seen("b", claim(0.3, **change))], ())
    assert [p.artists for p in found.pooled] == [1, 1]
    assert [p.value for p in found.pooled] == [None, None]


def test_unlike_audits_are_not_pooled_and_it_is_said_in_what():
    found = make_overview([seen("a", claim(0.1), parts="y"), seen("b", claim(0.3)), seen("c", claim(0.2))], ())
    assert [(s.audits, s.differs) for s in found.setups] == [((2, 3), ()), ((1,), ("model",))]
    assert [p.audits for p in found.pooled] == [(1,), (2, 3)]


def test_files_that_name_no_tool_are_not_pooled():
    assert make_overview([seen("a", claim(0.1, cloak="")), seen("b", claim(0.3, cloak=""))], ()).pooled == ()


def test_holm_spans_the_means_by_the_score_that_decides():
    claims = [(claim(v), claim(v / 2, counter="jpeg:50"), claim(v, metric="other")) for v in (0.3, 0.35, 0.32)]
    found = make_overview([seen(name, *own) for name, own in zip("abc", claims, strict=True)], ())
    assert found.pooled_compared == 2
    small, large = sorted(p.p for p in found.pooled if p.metric == "m")
    assert sorted(p.p_holm for p in found.pooled if p.metric == "m") == pytest.approx(
        [2 * small, max(2 * small, large)]
    )
    assert [p.p_holm for p in found.pooled if p.metric == "other"] == [None]


def test_a_word_without_a_number_gives_none():
    works = tuple(make_work(i, split="reference" if i % 3 == 0 else "pool") for i in range(24))
    plan = make_plan(conditions=made("clean", CLOAK, COUNTER), works=works)
    valid = audit_facts(judge(make_results(plan=plan, protection={CLOAK: 0.6, COUNTER: 0.3})))
    broken = audit_facts(judge(make_results(plan=plan, protection={CLOAK: 0.6, COUNTER: 0.3}, finite=False)))
    short = plan.model_copy(update={"replicates": 2})
    first_look = audit_facts(judge(make_results(plan=short, protection={CLOAK: 0.6, COUNTER: 0.3})))
    assert (broken.verdict, first_look.verdict) == ("not-valid", "exploratory")
    for facts in (broken, first_look):
        assert {(c.value, c.low, c.high) for c in facts.claims} == {(None, None, None)}
    shown = {(c.condition, c.counter, c.metric): c.value for c in valid.claims}
    assert shown[CLOAK, "", "channel_stats"] == pytest.approx(0.6, abs=0.1)
    assert shown[COUNTER, "jpeg:50", "openclip"] == pytest.approx(0.3, abs=0.1)
    assert valid.family == 2


def test_planted_artists_come_back():
    """Six artists whose protection takes 20 to 70 %: the mean of these is in the range, and so is their spread."""
    shares = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    audits = []
    for number, share in enumerate(shares):
        works = tuple(make_work(i + 100 * number, split="reference" if i % 3 == 0 else "pool") for i in range(24))
        plan = make_plan(conditions=made("clean", CLOAK), works=works, artist=f"artist {number}")
        facts = audit_facts(judge(make_results(plan=plan, protection={CLOAK: share}, run_sd=0.01, seed=number)))
        audits.append(SeenAudit(facts, frozenset(w.pixels for w in works)))
    found = next(p for p in make_overview(audits, ()).pooled if p.metric == "channel_stats")
    assert found.artists == 6
    assert found.low < 0.45 < found.high
    assert found.between_low < 0.187 < found.between_high
    assert found.told


@pytest.mark.parametrize(
    ("names", "condition", "wanted"),
    [
        (("protected", ("Glaze",)), "protected", ("Glaze", "")),
        (("protected", ()), "protected", ("", "")),
        (("glaze-2.1", ("Glaze",)), "glaze-2.1", ("glaze", "2.1")),
        (("glaze-low", ()), "glaze-low", ("glaze-low", "")),
    ],
)
def test_what_a_cloak_is_called(names, condition, wanted):
    name, tools = names
    plan = make_plan(conditions=made("clean", "protected"))
    protected = arm_condition(name)
    files = tuple(
        r.ProtectedFile(work=w.id, name=w.name, sha256=w.sha256, pixels=w.pixels, width=8, height=8,
                        matched_by="name", arm=name, claimed_tools=tools)
        for w in plan.works[:2]
    )  # fmt: skip
    plan = plan.model_copy(update={"conditions": (plan.conditions[0], protected), "protected": files})
    assert cloak_of(plan, plan.condition(condition)) == wanted
