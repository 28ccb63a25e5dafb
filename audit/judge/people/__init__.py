"""People as a second instrument: what raters are shown, who counts, and what their answers come to."""

from audit.judge.people.panel import METRIC, people_answer, people_reading, people_rows
from audit.judge.people.sheet import make_sheet, pictures_of, resolved, shown_to

__all__ = [
    "METRIC",
    "make_sheet",
    "people_answer",
    "people_reading",
    "people_rows",
    "pictures_of",
    "resolved",
    "shown_to",
]
