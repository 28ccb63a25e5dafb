"""From scores to an answer: estimates, checks, verdict. Needs the records alone, never torch."""

from __future__ import annotations

from audit.judge.checks import check, override, withheld
from audit.judge.deviations import deviations, with_margins
from audit.judge.estimates import estimate
from audit.judge.said_again import said_again
from audit.judge.tables import tables
from audit.judge.verdict import decide, decided
from audit.records import SCHEMA_VERSION, Results

__all__ = ["decided", "judge", "with_margins", "with_readings"]


def judge(results: Results) -> Results:
    """A copy of `results` with estimates, deviations, checks, verdict and readings filled from its other records.

    What was judged before is thrown away, so that judging twice gives the same copy. Records that
    lack cells, scores or conditions are judged as they are: what cannot be worked out is None with
    a reason, and no error is raised.
    """
    answered = _answered(results)
    return answered.model_copy(update={"readings": tables(answered)})


def with_readings(results: Results) -> Results:
    """Results that an earlier version judged, with the readings that it did not write; its answers stay as they are.

    Its sentences are messages again, and so in every language, where judging again gives the very same ones.
    """
    if results.verdict is None or results.readings is not None:
        return results
    told = said_again(results, _answered)
    return told.model_copy(update={"readings": tables(told)})


def _answered(results: Results) -> Results:
    blank = {"schema_version": SCHEMA_VERSION, "estimates": (), "checks": (), "verdict": None, "readings": None}
    bare = results.model_copy(update=blank)
    estimated = bare.model_copy(update={"estimates": estimate(bare), "deviations": deviations(bare)})
    checked = estimated.model_copy(update={"checks": check(estimated)})
    return checked.model_copy(
        update={"verdict": decide(checked, override=override(checked), withheld=withheld(checked))}
    )
