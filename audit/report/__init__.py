"""results -> one self-contained HTML page. No torch, no network, nothing computed in templates."""

from audit.report.page import render, write_report

__all__ = ["render", "write_report"]
