"""What a run, and each of its steps, was made with, recorded while it ran."""

from __future__ import annotations

from audit.base.record import Digest, Record
from audit.records.versions import Versioned


class Package(Record):
    """One installed Python package."""

    name: str
    version: str
    sha256: Digest | None
    """Of its RECORD file, which lists the digest of every file the package installed; None without one."""


class StepEnvironment(Record):
    """What decides how a step's numbers are rounded, written beside it in the store."""

    tool_version: str
    commit: str
    """Git commit of the tool, with `-dirty` when the tree was changed; '' outside a checkout."""
    device: str
    """`cpu`, `cuda` or `mps`."""
    accelerator: str
    """Name of the graphics processor; '' on a CPU."""
    precision: str
    threads: int
    packages: dict[str, str]
    """Versions of the packages that decide a result."""


class StepOrigin(Record):
    """Where, when and for which plan a stored step was first made."""

    made: str
    """ISO 8601, UTC."""
    plan_sha256: Digest | None
    """None when no plan asked for it (`protect`, `treat`)."""
    environment: StepEnvironment


class ReusedSteps(Record):
    """Finished steps of one kind that a run took from the store and that were made with something else than the run."""

    step: str
    """`adapter`, `pictures`, `features`, ...: `audit.store.versions`."""
    count: int
    first_made: str
    last_made: str
    plans: tuple[Digest, ...]
    """Plans that they were first made for."""
    environment: StepEnvironment


class EarlierSteps(Record):
    """Results of one kind that a run took from the store and that were made before its plan was fixed."""

    step: str
    """`adapter`, `pictures`, `features` or `encoded`: `audit.store.versions`."""
    count: int
    undated: int
    """Of these, how many tell no time of their making: they are not known to be younger than the plan."""
    first_made: str | None
    """ISO 8601, UTC; None where none tells a time."""
    last_made: str | None
    plans: tuple[Digest, ...]
    """Plans that they were first made for."""


class Environment(Versioned):
    """environment.json. Software, hardware and settings. No host name, no user name, no paths."""

    python: str
    platform: str
    processor: str
    cores: int
    memory_bytes: int
    accelerator: str
    """Name of the graphics processor; '' on a CPU."""
    device: str
    precision: str
    threads: int
    determinism: dict[str, str]
    """Settings that decide whether sums come out bit-equal."""
    packages: tuple[Package, ...]
    commit: str
    code: dict[str, Digest]
    """Every source file and template of CloakCheck, by its path inside the package."""
    model_files: dict[str, Digest]
    """Every file of the base model that is read, by its path inside the model's folder."""
