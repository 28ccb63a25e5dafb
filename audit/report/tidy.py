"""Numbers of a run as tidy tables for other programs: one row per score, one row per estimate."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from audit.base.messages import render
from audit.base.text import printable
from audit.records import BASE, DEFAULT, Cell, Condition, Results

Field = str | int | float | bool | None
Kind = Literal["text", "integer", "number", "boolean"]


@dataclass(frozen=True)
class TidyColumn:
    """One column of a table: its name, what its fields are, and what they mean."""

    name: str
    kind: Kind
    meaning: str


@dataclass(frozen=True)
class TidyTable:
    """A table that a program reads.

    Attributes:
        name: of its file, without ending.
        rows: fields in the order of `columns`; a field that is missing is None, never 0.
    """

    name: str
    columns: tuple[TidyColumn, ...]
    rows: tuple[tuple[Field, ...], ...]


_RUN = (
    TidyColumn("run", "text", "`plan-` and the first twelve digits of the plan's digest"),
    TidyColumn("artist", "text", "as typed, a pseudonym perhaps"),
)
_CONDITION = (
    TidyColumn("condition", "text", "as in the plan; `base` is the model before any training"),
    TidyColumn("role", "text", "`base`, `clean`, `protected`, `placebo`, `counter` or `control`"),
    TidyColumn("protection", "text", "of a protection, or one under countermeasures: the condition without them"),
    TidyColumn("countermeasures", "text", "put on top, joined by `+`; empty for none"),
)
_METRIC = (
    TidyColumn("metric", "text", "style score; empty where an estimate has none"),
    TidyColumn("primary_metric", "boolean", "whether the plan decides by it"),
)
SCORES = (
    *_RUN,
    *_CONDITION,
    TidyColumn("replicate", "integer", "from 1; 0 where base drew once for all"),
    TidyColumn("setting", "text", "of the mimic's grid; `default` is the plan's own training"),
    *_METRIC,
    TidyColumn("prompt", "integer", "place in the plan's prompts, from 0"),
    TidyColumn("subject", "text", "what the picture was asked to show"),
    TidyColumn("noise", "integer", "which picture of that prompt, from 0; equal ones share their starting noise"),
    TidyColumn("score", "number", "closeness to the held-out works; higher is closer; empty where there is none"),
    TidyColumn("missing", "text", "why there is no score, in English"),
)
ESTIMATES = (
    *_RUN,
    TidyColumn("tool_version", "text", "of CloakCheck, when the plan was fixed"),
    TidyColumn("model", "text", "name of the base model"),
    *_CONDITION,
    TidyColumn("primary", "boolean", "whether the overall verdict counts the condition"),
    TidyColumn("verdict", "text", "the condition's word; empty where it has none"),
    TidyColumn("setting", "text", "of the mimic's grid, where the estimate is about models of that one"),
    *_METRIC,
    TidyColumn("estimate", "text", "name, as in results.json: `protection_index`, `gain`, ..."),
    TidyColumn("value", "number", "empty where it could not be worked out"),
    TidyColumn("low", "number", "lower bound; empty without one"),
    TidyColumn("high", "number", "upper bound; empty without one"),
    TidyColumn("level", "number", "confidence of the bounds, 0 to 1"),
    TidyColumn("n", "integer", "independent units behind it, as a rule paired trainings"),
    TidyColumn("unit", "text", "of value and bounds: `share`, `score`, ..."),
    TidyColumn("method", "text", "how it is worked out, in English"),
    TidyColumn("note", "text", "why something is missing, or what else to know, in English"),
)
TABLES: dict[str, tuple[str, tuple[TidyColumn, ...]]] = {
    "scores": ("one row per trained model and score, base among the models", SCORES),
    "estimates": ("one row per estimate", ESTIMATES),
}
"""Name of a table -> what a row is, and its columns."""


def tidy_tables(results: Results) -> tuple[TidyTable, ...]:
    """Scores and estimates of judged results.

    What stands under a condition whose verdict is withheld stands here too: tables are for those who know the rules.
    """
    # The word before it keeps readers from taking digits for a number.
    run = (f"plan-{results.plan.digest()[:12]}", printable(results.plan.artist))
    scores = tuple((*run, *row) for row in _scores(results))
    return (
        TidyTable("scores", SCORES, scores),
        TidyTable("estimates", ESTIMATES, tuple((*run, *row) for row in _estimates(results))),
    )


def _scores(results: Results) -> Iterator[tuple[Field, ...]]:
    plan = results.plan
    told = {c.name: _told(c) for c in plan.conditions}
    settings = [(DEFAULT.name, results.cells), *((at.setting, at.cells) for at in results.settings)]
    for setting, cells in settings:
        for cell in cells:
            yield from _of_cell(results, cell, setting, told.get(cell.condition) or _base(cell.condition))


def _of_cell(results: Results, cell: Cell, setting: str, told: tuple[Field, ...]) -> Iterator[tuple[Field, ...]]:
    plan = results.plan
    for s in cell.scores:
        subject = printable(plan.prompts[s.prompt], limit=200) if 0 <= s.prompt < len(plan.prompts) else ""
        why = "" if s.why is None else render(s.why)
        metric = (s.metric, s.metric == plan.primary_metric)
        yield *told, cell.replicate, setting, *metric, s.prompt, subject, s.noise, s.value, why


def _estimates(results: Results) -> Iterator[tuple[Field, ...]]:
    plan, verdict = results.plan, results.verdict
    told = {c.name: (*_told(c), c.primary) for c in plan.conditions}
    words = {} if verdict is None else {name: v.label for name, v in verdict.per_condition.items()}
    for e in results.estimates:
        yield (
            plan.tool_version,
            printable(plan.model.name),
            *(told.get(e.condition) or (*_base(e.condition), False)),
            words.get(e.condition, ""),
            e.setting,
            e.metric,
            e.metric == plan.primary_metric,
            e.name,
            e.value,
            e.low,
            e.high,
            e.level,
            e.n,
            e.unit,
            render(e.how),
            "" if e.why is None else render(e.why),
        )


def _told(condition: Condition) -> tuple[Field, ...]:
    protection = condition.of or (condition.name if condition.role == "protected" else "")
    name, steps = printable(condition.name), printable("+".join(condition.treated_by))
    return name, condition.role, printable(protection), steps


def _base(name: str) -> tuple[Field, ...]:
    """Of what is no condition of the plan: base, or nothing for an estimate of a metric alone."""
    return printable(name), BASE if name == BASE else "", "", ""


# --- as text ---------------------------------------------------------------------------------------


def csv_text(columns: Sequence[TidyColumn], rows: Sequence[Sequence[Field]]) -> str:
    """A table as CSV: a row of names, commas, quotes where needed, lines end in LF, missing fields empty.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerows([_written(field) for field in row] for row in rows)
    return out.getvalue()


def _written(field: Field) -> Field:
    if isinstance(field, bool):
        # R takes only these for what they are; pandas takes them, too.
        return "TRUE" if field else "FALSE"
    return f"'{field}" if isinstance(field, str) and field.startswith(("=", "+", "-", "@")) else field


def json_text(table: TidyTable) -> str:
    """A table as a JSON array of objects, one per row; missing fields are null."""
    names = [column.name for column in table.columns]
    lines = [json.dumps(dict(zip(names, row, strict=True)), allow_nan=False) for row in table.rows]
    return "[\n" + ",\n".join(lines) + "\n]\n"
