"""Self-tests beside the store, where runs on the same machine find them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from audit.base.files import read_bounded
from audit.records import StepEnvironment, canonical_json
from audit.records.self_test import SelfTest, SelfTestCited
from audit.store import write_atomic

FOLDER = "self-tests"
MOST_BYTES = 1 << 20


def as_file(test: SelfTest) -> bytes:
    """The bytes of a self-test's file."""
    return (test.model_dump_json(indent=1) + "\n").encode("utf-8")


def keep_self_test(root: Path, test: SelfTest) -> None:
    """Put a self-test where runs with this store find it; an earlier one of the same setup goes."""
    write_atomic(_place(root, test.model.sha256, test.environment), as_file(test))


def find_self_test(root: Path, model: str, environment: StepEnvironment) -> SelfTestCited | None:
    """The self-test of a model, by its digest, on this device, in this precision, by this commit; None without one."""
    try:
        data = read_bounded(_place(root, model, environment), limit=MOST_BYTES)
        found = SelfTest.model_validate_json(data)
    except (OSError, ValidationError):
        return None
    return SelfTestCited(
        made=found.made,
        sha256=hashlib.sha256(data).hexdigest(),
        passed=found.passed,
        steps=len(found.steps),
        failed=found.failed,
    )


def _place(root: Path, model: str, environment: StepEnvironment) -> Path:
    of = [model, environment.device, environment.accelerator, environment.precision, environment.commit]
    name = hashlib.sha256(canonical_json(of).encode("ascii")).hexdigest()
    return root / FOLDER / f"{name}.json"
