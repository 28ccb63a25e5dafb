"""What the parts of a plan are called."""

from __future__ import annotations

from audit.report.locale import message

PARTS = {
    "model": message("base model"),
    "metric": message("style score"),
    "margins": message("margins"),
    "training": message("settings of training"),
    "drawing": message("settings of drawing"),
    "exclusion": message("rules for leaving models out"),
    "stopping": message("stopping rule"),
    "grid": message("settings that a mimic may choose from"),
    "prompts": message("list of prompts"),
    "draws": message("whether each run draws its works and prompts anew"),
    "crop": message("crop"),
    "works": message("works"),
    "protected": message("protected files"),
    "conditions": message("conditions"),
    "replicates": message("number of trainings"),
    "seed": message("seed"),
}
"""Key of `AuditFacts.parts`, or of `EarlierAttempt.differs` -> words."""
