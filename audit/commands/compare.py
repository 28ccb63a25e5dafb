"""Two runs side by side, from their results files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadResults
from audit.base.messages import Said
from audit.base.text import printable
from audit.commands.overview import report_link
from audit.commands.read_apart import pictures_of
from audit.evidence.stated import stated_results
from audit.judge.audit_comparison import compare_audits
from audit.records import AuditPictures, Results, RunComparison
from audit.report.comparison import render_comparison
from audit.report.comparison.saved import comparison_table
from audit.report.tidy import csv_text
from audit.store import write_atomic


@dataclass(frozen=True)
class ComparedRuns:
    """Two runs.

    Attributes:
        said: what must be said of their results files.
        runs: folder and results of each.
    """

    comparison: RunComparison
    said: tuple[Said, ...]
    runs: tuple[tuple[Path, Results], tuple[Path, Results]]


def compare_runs(first: Path, second: Path) -> ComparedRuns:
    """Read two finished runs, and hold them against each other.

    Raises:
        BadResults: see `read_results`; `results-not-judged`.
    """
    (one, of_one), (other, of_other) = (stated_results(folder) for folder in (first, second))
    for folder, results in ((first, one), (second, other)):
        if results.verdict is None or results.readings is None:
            raise BadResults("results-not-judged.folder", folder=folder.absolute().name)
    found = compare_audits(one, other)
    edited = [
        audit.model_copy(update={"edited": said}) for audit, said in zip(found.audits, (of_one, of_other), strict=True)
    ]
    return ComparedRuns(
        found.model_copy(update={"audits": tuple(edited)}), (*of_one, *of_other), ((first, one), (second, other))
    )


def write_comparison(found: ComparedRuns, *, out: Path, lang: str, pictures: bool) -> RunComparison:
    """Write the page with a CSV and a JSON file beside it.

    Raises:
        BadInput: `language-unknown`. StorageError: a file cannot be written.
    """
    shown: dict[int, AuditPictures] = {}
    audits = []
    for audit, (folder, results) in zip(found.comparison.audits, found.runs, strict=True):
        named = {"folder": printable(folder.absolute().name), "link": report_link(folder, out)}
        audits.append(audit.model_copy(update=named))
        if pictures:
            shown[audit.number] = pictures_of(results, folder, audit.condition)
    comparison = found.comparison.model_copy(update={"audits": tuple(audits)})
    page, table = render_comparison(comparison, shown, lang=lang), comparison_table(comparison)
    write_atomic(out, page.encode("utf-8"))
    write_atomic(out.with_suffix(".csv"), csv_text(table.columns, table.rows).encode("utf-8"))
    write_atomic(out.with_suffix(".json"), (comparison.model_dump_json(indent=1) + "\n").encode("utf-8"))
    return comparison
