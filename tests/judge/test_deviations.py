"""Every deviation from the plan, one at a time, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audit import records as r
from audit.base.errors import BadInput
from audit.judge import judge, with_margins
from audit.judge.rules import STRICTER, WORDS
from tests.judge.audits import PGD, audit


def slugs(results: r.Results) -> list[str]:
    return [d.slug for d in judge(results).deviations]


def provenance(results: r.Results, **update: object) -> r.Results:
    return results.model_copy(update={"provenance": results.provenance.model_copy(update=update)})


def session(**update: object) -> r.Session:
    plain = {"started": "2026-11-22T03:00:00Z", "threads": 2, "device": "cpu, bf16", "commit": "a", "packages": {}}
    return r.Session.model_validate(plain | update)


def resumed(**update: object) -> r.Results:
    return provenance(audit(), sessions=(session(), session(started="2026-11-22T09:00:00Z", **update)))


def with_plan(results: r.Results, **update: object) -> r.Results:
    return results.model_copy(update={"plan": results.plan.model_copy(update=update)})


def planned_weights(results: r.Results, digest: str) -> r.Results:
    """Results whose plan, fixed before the run, names these weights."""
    plan = results.plan.model_copy(update={"metric_weights": {"openclip": digest}})
    return provenance(results.model_copy(update={"plan": plan}), plan_sha256=plan.digest())


def made_elsewhere() -> r.ReusedSteps:
    there = r.StepEnvironment(
        tool_version="0",
        commit="",
        device="cuda",
        accelerator="a card",
        precision="bf16",
        threads=8,
        packages={"torch": "2"},
    )
    days = ("2026-11-20T03:00:00Z", "2026-11-21T03:00:00Z")
    return r.ReusedSteps(
        step="adapter", count=6, first_made=days[0], last_made=days[1], plans=("0" * 64,), environment=there
    )


def made_earlier(**update: object) -> r.EarlierSteps:
    days = {"first_made": "2026-11-20T03:00:00Z", "last_made": "2026-11-21T03:00:00Z"}
    return r.EarlierSteps.model_validate(
        {"step": "adapter", "count": 6, "undated": 0, "plans": ("0" * 64,)} | days | update
    )


CASES: list[tuple[Callable[[], r.Results], list[str]]] = [
    (lambda: audit(), []),
    (lambda: with_plan(audit(), seed=1), ["plan-changed"]),
    (lambda: with_plan(audit(), margins=r.Margins(held=0.3)), ["plan-changed"]),
    (lambda: provenance(audit(), plan_file_sha256="0" * 64), ["plan-file-changed"]),
    (lambda: provenance(audit(), plan_file_sha256=audit().plan.digest()), []),
    (lambda: with_margins(audit(), {"held": 0.3}), ["margins-changed"]),
    (lambda: with_plan(with_margins(audit(), {"held": 0.3}), seed=1), ["plan-changed", "margins-changed"]),
    (lambda: audit(missing=frozenset({(PGD.name, 2)})), ["cells-left-out"]),
    (lambda: planned_weights(audit(), "0" * 64), ["metric-changed"]),
    (lambda: planned_weights(audit(), audit().metrics[1].weights_sha256), []),
    (lambda: resumed(), []),
    (lambda: resumed(threads=1), ["resumed-elsewhere"]),
    (lambda: resumed(device="cpu, fp32"), ["resumed-elsewhere"]),
    (lambda: resumed(packages={"torch": "3"}), ["resumed-elsewhere"]),
    (
        lambda: provenance(audit(), plan_fixed="2026-11-22T03:00:00Z", before_plan=(made_earlier(),)),
        ["steps-before-plan"],
    ),
    (lambda: provenance(audit(), reused_elsewhere=(made_elsewhere(),)), ["steps-made-elsewhere"]),
]


@pytest.mark.parametrize(("make", "expected"), CASES)
def test_deviations_are_found_by_themselves(make: Callable[[], r.Results], expected: list[str]) -> None:
    assert slugs(make()) == expected


def test_what_is_older_than_the_plan_is_counted_by_kind() -> None:
    unknown = {"first_made": None, "last_made": None}
    earlier = (made_earlier(), made_earlier(step="pictures", count=2, undated=2, **unknown))
    (found,) = judge(provenance(audit(), plan_fixed="2026-11-22T03:00:00Z", before_plan=earlier)).deviations
    assert "6 trained models, 2 sets of pictures, of all these, 2 that tell no time" in found.sentence
    assert "from 2026-11-20T03:00:00Z to 2026-11-21T03:00:00Z" in found.sentence


def test_changed_margins_change_the_verdict_and_say_what_changed() -> None:
    planned = judge(audit(protection={PGD.name: 0.4}, run_sd=0.002, picture_sd=0.002))
    changed = judge(with_margins(planned, {"held": 0.3, "level": "0.96"}))
    assert planned.verdict is not None
    assert changed.verdict is not None
    assert (planned.verdict.label, changed.verdict.label) == ("partly-held", "held")
    assert changed.plan.margins.level == 0.96
    (found,) = changed.deviations
    assert "held from 0.5 to 0.3" in found.sentence
    assert "level from 0.95 to 0.96" in found.sentence
    assert changed.provenance.plan_sha256 == planned.plan.digest()
    # Judged again without a change, everything is as planned.
    assert judge(with_margins(changed, {})) == planned


@pytest.mark.parametrize("changes", [{"holds": 0.3}, {"held": "much"}, {"level": 0.2}])
def test_a_margin_that_is_none_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        with_margins(audit(), changes)
    assert caught.value.slug == "margin-unknown"
    assert "held" in caught.value.sentence


LOOSER = {
    "level": 0.9, "learned_share": 0.05, "min_replicates": 2, "min_auc": 0.7, "visible_step": 0.5,
    "base_knows_share": 0.6, "max_dropped": 0.5, "no_alarm_within": 0.1, "noise_matched": 0.3, "noise_step": 20,
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), LOOSER.items())
def test_a_rule_can_be_made_stricter_but_never_looser(name: str, value: float) -> None:
    with pytest.raises(BadInput) as caught:
        with_margins(audit(), {name: value})
    assert caught.value.slug == "margin-loosened"
    usual = getattr(r.Margins(), name)
    assert f"{name} was {value:g}, where {usual:g} or {STRICTER[name]} is allowed" in caught.value.sentence
    stricter = (usual + 1) / 2 if name == "level" else usual + (usual - value) / 2
    with_margins(audit(), {name: int(stricter) if name == "min_replicates" else stricter})
    # What a plan of schema version 1 fixed stays as it was.
    old = audit().plan.model_copy(update={"schema_version": 1, "margins": r.Margins.model_validate({name: value})})
    with_margins(audit().model_copy(update={"plan": old}), {"held": 0.6})


def test_every_rule_has_a_way_to_get_stricter() -> None:
    assert STRICTER.keys() | set(WORDS) == r.Margins.model_fields.keys()


def test_a_missing_cell_is_named_with_its_reason() -> None:
    (found,) = judge(audit(missing=frozenset({(PGD.name, 2)}))).deviations
    assert f"{PGD.name} r2 (the cell was not trained)" in found.sentence
