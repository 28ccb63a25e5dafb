"""Where, when and with what a run was made; nothing that names the user or the machine."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from audit.records import Session

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
    root = Path(__file__).resolve().parent.parent
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
