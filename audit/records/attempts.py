"""Audits of the same works that were begun before one, as the store's ledger tells."""

from __future__ import annotations

from pydantic import Field

from audit.base.record import Digest, Record


class EarlierAttempt(Record):
    """One audit that was begun before."""

    plan_sha256: Digest
    begun: str
    """ISO 8601, UTC, by the machine's clock."""
    finished: bool
    works: int
    """Works that both have."""
    differs: tuple[str, ...]
    """In what its plan is another: `model`, `margins`, `protected`, `seed`, ..."""


class Attempts(Record):
    """What a store's ledger tells of one audit."""

    since: str
    """When the ledger begins, ISO 8601, UTC."""
    before: tuple[EarlierAttempt, ...]
    """In the order in which they were begun."""
    models_before: bool
    """Whether the store held trained models when the ledger began: then it does not tell of all."""
    lost: bool
    """Whether the run's log names an entry that the ledger lacks: it was deleted or replaced since."""
    broken: bool
    """Whether its chain of digests does not hold, or a line of it cannot be read."""
    unlisted: int = Field(0, ge=0, exclude_if=lambda count: not count)
    """Plans that trained models in the store say they were made for, and of which the ledger tells nothing."""

    @property
    def whole(self) -> bool:
        """Whether nothing shows that there were more than `before`."""
        return not (self.models_before or self.lost or self.broken or self.unlisted)
