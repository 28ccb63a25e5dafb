"""What a page over two audits does not tell."""

from __future__ import annotations

from audit.report.comparison.view import ComparisonView
from audit.report.pictures import Shelf
from audit.report.sections.limits import LAB_LIMIT, limits


def build(view: ComparisonView, _: Shelf) -> tuple[str, ...]:
    """The limits of every audit, and those of two beside each other."""
    loc = view.locale
    lab = (loc.say(LAB_LIMIT),) if any(a.lab for a in view.comparison.audits) else ()
    own = loc.say(
        "Two audits are no contest of protections: works, files, draws and chance differ. Nothing here tests whether "
        "their results differ by more than chance. Protections in one audit share all of these, and are compared there."
    )
    return (*lab, own, *limits(loc))
