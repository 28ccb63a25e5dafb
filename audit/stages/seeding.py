"""The seed of a plan that was stamped before training: it follows from the stamp, so nobody could know or choose it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from audit.base.errors import BadEvidence, BadResults
from audit.evidence.bag import read_text
from audit.evidence.stamp import PLAN_CHAIN, PLAN_REPLY
from audit.evidence.timestamps import MOST_BYTES, check_token
from audit.plan.making import with_draws
from audit.records import Plan
from audit.records.seeding import stamped_seed
from audit.records.versions import read_record
from audit.runfolder import STAMPED_PLAN, stamped_plan
from audit.runfolder.event_log import PLAN_FIXED, PLAN_STAMPED, TRAINING_BEGINS, facts_of, log_bytes


def under_stamp(plan: Plan, folder: Path) -> tuple[Plan, Plan | None]:
    """The plan with the seed that the stamp in its run folder gives, and the plan that was stamped.

    The plan as it is and None where no stamp lies there, where it is over another plan, where somebody gave the seed,
    and where training began with the plan's own seed.

    Raises:
        BadEvidence: `plan-stamp-gone`; the stamp does not verify, see `check_token`.
    """
    reply = folder / PLAN_REPLY
    if plan.seed_source != "plan":
        return plan, None
    if not reply.is_file():
        _refuse_gone(plan, folder)
        return plan, None
    kept = read_text(stamped_plan(folder))
    try:
        stamped = read_record(Plan, kept, name=STAMPED_PLAN)
    except (BadResults, ValidationError):
        return plan, None
    begun = f'"{TRAINING_BEGINS}"'.encode("ascii") in log_bytes(folder)
    if stamped.digest() != plan.digest() or (begun and not (folder / STAMPED_PLAN).exists()):
        return plan, None
    chain = read_text(folder / PLAN_CHAIN, limit=MOST_BYTES)
    token = check_token(kept, reply=read_text(reply, limit=MOST_BYTES), chain=chain)
    seeded = plan.model_copy(update={"seed_source": "stamp", "seed": stamped_seed(token.content)})
    if not plan.draws:
        return seeded, plan
    return with_draws(seeded, seed=seeded.seed, asked=len(plan.draws[0].prompts)), plan


def _refuse_gone(plan: Plan, folder: Path) -> None:
    """Without the stamp that the log tells of, a run would train with a seed that was known before the stamp was."""
    told = {str(facts.get("event")) for facts in facts_of(folder)}
    digests = {str(facts.get("plan_sha256")) for facts in facts_of(folder) if facts.get("event") == PLAN_FIXED}
    if PLAN_STAMPED in told and TRAINING_BEGINS not in told and plan.digest() in digests:
        raise BadEvidence("plan-stamp-gone", file=PLAN_REPLY)
