"""Schema version 1, in which sentences were data and what a condition is was read from its name. Frozen.

`up` makes today's record of a record of version 1; `down` writes it as version 1 did, byte for byte in its canonical
text. So a record that was fixed under version 1 (a plan, a card, results that nobody judged again) stays in its form
wherever it is written, and its digest is always worked out from that form.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from audit.base.messages import Said, as_written, render, say, words
from audit.records.versions import names
from audit.records.versions.fields import FIELDS

UNSTATED = frozenset({"Copies", "Environment"})
"""Records whose files did not state a version then."""
OWN = frozenset({"Plan", "ScorePlan", "CalibrationCard"})
"""Records within others that state a version of their own."""
TABLED = frozenset({"ConditionVerdict"})
"""Records that stand in tables, by a key."""
SAID: dict[str, dict[str, str]] = {
    "Note": {"said": "sentence"},
    "Check": {"said": "sentence", "figures": "detail"},
    "Deviation": {"said": "sentence"},
    "Estimate": {"how": "method", "why": "note"},
    "ConditionVerdict": {"said": "sentence"},
    "Verdict": {"said": "sentence"},
    "ScoreVerdict": {"said": "sentence"},
}
"""Record -> field of today -> the sentence of then that it is made of."""
FIXED: dict[str, dict[str, str]] = {
    "Copies": {"warned": "caution", "declared": "declaration"},
    "MetricFacts": {"said": "lineage"},
    "Provenance": {"declared": "declaration"},
    "Recipe": {"follows": "source", "usual": "published"},
    "Score": {"why": "missing"},
}
"""The same of texts without figures, which may have a translation; '' meant none."""
SENTENCES = {"Plan": "hypotheses", "Reached": "objective"}
"""Record -> field that held a sentence, or a row of them, where today a record with one stands."""

STAGES = {
    "Reading pictures": "stage.read",
    "Measuring this machine": "stage.measure",
    "Preparing pictures": "stage.treat",
    "Training": "stage.train",
    "Generating pictures": "stage.draw",
    "Scoring": "stage.score",
    "Scoring with noise added": "stage.noise",
    "Reading subjects": "stage.subjects",
    "Writing the report": "stage.report",
    "Downloading (MB)": "stage.download",
}
"""What was being done then -> the message of today."""
NAMED = {id: name for name, id in STAGES.items()}


def up(record: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Today's fields of a record of version 1; what is no such record is left for today's schema to refuse.

    Raises:
        ValueError: a field that version 1 did not have.
    """
    parts = _fields(record)
    unknown = sorted(set(given) - set(parts) - {"schema_version"})
    if unknown:
        raise ValueError(f"schema version 1 has no {record} with {unknown[0]!r}")
    found = {
        field: value if parts.get(field, "") in OWN else _each(value, parts.get(field, ""), up)
        for field, value in given.items()
    }
    slug = given.get("slug")
    for field, sentence in SAID.get(record, {}).items():
        text = given.get(sentence, "")
        if isinstance(text, str) and (text or field != "why"):
            found[field] = as_written(text, id=slug if isinstance(slug, str) else "as-written")
    for field, sentence in FIXED.get(record, {}).items():
        if isinstance(text := given.get(sentence), str) and text:
            found[field] = _fixed(text)
    if record == "Plan":
        _tell_conditions(found)
        if isinstance(listed := given.get("hypotheses"), list | tuple):
            found["hypotheses"] = [_hypothesis(text, given) for text in listed]
    if record in ("Results", "Copies") and isinstance(found.get("notes"), list):
        plan = given if record == "Copies" else given.get("plan")
        recipes = plan.get("recipes") if isinstance(plan, dict) else None
        found["notes"] = [_caveat(note, recipes) for note in found["notes"]]
    if record == "Provenance" and isinstance(seconds := given.get("stage_seconds"), dict):
        found["stage_seconds"] = {STAGES.get(name, name): value for name, value in seconds.items()}
    if record == "Recipe":
        found["approximate"] = _approximate(given)
        if isinstance(settings := given.get("settings"), dict):
            found["fixed"] = {name: _fixed(text) for name, text in settings.items() if isinstance(text, str)}
    if record == "ProtectedFile" and isinstance(given.get("claimed_tool"), str):
        found["claimed_tools"] = [tool for tool in given["claimed_tool"].split(" + ") if tool]
    if record == "PlantedTruth" and isinstance(given.get("condition"), str):
        found["label"] = names.condition_label(given["condition"], ())
        found["planted"] = names.TRUTHS.get(given["condition"])
    if record == "Reached" and isinstance(given.get("objective"), str):
        found["objective"] = _objective(given["objective"])
    return found


