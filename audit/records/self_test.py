"""What `cloakcheck doctor --model MODEL` found on a machine: a file that a user can send."""

from __future__ import annotations

from pydantic import Field

from audit.base.record import Digest, Record
from audit.records.environment import StepEnvironment
from audit.records.plan import ModelFacts


class SelfTestStep(Record):
    """One step of a self-test."""

    name: str
    """Id of the message that says what was done: `self-test.load`, ..."""
    passed: bool | None
    """None where memory was too short to try."""
    seconds: float
    figures: dict[str, float] = Field(default_factory=dict)
    """What was measured, by its name."""
    why: str = ""
    """Kind of the fault, where the step ended with one."""


class SelfTest(Record):
    """Loading, training, drawing, scoring and resuming with one model on one machine. No host name, no paths."""

    made: str
    """ISO 8601, UTC."""
    model: ModelFacts
    environment: StepEnvironment
    memory_bytes: float
    """Greatest memory of the process meanwhile; on a GPU the device's."""
    steps: tuple[SelfTestStep, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps if step.passed is False)

    @property
    def passed(self) -> int:
        return sum(step.passed is True for step in self.steps)


class SelfTestCited(Record):
    """A self-test of the audited model on the machine of the run, as the report cites it."""

    made: str
    sha256: Digest
    """Of the self-test's file."""
    passed: int
    steps: int
    failed: tuple[str, ...] = ()
