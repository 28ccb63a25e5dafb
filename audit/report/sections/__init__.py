"""The report's sections in the order of the page: one row each. A section is a folder with its words, its figures
and its partial; its `build` works out what the partial shows."""

from __future__ import annotations

from audit.report.locale import message
from audit.report.results_view import ResultsView
from audit.report.sections import (
    change,
    environment,
    fair,
    glossary,
    integrity,
    limits,
    method,
    opening,
    see,
    subjects,
    sure,
    visibility,
)
from audit.report.sections import next as next_steps
from audit.report.shell import Section

SECTIONS: tuple[Section[ResultsView], ...] = (
    Section("opening", opening.build),
    Section("see", see.build, message("See it"), message("See it"), takes_the_rest=True),
    Section(
        "visibility",
        visibility.build,
        message("What the protection does to the picture"),
        message("The protection up close"),
    ),
    Section("subjects", subjects.build, message("Do pictures still show what was asked for?")),
    Section("fair", fair.build, message("Was the test fair?"), message("Was the test fair?")),
    Section("sure", sure.build, message("How sure is this?"), message("How sure is this?")),
    Section("change", change.build, message("Would it change if…"), message("Would it change if…")),
    Section("limits", limits.build, message("What this does not tell you"), message("Limits")),
    Section("next", next_steps.build, message("What you can do next"), message("What next")),
    Section("method", method.build, message("How it was done"), message("Method")),
    Section("integrity", integrity.build, message("Integrity"), message("Integrity")),
    Section("environment", environment.build, message("Environment"), message("Environment")),
    Section("glossary", glossary.build, message("Glossary"), message("Glossary")),
)
