"""Where, when and with what a run was made; nothing that names the user or the machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import audit
from audit.base.messages import Said
from audit.records import Digest, EarlierSteps, Package, Provenance, ReusedSteps, Session
from audit.records.self_test import SelfTestCited

PACKAGE = Path(audit.__file__).resolve().parent
CODE = (".py", ".toml", ".j2")
"""Endings of the package's files that decide what it computes and says."""
PACKAGES = (
    "torch",
    "diffusers",
    "peft",
    "transformers",
    "open_clip_torch",
    "timm",
    "numpy",
    "scipy",
    "Pillow",
    "safetensors",
    "matplotlib",
    "jinja2",
    "pydantic",
)


def session(*, threads: int, device: str) -> Session:
    """What this start of the program runs with."""
    return Session(started=now(), threads=threads, device=device, commit=commit(), packages=packages())


@dataclass(frozen=True)
class Begun:
    """When a run was begun.

    Attributes:
        at: ISO 8601, UTC; clock: `time.monotonic()` then, seconds.
    """

    at: str
    clock: float


def begin() -> Begun:
    """A run begins now."""
    return Begun(now(), time.monotonic())


@dataclass(frozen=True)
class FixedPlan:
    """The plan of a run, as it was fixed before anything was trained.

    Attributes:
        file_sha256: of the plan that lies in the run folder now; None when none can be read.
        fixed: when, ISO 8601, UTC; '' where that is not known, and then nothing can be older.
        before: results that are older.
    """

    sha256: Digest
    file_sha256: Digest | None
    fixed: str = ""
    before: tuple[EarlierSteps, ...] = ()


@dataclass(frozen=True)
class StepsDone:
    """What a run worked out and what it found finished.

    Attributes:
        reused_elsewhere: of what was found, what other machines, versions or plans made.
        stage_seconds: by the id of the stage's message.
    """

    run: int
    reused: int
    reused_elsewhere: tuple[ReusedSteps, ...]
    stage_seconds: Mapping[str, float]


def finished(
    begun: Begun,
    plan: FixedPlan,
    steps: StepsDone,
    *,
    device: str,
    sessions: tuple[Session, ...],
    self_test: SelfTestCited | None = None,
    declared: Said | None = None,
) -> Provenance:
    """The record of a run that ends now.

    Args:
        device: device and precision in words.
    """
    return Provenance(
        started=begun.at,
        finished=now(),
        seconds=round(time.monotonic() - begun.clock, 1),
        platform=platform_words(),
        device=device,
        python=platform.python_version(),
        packages=packages(),
        # As it was at the last start: the run itself may write into a folder that is tracked.
        commit=sessions[-1].commit if sessions else commit(),
        plan_sha256=plan.sha256,
        plan_file_sha256=plan.file_sha256,
        sessions=sessions,
        steps_run=steps.run,
        steps_reused=steps.reused,
        reused_elsewhere=steps.reused_elsewhere,
        plan_fixed=plan.fixed,
        before_plan=plan.before,
        stage_seconds=rounded(steps.stage_seconds),
        self_test=self_test,
        declared=declared,
    )


def rounded(stage_seconds: Mapping[str, float]) -> dict[str, float]:
    """Times of stages as records hold them."""
    return {stage: round(seconds, 1) for stage, seconds in stage_seconds.items()}


def now() -> str:
    """The time in UTC, ISO 8601, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def platform_words() -> str:
    """Operating system and processor type, without the host's name."""
    return f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}"


def packages() -> dict[str, str]:
    """Versions of the packages that decide a result."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def commit() -> str:
    """The checkout's commit, with `-dirty` after it when files differ; '' outside a checkout."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        return ""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        head = git("rev-parse", "HEAD")
        return f"{head}-dirty" if head and git("status", "--porcelain") else head
    except OSError:
        return ""


def installed() -> tuple[Package, ...]:
    """Every package that this interpreter can import, by name; the first found of two of one name counts."""
    found: dict[str, Package] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name and name.lower() not in found:
            record = distribution.read_text("RECORD")
            digest = hashlib.sha256(record.encode("utf-8")).hexdigest() if record else None
            found[name.lower()] = Package(name=name, version=distribution.version, sha256=digest)
    return tuple(found[name] for name in sorted(found))


def code_files() -> dict[str, Path]:
    """CloakCheck's own source files and templates: path inside the package -> file."""
    package = PACKAGE
    found = {p.relative_to(package).as_posix(): p for end in CODE for p in package.rglob(f"*{end}")}
    for folder in (package / "_templates", package.parent / "templates"):
        if (folder / "report.html.j2").is_file():
            found |= {f"_templates/{p.relative_to(folder).as_posix()}": p for p in folder.rglob("*") if p.is_file()}
            break
    return {name: found[name] for name in sorted(found)}


def code_digests() -> dict[str, Digest]:
    """SHA-256 of every one of `code_files`."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in code_files().items()}


def processor() -> tuple[str, int]:
    """The processor's model name, as far as the system tells it, and how many cores may be used."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return name, cores
