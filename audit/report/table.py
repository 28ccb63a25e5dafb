"""Tables and drawings as the templates see them."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from audit.report.locale import Spoken


@dataclass(frozen=True)
class Table:
    """A data table: every figure has one with the same numbers."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | Spoken, ...], ...]
    """`Spoken` where a cell may stand in another language than the page."""
    sortable: bool = False
    """Whether a script, where there is one, sorts it by the heading that is clicked."""


@dataclass(frozen=True)
class Drawing:
    """An inline SVG with its words and its numbers."""

    svg: Markup
    caption: str
    table: Table
    left_out: int = 0
    """Conditions that are only in the table."""
