"""overview.csv: one row per audit, claim and score; then one per mean over artists; then folders without a row."""

from __future__ import annotations

from collections.abc import Iterator

from audit.base.messages import render
from audit.records import Overview
from audit.report.tidy import Field, TidyColumn, TidyTable

COLUMNS = (
    TidyColumn("kind", "text", "`audit`, `pooled` (a mean over artists) or `unread` (a folder without an audit)"),
    TidyColumn("audit", "integer", "its number on the page"),
    TidyColumn("folder", "text", "name of the run folder; empty under pseudonyms"),
    TidyColumn("artist", "text", "as typed, or a pseudonym by number"),
    TidyColumn("person", "integer", "audits with the same one count as one artist"),
    TidyColumn("setup", "integer", "only audits of one setup are pooled"),
    TidyColumn("model", "text", "name of the base model"),
    TidyColumn("preset", "text", "of the plan"),
    TidyColumn("tool_version", "text", "of CloakCheck, when the plan was fixed"),
    TidyColumn("started", "text", "ISO 8601, UTC, by the machine's clock"),
    TidyColumn(
        "attempts", "integer", "audits of the same works begun before with the same store; empty where not recorded"
    ),
    TidyColumn("attempts_whole", "boolean", "false where that record shows that something is missing from it"),
    TidyColumn("condition", "text", "as in the plan"),
    TidyColumn("cloak", "text", "what protects; empty where no name is known"),
    TidyColumn("version", "text", "of the cloak, where known"),
    TidyColumn("countermeasures", "text", "put on top, joined by `+`; empty for none"),
    TidyColumn("primary", "boolean", "whether the audit's verdict counts it"),
    TidyColumn("verdict", "text", "the claim's word"),
    TidyColumn("metric", "text", "style score"),
    TidyColumn("primary_metric", "boolean", "whether the audit decides by it"),
    TidyColumn("estimate", "text", "name of the index"),
    TidyColumn("value", "number", "the index as a share; empty where the word stands without a number"),
    TidyColumn("low", "number", "lower bound"),
    TidyColumn("high", "number", "upper bound"),
    TidyColumn("level", "number", "confidence of the bounds, 0 to 1"),
    TidyColumn("n", "integer", "paired trainings; of a mean, artists"),
    TidyColumn("p", "number", "of a mean of 0; means only"),
    TidyColumn("p_holm", "number", "after Holm's correction over the page; means by the deciding score only"),
    TidyColumn("between", "number", "standard deviation between artists, as a share; means only"),
    TidyColumn("between_low", "number", "its lower bound"),
    TidyColumn("between_high", "number", "its upper bound"),
    TidyColumn("new_low", "number", "where one more artist's index is expected, from"),
    TidyColumn("new_high", "number", "to"),
    TidyColumn("sentence", "text", "an audit's answer, or why a folder gives none, in English"),
)
_EMPTY: dict[str, Field] = {column.name: None if column.kind != "text" else "" for column in COLUMNS}


def overview_table(overview: Overview) -> TidyTable:
    """All of it, in the order of the page."""
    rows = (*_audits(overview), *_pooled(overview), *_unread(overview))
    return TidyTable("overview", COLUMNS, tuple(tuple((_EMPTY | row).values()) for row in rows))


def _audits(overview: Overview) -> Iterator[dict[str, Field]]:
    for a in overview.audits:
        for c in a.claims:
            yield {
                "kind": "audit", "audit": a.number, "folder": a.folder, "artist": a.artist, "person": a.person,
                "setup": a.setup, "model": a.model, "preset": a.preset, "tool_version": a.tool_version,
                "started": a.started, "attempts": a.attempts, "attempts_whole": a.attempts_whole,
                "condition": c.condition, "cloak": c.cloak, "version": c.version,
                "countermeasures": c.counter, "primary": c.primary, "verdict": c.verdict, "metric": c.metric,
                "primary_metric": c.metric == a.metric, "estimate": c.index, "value": c.value, "low": c.low,
                "high": c.high, "level": c.level, "n": c.n, "sentence": render(a.said),
            }  # fmt: skip


def _pooled(overview: Overview) -> Iterator[dict[str, Field]]:
    decides = {a.setup: a.metric for a in overview.audits}
    for p in overview.pooled:
        if p.value is not None:
            yield {
                "kind": "pooled", "setup": p.setup, "cloak": p.cloak, "version": p.version,
                "countermeasures": p.counter, "metric": p.metric, "primary_metric": p.metric == decides[p.setup],
                "estimate": p.index, "value": p.value, "low": p.low, "high": p.high, "level": p.level, "n": p.artists,
                "p": p.p, "p_holm": p.p_holm, "between": p.between, "between_low": p.between_low,
                "between_high": p.between_high, "new_low": p.new_low, "new_high": p.new_high,
            }  # fmt: skip


def _unread(overview: Overview) -> Iterator[dict[str, Field]]:
    for one in overview.unread:
        yield {"kind": "unread", "folder": one.folder, "sentence": render(one.said)}
