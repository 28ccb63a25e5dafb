"""Runs fuzz cases and says what went wrong; used by scripts/fuzz and, with few cases, by the tests."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from audit.base.errors import AuditError
from audit.base.rng import rng as named_rng
from tests.fuzz.targets import TARGETS, Material

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 60
"""After which a case counts as hanging."""


@dataclass
class Report:
    """What a campaign found."""

    cases: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_case: str = ""

    def find(self, finding: str) -> None:
        """Keep a finding, and say it at once: a later case may take the process with it."""
        self.findings.append(finding)
        print(f"FINDING {finding}", flush=True)


class Hang(Exception):
    """A case took too long."""


def _alarm(signum: int, frame: object) -> None:
    raise Hang


def campaign(material: Material, scratch: Path, *, cases: int, seed: int, only: str = "") -> Report:
    """Run about `cases` cases, each in a fresh folder under `scratch`; a case is named by target and number."""
    documented = set(re.findall(r"^### `([a-z-]+)`$", (ROOT / "MESSAGES.md").read_text(), flags=re.MULTILINE))
    report = Report()
    before = signal.signal(signal.SIGALRM, _alarm)
    # A folder of its own: other programs write into the one that the tests are started in.
    stood_in = scratch.parent / "stood-in"
    stood_in.mkdir(exist_ok=True)
    outside = _listing(scratch)
    try:
        with contextlib.chdir(stood_in):
            for name, (_, share) in TARGETS.items():
                if only in ("", name):
                    for number in range(max(1, round(cases * (1 if only else share)))):
                        one_case(name, number, material, scratch, seed=seed, documented=documented, report=report)
    finally:
        signal.signal(signal.SIGALRM, before)
    if _listing(scratch) != outside:
        report.find("a file was written outside the case's folder")
    return report


def one_case(
    name: str, number: int, material: Material, scratch: Path, *, seed: int, documented: set[str], report: Report
) -> None:
    at = scratch / "case"
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(parents=True)
    started, case = time.monotonic(), f"{name} {number} (seed {seed})"
    signal.alarm(SECONDS)
    try:
        TARGETS[name][0](named_rng("fuzz", seed, name, number), at, material)
        if leaked := _leaks(at, scratch):
            report.find(f"{case}: path in {leaked}")
    except AuditError as error:
        report.refused[error.slug] += 1
        for wrong, seen in (
            ("path", str(scratch) in error.sentence),
            ("lines", "\n" in error.sentence),
            ("slug", error.slug not in documented),
            ("length", len(error.sentence) > 2000),
        ):
            if seen:
                report.find(f"{case}: {wrong} of the sentence: {error.sentence[:200]} [{error.slug}]")
    except Hang:
        report.find(f"{case}: over {SECONDS} s")
    except Exception as error:  # any other exception is what is looked for
        where = error.__traceback__
        while where and where.tb_next:
            where = where.tb_next
        place = f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else "?"
        report.find(f"{case}: {type(error).__name__} at {place}: {str(error)[:120]}")
    finally:
        signal.alarm(0)
        report.cases[name] += 1
        took = time.monotonic() - started
        if took > report.slowest:
            report.slowest, report.slowest_case = took, case


def _listing(scratch: Path) -> list[tuple[str, int, int]]:
    """Everything beside the scratch folder, that which the cases stand in among it, with size and time."""
    found = [p for p in scratch.parent.rglob("*") if scratch not in (p, *p.parents)]
    return sorted((str(p), p.lstat().st_size, p.lstat().st_mtime_ns) for p in found if not p.is_dir())


def _leaks(at: Path, scratch: Path) -> str:
    """The first file that the case wrote and that holds the scratch folder's path; '' without one."""
    path, kinds = str(scratch).encode(), {".html", ".json", ".jsonl", ".txt", ".md"}
    files = (p for p in at.rglob("*") if p.suffix in kinds and p.is_file() and not p.is_symlink())
    return next((p.name for p in files if path in p.read_bytes()), "")
