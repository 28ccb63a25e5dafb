"""The page's context: one view per section, in the order of the page. Templates only place these values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.records import Results
from audit.report.appendix import Appendix, appendix
from audit.report.evidence import Gallery, Visibility, gallery, notes, visibility
from audit.report.lookup import Facts
from audit.report.opening import Opening, opening
from audit.report.pictures import Shelf
from audit.report.weighing import Change, Fairness, Sureness, change, fairness, sureness


@dataclass(frozen=True)
class Page:
    """All that the templates see."""

    opening: Opening
    visibility: Visibility
    gallery: Gallery
    fairness: Fairness
    notes: tuple[str, ...]
    deviations: tuple[str, ...]
    sureness: Sureness
    change: Change
    appendix: Appendix


def build(results: Results, *, images: Path) -> Page:
    """Work out every section.

    Args:
        results: a judged Results record.
        images: folder with the files that results name; missing ones are reported in words.

    Raises:
        BadResults: `results-not-judged`, when the results hold no verdict.
    """
    facts, shelf = Facts(results), Shelf(images)
    # The gallery comes last of the picture sections: its contact sheets take what the budget leaves.
    return Page(
        opening=opening(facts, shelf),
        visibility=visibility(facts, shelf),
        gallery=gallery(facts, shelf),
        fairness=fairness(facts),
        notes=notes(results),
        deviations=tuple(d.sentence for d in results.deviations),
        sureness=sureness(facts),
        change=change(facts),
        appendix=appendix(facts),
    )