def down(record: str, made: Mapping[str, Any]) -> dict[str, Any]:
    """The dump of a record of today as version 1 wrote it."""
    parts = _fields(record)
    found = {
        field: value if parts[field] in OWN else _each(value, parts[field], down)
        for field, value in made.items()
        if field in parts
    }
    if record in SENTENCES:
        told = found[SENTENCES[record]]
        found[SENTENCES[record]] = told["sentence"] if isinstance(told, dict) else [one["sentence"] for one in told]
    if record == "Provenance":
        found["stage_seconds"] = {NAMED.get(id, id): value for id, value in made["stage_seconds"].items()}
    if record == "CalibrationCard" and not made.get("draws"):
        # A field that came later in version 1, and was not written while it was empty.
        found.pop("draws", None)
    return found


def _objective(text: str) -> dict[str, Any]:
    return {"said": _fixed(text), "direction": "down" if "pushed down" in text else "up"}


def _hypothesis(text: Any, plan: Mapping[str, Any]) -> Any:
    """It began with the name of its condition and a colon; names have colons, too, but no spaces after them."""
    if not isinstance(text, str):
        return text
    name, margins = text.partition(": ")[0], plan.get("margins")
    said = as_written(text)
    if isinstance(margins, dict):
        limits = {
            place: margins.get(of)
            for place, of in (("held", "held"), ("least", "did_not_hold"), ("partly", "partly"), ("level", "level"))
        }
        # Said again, and so in any language, only where that gives the very same text.
        with contextlib.suppress(ValueError):
            again = say("hypothesis", name=name, metric=plan.get("primary_metric"), **limits)
            said = again if render(again) == text else said
    return {"condition": name, "said": said}


def _approximate(recipe: Mapping[str, Any]) -> bool:
    return str(recipe.get("step")).partition(":")[0] == "as-published"


def _caveat(note: Any, recipes: Any) -> Any:
    """A note that names a plan's treatments, said again where that gives the very same text."""
    said = note.get("said") if isinstance(note, dict) else None
    if not isinstance(said, Said) or said.id not in CAVEATS or not isinstance(recipes, list | tuple):
        return note
    told = [r for r in recipes if isinstance(r, dict)]
    named = [r["step"] for r in told if isinstance(r.get("step"), str) and CAVEATS[said.id](r)]
    again = say(said.id, names=named)
    return {**note, "said": again} if render(again) == render(said) else note


CAVEATS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "reference-protection": lambda recipe: recipe.get("kind") == "protection",
    "platform-approximate": _approximate,
}
"""Note -> the recipes that it names."""


def _fixed(text: str) -> Said:
    """A text without figures, which may have a translation."""
    return as_written(text) if "{" in text or "}" in text else words(text)


def _tell_conditions(plan: dict[str, Any]) -> None:
    conditions = plan.get("conditions")
    if not isinstance(conditions, list | tuple):
        return
    known = [c for c in conditions if isinstance(c, dict) and isinstance(c.get("name"), str)]
    listed = [c["name"] for c in known]
    for condition in known:
        steps = condition.get("steps", [])
        if isinstance(steps, list | tuple) and all(isinstance(step, str) for step in steps):
            condition.update(names.told(condition, listed))


def _each(value: Any, record: str, change: Callable[[str, Mapping[str, Any]], dict[str, Any]]) -> Any:
    """The value of a field that holds a record, a row of them, or a table of them."""
    if not record or not isinstance(value, dict | list | tuple):
        return value
    if isinstance(value, dict) and record not in TABLED:
        return change(record, value)
    if isinstance(value, dict):
        return {key: change(record, v) if isinstance(v, dict) else v for key, v in value.items()}
    return [change(record, v) if isinstance(v, dict) else v for v in value]


@cache
def _fields(record: str) -> dict[str, str]:
    """Field -> the record that it holds; '' for none."""
    pairs = (field.partition(":") for field in FIELDS[record].split())
    return {name: of for name, _, of in pairs}
