"""The texts beside a bag, filled with what the tool knows: how to verify, certification, custody."""

from __future__ import annotations

import string
import textwrap

from audit.base.messages import UNKNOWN, Said, render, say
from audit.base.text import printable
from audit.evidence.contents import payload_names
from audit.evidence.first import TOLERANCE, plan_first, plan_times
from audit.evidence.layout import CERTIFICATION, CUSTODY, VERIFY, Profile
from audit.evidence.source import RunSource
from audit.records import Results
from audit.report.assets import templates_folder

_WIDTH = 116
"""Columns of a form's paragraphs."""


class _Form(string.Template):
    delimiter = "@"


def fill(name: str, values: dict[str, str]) -> bytes:
    """One of the texts with its blanks filled; every blank must be given."""
    text = (templates_folder() / "evidence" / name).read_text(encoding="utf-8")
    safe = {k: "\n".join(printable(line, limit=4000) for line in v.split("\n")) for k, v in values.items()}
    return _Form(text).substitute(safe).encode("utf-8")


def verify_text(source: RunSource, *, files: int, signer: str, profile: Profile) -> bytes:
    """VERIFY.txt. Times that the log does not hold bound nothing."""
    planned, began = plan_times(source.events)
    earliest = int((planned - TOLERANCE).timestamp()) if planned else 0
    latest = int((began + TOLERANCE).timestamp()) if began else 2**40
    return fill(
        VERIFY,
        {
            "files": str(files),
            "signer": signer,
            "profile": profile,
            "earliest": str(earliest),
            "latest": str(latest),
            "listed": _listed(profile),
            "planned": f"{planned:%Y-%m-%d %H:%M:%S} UTC" if planned else UNKNOWN,
            "began": f"{began:%Y-%m-%d %H:%M:%S} UTC" if began else UNKNOWN,
        },
    )


def _listed(profile: Profile) -> str:
    """How every path in a bundle may read, from `./` on."""
    beside = (
        r"SHA256SUMS|VERIFY\.txt|START-HERE\.html|CERTIFICATION-template\.txt|CUSTODY-form\.txt|signer\.pub|"
        r"tagmanifest\.(sig|tsq|tsr)|tsa-(chain|crl)\.pem|renewal-[1-9](\.(sha512|tsq|tsr|pem)|-crl\.pem)"
    )
    folders = "bag|bag/data|bag/data/(images|code|originals|protected(/[A-Za-z0-9_][A-Za-z0-9._-]*)?|weights)"
    tags = r"bag/(bagit|bag-info|manifest-sha256|tagmanifest-sha256)\.txt"
    return rf"\./({beside}|{folders}|{tags}|bag/data/({payload_names(profile)}))"


def certification_text(results: Results, *, tagmanifest: str, signer: str, profile: str, fate: Said) -> bytes:
    plan, provenance = results.plan, results.provenance
    counts = {True: 0, False: 0, None: 0}
    for check in results.checks:
        counts[check.passed] += 1
    return fill(
        CERTIFICATION,
        {
            "version": plan.tool_version,
            "commit": f" (commit {provenance.commit})" if provenance.commit else "",
            "started": provenance.started,
            "finished": provenance.finished,
            "attested": render(say("form.not-attested")),
            "plan": plan.digest(),
            "order": _paragraph(plan_first(provenance, frame="certify")),
            "model": plan.model.name,
            "model_sha256": plan.model.sha256,
            "conditions": ", ".join(c.name for c in plan.conditions),
            "replicates": str(plan.replicates),
            "declaration": provenance.declaration or "nothing",
            "checks": render(say("form.checks", passed=counts[True], failed=counts[False], open=counts[None])),
            "tagmanifest": tagmanifest,
            "signer": signer,
            "profile": profile,
            "fate": render(fate),
        },
    )


def _paragraph(said: Said) -> str:
    """A sentence in the lines of a form, whose paragraphs are set in by four."""
    return "\n    ".join(textwrap.wrap(printable(render(said), limit=2000), _WIDTH - 4))


def custody_text(results: Results, *, tagmanifest: str, files: int, size: int, made: str) -> bytes:
    return fill(
        CUSTODY,
        {
            "plan": results.plan.digest(),
            "tagmanifest": tagmanifest,
            "made": made,
            "attested": render(say("form.not-attested")),
            "files": str(files),
            "size": str(size),
        },
    )
