"""The report's sections in order: one row each, from the facts to what its template sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.records import Results
from audit.report.appendix import Appendix, appendix
from audit.report.custody import Custody, hidden
from audit.report.gallery import Gallery, gallery
from audit.report.locale import Voice
from audit.report.opening import Opening, opening
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.subjects import Subjects, subjects
from audit.report.visibility import UpClose, up_close
from audit.report.weighing import Change, Fairness, Sureness, change, fairness, sureness


@dataclass(frozen=True)
class Page:
    """All that the templates see."""

    opening: Opening
    visibility: UpClose
    gallery: Gallery
    subjects: Subjects | None
    fairness: Fairness
    sureness: Sureness
    change: Change
    appendix: Appendix


def build(
    results: Results, *, images: Path, voice: Voice, for_print: bool = False, custody: Custody | None = None
) -> Page:
    """Work out every section.

    Args:
        results: a judged Results record.
        images: folder with the files that results name; missing ones are reported in words.
        voice: the page's language.
        for_print: pictures in the format that makes a small PDF.
        custody: for the page of a bundle.

    Raises:
        BadResults: `results-not-judged`, when the results hold no verdict.
    """
    facts = ResultsView(results, voice, custody)
    shelf = Shelf(images, lossy="jpeg" if for_print else "webp", hidden=hidden(results, custody))
    # The gallery comes last of the picture sections: its contact sheets take what the budget leaves.
    return Page(
        opening=opening(facts, shelf),
        visibility=up_close(facts, shelf),
        gallery=gallery(facts, shelf),
        subjects=subjects(facts),
        fairness=fairness(facts),
        sureness=sureness(facts),
        change=change(facts),
        appendix=appendix(facts),
    )
