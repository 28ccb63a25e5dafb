"""The command line. Thin: options in, one call, one exit code; torch is imported only by runs.

Each module registers its commands with `app`; a new group of commands is one file and one name below.
"""

from audit.cli import (
    addons,
    audits,
    calibrate,
    captions,
    conditions,
    encoder,
    evidence,
    finished,
    machine,
    models,
    released,
    score,
)
from audit.cli.app import app

__all__ = [
    "addons",
    "app",
    "audits",
    "calibrate",
    "captions",
    "conditions",
    "encoder",
    "evidence",
    "finished",
    "machine",
    "models",
    "released",
    "score",
]
