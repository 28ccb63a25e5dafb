"""The seed that nobody types: it follows from what the plan says.

It can still be sought: another plan, even another label in it, has another seed. How often somebody planned anew is
for a count of attempts to tell, not for a seed.
"""

from __future__ import annotations

import hashlib

from audit.base.record import canonical_json
from audit.records.plan import Plan

LEFT_OUT = ("seed", "seed_source", "draws", "tool_version")
"""What follows from the seed, and the version, which decides nothing."""


def seedless_text(plan: Plan) -> bytes:
    """Canonical JSON of a plan without its seed and all that follows from it."""
    fixed = {name: value for name, value in plan.model_dump(mode="json").items() if name not in LEFT_OUT}
    return canonical_json(fixed).encode("ascii")


def derived_seed(plan: Plan) -> int:
    """First 8 bytes of SHA-256 over `seedless_text`: 0..2**64 - 1."""
    return int.from_bytes(hashlib.sha256(seedless_text(plan)).digest()[:8], "big")
