"""The report's sections in the order of the page: one row each. A section is a folder with its words, its figures
and its partial; its `build` says what the judge worked out, and the partial shows it."""

from __future__ import annotations

from audit.report.locale import message
from audit.report.results_view import ResultsView
from audit.report.sections import (
    change,
    compare,
    conclusions,
    environment,
    expert,
    fair,
    glossary,
    integrity,
    limits,
    method,
    numbers,
    opening,
    people,
    see,
    subjects,
    sure,
    tested,
    visibility,
)
from audit.report.sections import next as next_steps
from audit.report.shell import Section

SECTIONS: tuple[Section[ResultsView], ...] = (
    Section("opening", opening.build),
    Section("conclusions", conclusions.build, message("Summary of conclusions"), only="court"),
    Section("expert", expert.build, message("Who instructed, who tested, on what"), only="court"),
    Section("tested", tested.build, message("Everything that was tested")),
    Section("see", see.build, message("See it"), takes_the_rest=True),
    Section("limits", limits.build, message("What this does not tell you")),
    Section("compare", compare.build, message("Which protection kept more away?")),
    Section("visibility", visibility.build, message("What the protection does to the picture")),
    Section("fair", fair.build, message("Was the test fair?")),
    Section("sure", sure.build, message("How sure is this?")),
    Section("people", people.build, message("What people saw")),
    Section("change", change.build, message("Would it change if…")),
    Section("next", next_steps.build, message("What you can do next"), only="artist"),
    Section("subjects", subjects.build, message("Do pictures still show what was asked for?"), folded=True),
    Section("method", method.build, message("How it was done"), folded=True),
    Section("numbers", numbers.build, message("The numbers"), folded=True),
    Section("integrity", integrity.build, message("Integrity"), folded=True),
    Section("environment", environment.build, message("Environment"), folded=True),
    Section("glossary", glossary.build, message("Glossary"), folded=True),
)
