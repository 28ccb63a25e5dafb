"""Errors that a user can cause or mend, each one sentence: seen, expected, what to do.

AuditError                    exit code 2 unless said otherwise
├── BadInput                  a folder, picture, prompt file or option that cannot be used
├── BadModel                  a base model that is unknown, incomplete or of no known family
├── BadResults                a results.json or plan.json that does not fit its schema
├── MemoryShort               even the smallest piece of work does not fit into memory (audit.models.memory)
├── BadEvidence               a bundle, signature key or time stamp that cannot be used
├── StorageError              full disk, unwritable folder, a stored result that fails its digest
└── Interrupted               Ctrl-C; finished steps are kept (exit code 130)

Every `slug` has an entry in MESSAGES.md; a test keeps the two together.
"""

from __future__ import annotations

import unicodedata


class AuditError(Exception):
    """Base of all errors shown to a user without a traceback."""

    exit_code = 2

    def __init__(self, slug: str, sentence: str) -> None:
        super().__init__(sentence)
        self.slug = slug
        self.sentence = sentence


class BadInput(AuditError):
    """Pictures, folders, prompts or options that cannot be used as given."""


class BadModel(AuditError):
    """A base model that cannot be loaded or is of a family CloakCheck does not train."""


class BadResults(AuditError):
    """A results or plan file that does not fit its schema."""


class BadEvidence(AuditError):
    """A bundle, signature key or time stamp that cannot be used as given."""


class StorageError(AuditError):
    """The disk is full or a folder cannot be written."""


class Interrupted(AuditError):
    """The user stopped the run; finished steps stay in the store."""

    exit_code = 130


def printable(text: str, *, limit: int = 120) -> str:
    """Make a hostile string safe to show: no control, bidi or unpaired characters, bounded length.

    Args:
        text: any string, for instance a file name (may hold surrogate escapes).
        limit: greatest length of the answer; longer text is cut and ends in an ellipsis.
    """
    kept = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c)[0] == "C" else c for c in text)
    return kept if len(kept) <= limit else kept[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
