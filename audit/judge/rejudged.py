"""Whether results say what their own figures give: judged again, and compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from audit.base.record import Record
from audit.records import Results, ScoreResults

ANSWERS = ("verdict", "checks", "deviations", "estimates", "readings")
"""What the judge fills, as far as a record has it."""
TOLD = (
    ("said", ("sentence", "lineage")),
    ("figures", ("detail",)),
    ("why", ("missing", "note")),
    ("declared", ("declaration",)),
    ("how", ("method",)),
    ("follows", ("source",)),
    ("usual", ("published",)),
)
"""A message of a record -> the fields that hold the same in English."""
RELATIVE, ABSOLUTE = 1e-6, 1e-9
"""How far two figures may be apart that were worked out by other versions of numpy and scipy."""


def first_difference(
    stated: Results | ScoreResults, again: Results | ScoreResults, *, english: bool = False
) -> str | None:
    """Where two judgements first say something else, as `verdict.label`; None where they say the same.

    Rounding counts as the same, so that another machine finds nothing.

    Args:
        english: whether sentences count that stand beside their messages; a better wording is no other answer, and a
            page shows the message.
    """
    for field in ANSWERS:
        if field in type(stated).model_fields:
            seen, made = (_plain(getattr(of, field)) for of in (stated, again))
            if not english:
                seen, made = _without_english(seen), _without_english(made)
            found = _differ(seen, made, field)
            if found is not None:
                return found
    return None


def first_other_answer(stated: Results, again: Results) -> str | None:
    """The same of labels, checks and figures alone, for records whose sentences were written in another way."""
    for field, seen in _answers(stated).items():
        found = _differ(seen, _answers(again)[field], field)
        if found is not None:
            return found
    return None


def _answers(results: Results) -> dict[str, Any]:
    verdict = results.verdict
    claims = {} if verdict is None else verdict.per_condition
    return {
        "verdict.label": None if verdict is None else verdict.label,
        "verdict.condition": None if verdict is None else verdict.condition,
        "verdict.per_condition": {name: claim.label for name, claim in claims.items()},
        "checks": {check.slug: check.passed for check in results.checks},
        "deviations": [deviation.slug for deviation in results.deviations],
        "estimates": [[e.name, e.condition, e.metric, e.value, e.low, e.high] for e in results.estimates],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def _without_english(value: Any) -> Any:
    if isinstance(value, Mapping):
        beside = {field for of, fields in TOLD if value.get(of) is not None for field in fields}
        return {key: _without_english(part) for key, part in value.items() if key not in beside}
    if isinstance(value, list):
        return [_without_english(part) for part in value]
    return value


def _differ(stated: Any, again: Any, place: str) -> str | None:
    if isinstance(stated, Mapping) and isinstance(again, Mapping):
        for key in (*stated, *(key for key in again if key not in stated)):
            if key not in stated or key not in again:
                return f"{place}.{key}"
            if (found := _differ(stated[key], again[key], f"{place}.{key}")) is not None:
                return found
        return None
    if isinstance(stated, Sequence) and isinstance(again, Sequence) and not isinstance(stated, str):
        if len(stated) != len(again):
            return place
        pairs = enumerate(zip(stated, again, strict=True))
        return next((f for i, (a, b) in pairs if (f := _differ(a, b, f"{place}.{i}")) is not None), None)
    number = isinstance(stated, float) or isinstance(again, float)
    if number and all(isinstance(v, int | float) and not isinstance(v, bool) for v in (stated, again)):
        return None if math.isclose(stated, again, rel_tol=RELATIVE, abs_tol=ABSOLUTE) else place
    return None if stated == again else place
