"""Errors that a user can cause or mend, each one sentence: seen, expected, what to do.

AuditError                    exit code 2 unless said otherwise
├── BadInput                  a folder, picture, prompt file or option that cannot be used
├── BadModel                  a base model that is unknown, incomplete or of no known family
├── BadResults                a results.json or plan.json that does not fit its schema
├── MemoryShort               even the smallest piece of work does not fit into memory (audit.models.memory)
├── BadEvidence               a bundle, signature key or time stamp that cannot be used
├── ClusterError              a cluster that is not there, or whose machines do not fit
├── StorageError              full disk, unwritable folder, a stored result that fails its digest
└── Unforeseen                what no other message names (exit code 1)

An error carries what it says as data (`audit.base.messages`): `said` is the message's id with its values, `slug` its
entry in MESSAGES.md, `sentence` the same in English.
"""

from __future__ import annotations

from audit.base.messages import Said, Value, render, say


class AuditError(Exception):
    """Base of all errors shown to a user without a traceback."""

    exit_code = 2

    def __init__(self, what: str | Said, /, **values: Value) -> None:
        """Say a message of the catalogue: its id, and a value for each of its places; or one that was said already."""
        self.said = what if isinstance(what, Said) else say(what, **values)
        self.beside: tuple[Said, ...] = ()
        """What a user should know beside it, such as files that were left out before it was raised."""
        super().__init__(self.sentence)

    @property
    def slug(self) -> str:
        return self.said.slug

    @property
    def sentence(self) -> str:
        return render(self.said)


class BadInput(AuditError):
    """Pictures, folders, prompts or options that cannot be used as given."""


class BadModel(AuditError):
    """A base model that cannot be loaded or is of a family CloakCheck does not train."""


class BadResults(AuditError):
    """A results or plan file that does not fit its schema."""


class BadEvidence(AuditError):
    """A bundle, signature key or time stamp that cannot be used as given."""


class ClusterError(AuditError):
    """A cluster that cannot be reached, has no machine left, or whose machines do not fit the driver's."""


class StorageError(AuditError):
    """The disk is full or a folder cannot be written."""


class Unforeseen(AuditError):
    """What no other message names; CloakCheck's own fault, or a library's."""

    exit_code = 1
