"""The command line. Thin: options in, one call, one exit code; torch is imported only by runs.

Each module registers its commands with `app`; a new group of commands is one file and one name below.
"""

from audit.cli import (
    addons,
    audits,
    batches,
    browser,
    calibrate,
    captions,
    conditions,
    encoder,
    evidence,
    finished,
    forget,
    gallery,
    machine,
    many,
    models,
    pairs,
    rate,
    released,
    score,
    start,
)
from audit.cli.app import app

__all__ = [
    "addons",
    "app",
    "audits",
    "batches",
    "browser",
    "calibrate",
    "captions",
    "conditions",
    "encoder",
    "evidence",
    "finished",
    "forget",
    "gallery",
    "machine",
    "many",
    "models",
    "pairs",
    "rate",
    "released",
    "score",
    "start",
]
