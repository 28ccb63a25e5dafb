"""A comparison with lookups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pydantic import JsonValue

from audit.base.text import printable
from audit.records import Aspect, AuditDifference, AuditPictures, Overview, RunComparison
from audit.report.locale import ReportLocale
from audit.report.overview.view import OverviewView

SHOWN = 160
"""Characters of a value; comparison.json holds all."""


@dataclass(frozen=True)
class ComparisonView:
    """Two audits and their differences."""

    comparison: RunComparison
    pictures: Mapping[int, AuditPictures]
    locale: ReportLocale

    @cached_property
    def over(self) -> OverviewView:
        """The two audits as a page over many shows them; nothing is pooled."""
        both = Overview(
            tool_version=self.comparison.tool_version,
            audits=self.comparison.audits,
            unread=(),
            setups=(),
            pooled=(),
            shared=(),
            series=(),
            artists=len({audit.artist for audit in self.comparison.audits}),
            compared=0,
            pooled_compared=0,
        )
        return OverviewView(both, self.pictures, self.locale)

    def of(self, chapter: Aspect) -> tuple[AuditDifference, ...]:
        """The differences of a chapter."""
        return tuple(row for row in self.comparison.differences if row.chapter == chapter)

    def value(self, value: JsonValue) -> str:
        """A side of a difference as it stands in the files; a dash for nothing."""
        return "–" if value is None else printable(json.dumps(value, ensure_ascii=False), limit=SHOWN)
