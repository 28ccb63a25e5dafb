"""What a page over many audits takes from one of them."""

from __future__ import annotations

import hashlib

from audit.base.record import canonical_json
from audit.base.text import printable
from audit.judge.claim_labels import index_by
from audit.judge.claims import is_claim
from audit.records import AuditFacts, ClaimFacts, Condition, Plan, Readings, Results, Verdict, VerdictLabel

SILENT: tuple[VerdictLabel, ...] = ("not-valid", "exploratory", "models-broke")
"""Words that stand on such a page without a number."""


def audit_facts(results: Results) -> AuditFacts:
    """The facts of a judged audit, but for where it lies."""
    plan, verdict, readings = results.plan, results.verdict, results.readings
    assert verdict is not None
    assert readings is not None
    claims = [c for c in plan.conditions if is_claim(plan, c)]
    return AuditFacts(
        artist=printable(plan.artist),
        verdict=verdict.label,
        own_margins=verdict.own_margins,
        said=verdict.said,
        condition=readings.headline or "",
        model=printable(plan.model.name),
        lab=plan.model.lab,
        metric=plan.primary_metric,
        tool_version=printable(plan.tool_version),
        preset=printable(plan.preset),
        replicates=results.replicates,
        works=len(plan.works),
        works_sha256=_digest(sorted({work.pixels for work in plan.works})),
        started=results.provenance.started,
        finished=results.provenance.finished,
        plan_sha256=plan.digest(),
        parts=setup_parts(plan),
        held=plan.margins.held,
        did_not_hold=plan.margins.did_not_hold,
        claims=tuple(_claim(results, verdict, readings, c, metric) for c in claims for metric in plan.metrics),
        attempts=None if results.attempts is None else len(results.attempts.before),
        attempts_whole=results.attempts is None or results.attempts.whole,
        family=sum(c.primary for c in plan.conditions),
    )


def _claim(results: Results, verdict: Verdict, readings: Readings, condition: Condition, metric: str) -> ClaimFacts:
    plan = results.plan
    cloak, version = cloak_of(plan, condition)
    index = index_by(results, condition.name, metric)
    found = verdict.per_condition.get(condition.name)
    word: VerdictLabel = verdict.label if found is None else found.label
    # With a failed check no number of the audit is quoted, whichever condition it is of.
    silent = word in SILENT or verdict.label == "not-valid"
    return ClaimFacts(
        condition=condition.name,
        said=condition.label,
        cloak=cloak,
        version=version,
        counter="+".join(condition.treated_by),
        made=_made(plan, condition),
        primary=condition.primary,
        metric=metric,
        index=index.name,
        verdict=word,
        value=None if silent else index.value,
        low=None if silent else index.low,
        high=None if silent else index.high,
        level=index.level,
        n=index.n,
    )


def cloak_of(plan: Plan, condition: Condition) -> tuple[str, str]:
    """What protects, and its version: of delivered files what their names claim, else what was typed.

    Files that name no tool, or not all the same one, have no cloak that is known; an arm with a name of its own is
    called by it.
    """
    protection = next((c for c in plan.conditions if c.name == condition.of), condition)
    if protection.source != "protected-files":
        return printable("+".join(protection.steps) or protection.name), ""
    if protection.cloak:
        return printable(protection.cloak), printable(protection.cloak_version)
    tools = {file.claimed_tool for file in plan.copies(protection.arm)}
    return (printable(tools.pop()), "") if len(tools) == 1 else ("", "")


def _made(plan: Plan, condition: Condition) -> str:
    """A digest that two conditions share only if their treatments have the same settings."""
    steps = [*condition.steps, *condition.treated_by]
    told: dict[str, object] = {
        "steps": steps,
        "settings": {r.step: r.settings for r in plan.recipes if r.step in steps},
    }
    protection = next((c for c in plan.conditions if c.name == condition.of), condition)
    if protection.source == "originals":
        attacked = plan.surrogate or plan.model
        told |= {"attacked": attacked.sha256, "protection": plan.protection.model_dump(mode="json")}
    return _digest(told)


def setup_parts(plan: Plan) -> dict[str, str]:
    """What two audits must share before their indices are pooled; replicates and works may differ."""
    prompts = plan.prompt_list
    weights = plan.metric_weights.get(plan.primary_metric, "")
    parts: dict[str, object] = {
        "training": plan.training.model_dump(mode="json"),
        "drawing": plan.sampling.model_dump(mode="json"),
        "margins": plan.margins.model_dump(mode="json"),
        "exclusion": plan.exclusion.model_dump(mode="json"),
        "stopping": plan.stopping.model_dump(mode="json"),
        "grid": plan.grid.model_dump(mode="json"),
        "prompts": plan.prompts if prompts is None else [prompts.name, prompts.sha256],
        "draws": bool(plan.draws),
        "crop": plan.crop,
    }
    named = {
        "model": f"{printable(plan.model.name)} {plan.model.sha256[:12]} {plan.model.prediction_type}",
        "metric": f"{plan.primary_metric} {weights[:12]}".strip(),
    }
    return named | {name: _digest(value)[:12] for name, value in parts.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()
