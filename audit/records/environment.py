"""environment.json: what a run was made with, recorded while it ran."""

from __future__ import annotations

from audit.base.record import Digest, Record


class Package(Record):
    """One installed Python package."""

    name: str
    version: str
    sha256: Digest | None
    """Of its RECORD file, which lists the digest of every file the package installed; None without one."""


class Environment(Record):
    """Software, hardware and settings. No host name, no user name, no paths."""

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
