"""The seed that nobody types: it follows from what the plan says, and from the plan's time stamp where there is one.

A seed from the plan alone can still be sought: another plan, even another label in it, has another seed. A time stamp
holds what its authority chose, a serial number and a moment, so the seed is known to nobody before. Who asks for many
stamps may still choose among them. How often somebody planned anew is for a count of attempts to tell, not for a seed.
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


def stamped_seed(content: bytes) -> int:
    """The seed under a time stamp: first 8 bytes of SHA-256 over the DER of its TSTInfo (RFC 3161): 0..2**64 - 1.

    The content holds the digest of the plan that was stamped. It is what the authority signed, so nothing in it can be
    changed afterwards; other parts of a reply can.
    """
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
