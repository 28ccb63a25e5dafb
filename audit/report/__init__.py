"""results -> one self-contained HTML page. No torch, no network, nothing computed in templates."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit.report.page import render, write_report
    from audit.report.pdf import find_browser, print_pdf

__all__ = ["find_browser", "print_pdf", "render", "write_report"]
_PLACES = {"find_browser": "pdf", "print_pdf": "pdf", "render": "page", "write_report": "page"}


def __getattr__(name: str) -> Any:
    # All sections of the report take a quarter of a second, and who wants the frame alone shall not wait for them.
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(import_module(f"audit.report.{_PLACES[name]}"), name)
