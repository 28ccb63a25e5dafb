"""results -> one self-contained HTML page. No torch, no network, nothing computed in templates."""

from audit.report.page import render, write_report
from audit.report.pdf import find_browser, print_pdf

__all__ = ["find_browser", "print_pdf", "render", "write_report"]
