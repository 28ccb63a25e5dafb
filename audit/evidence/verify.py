"""`cloakcheck verify`: every byte, the signature, the time stamps, and whether the parts fit each other.

Each check is one function and one row of `CHECKS`. A check answers with a sentence; it raises `Fails` with
one when the bundle does not pass. VERIFY.txt does the first six with sha256sum and openssl alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from audit.base.errors import AuditError, BadEvidence
from audit.base.text import printable
from audit.evidence import bag, bundle, forms
from audit.evidence.signing import signature_holds
from audit.evidence.source import logged_environment, tells_of_plan
from audit.evidence.timestamps import NOT_ATTESTED, Token, check_token, request_bytes
from audit.records import Environment, Plan, Results
from audit.runfolder.event_log import EVENTS, JUDGED, read_events
from audit.store import file_digest

OPTIONAL = (bundle.REPLY, bundle.CHAIN)


class Fails(Exception):
    """The bundle does not pass a check; the text is one sentence."""


@dataclass
class Sealed:
    """A bundle folder under examination.

    Attributes:
        signer: the fingerprint that the verifier expects, '' for any.
        roots: PEM of roots that the verifier trusts for time stamps; None to take the bundle's own.
    """

    folder: Path
    signer: str = ""
    roots: bytes | None = None
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = bag.list_files(self.folder)

    def read(self, name: str) -> bytes:
        return bag.read_text(self.folder / name)

    @cached_property
    def seal(self) -> bytes:
        return self.read(f"bag/{bag.TAGS}")

    @cached_property
    def events(self) -> tuple[dict[str, Any], ...]:
        return read_events(self.read(f"bag/data/{EVENTS}"))

    @cached_property
    def results(self) -> Results:
        return Results.model_validate_json(self.read("bag/data/results.json"))

    @cached_property
    def info(self) -> dict[str, str]:
        return bag.read_info(self.read(f"bag/{bag.INFO}"))

    def token(self) -> Token | None:
        """The bundle's own stamp; None without one."""
        if bundle.REPLY not in self.names:
            return None
        chain = self.roots or self.read(bundle.CHAIN)
        return check_token(self.seal, reply=self.read(bundle.REPLY), chain=chain)

    def plan_token(self) -> Token | None:
        """The plan's stamp; None without one."""
        if "bag/data/plan.tsr" not in self.names:
            return None
        chain = self.roots or self.read("bag/data/plan-tsa.pem")
        return check_token(self.read("bag/data/plan.json"), reply=self.read("bag/data/plan.tsr"), chain=chain)


@dataclass(frozen=True)
class Finding:
    """The answer of one check."""

    check: str
    passed: bool
    sentence: str


def check_payload(at: Sealed) -> str:
    listed = bag.read_manifest(at.read(f"bag/{bag.PAYLOAD}"))
    if listed is None:
        raise Fails(f"{bag.PAYLOAD} is not written as CloakCheck writes it.")
    present = {n.removeprefix("bag/") for n in at.names if n.startswith("bag/data/")}
    _compare(listed, present, at.folder / "bag")
    return f"All {len(listed)} files of the payload are as they were sealed."


def check_tags(at: Sealed) -> str:
    listed = bag.read_manifest(at.seal)
    if listed is None or tuple(sorted(listed)) != tuple(sorted(bag.TAG_FILES)):
        raise Fails(f"{bag.TAGS} is not written as CloakCheck writes it.")
    present = {n.removeprefix("bag/") for n in at.names if n.startswith("bag/") and not n.startswith("bag/data/")}
    _compare(listed, present - {bag.TAGS}, at.folder / "bag")
    return "The bag's own files are as they were sealed."


def _compare(listed: dict[str, str], present: set[str], folder: Path) -> None:
    for words, names in (("missing", set(listed) - present), ("added", present - set(listed))):
        if names:
            raise Fails(f"{len(names)} file(s) {words}, first {min(names)}.")
    for name, wanted in listed.items():
        if file_digest(folder / name) != wanted:
            raise Fails(f"{name} was changed.")


def check_beside(at: Sealed) -> str:
    present = {n for n in at.names if not n.startswith("bag/")} - {bundle.SUMS}
    for words, names in (
        ("missing", set(bundle.BESIDE) - present),
        ("added", present - {*bundle.BESIDE, *OPTIONAL}),
    ):
        if names:
            raise Fails(f"{len(names)} file(s) {words} beside the bag, first {min(names)}.")
    if at.read(bundle.SUMS) != bundle.sums_text(at.folder):
        raise Fails("A file beside the bag is not the one that SHA256SUMS names.")
    if at.info.get(bundle.LABEL_VERIFY) != file_digest(at.folder / forms.VERIFY):
        raise Fails("VERIFY.txt is not the one that was sealed.")
    seal = bag.digest(at.seal).encode("ascii")
    for label, name in ((bundle.LABEL_CERTIFICATION, forms.CERTIFICATION), (bundle.LABEL_CUSTODY, forms.CUSTODY)):
        text = at.read(name)
        blank = text.replace(seal, forms.BLANK.encode("ascii"))
        if forms.BLANK.encode("ascii") in text or at.info.get(label) != bag.digest(blank):
            raise Fails(f"{name} is not the one that was sealed.")
    return "The files beside the bag are as they were written."


def check_signature(at: Sealed) -> str:
    public = at.read(bundle.SIGNER)
    fingerprint = bag.digest(public)
    if not signature_holds(at.seal, signature=at.read(bundle.SIGNATURE), public=public):
        raise Fails("The signature is not by the key in signer.pub.")
    if at.info.get(bundle.LABEL_SIGNER) != fingerprint:
        raise Fails("The key in signer.pub is not the one that the bag names.")
    if at.signer and at.signer.lower() != fingerprint:
        raise Fails(f"The signing key is {fingerprint}, not the one you expect.")
    known = "the one you expect" if at.signer else "compare it with the one its owner gives you"
    return f"Signed by the key with SHA-256 {fingerprint} ({known})."


def check_request(at: Sealed) -> str:
    if at.read(bundle.REQUEST) != request_bytes(at.seal):
        raise Fails("The time-stamp request is not about this bag.")
    if "bag/data/plan.tsq" in at.names:
        if at.read("bag/data/plan.tsq") != request_bytes(at.read("bag/data/plan.json")):
            raise Fails("The plan's time-stamp request is not about this plan.")
    return "The time-stamp requests are about these files."


def check_stamp(at: Sealed) -> str:
    token = at.token()
    if token is None:
        if bundle.CHAIN in at.names:
            raise Fails("There is a certificate chain, but the time stamp that it belongs to is missing.")
        return f"No stamp on the bundle: {NOT_ATTESTED}."
    planned, _ = forms.plan_times(at.events)
    if planned is not None and token.time < planned - forms.TOLERANCE:
        raise Fails(f"The bundle's stamp ({_utc(token.time)}) is older than the plan in it ({_utc(planned)}).")
    return f"The bundle existed on {_utc(token.time)}, says {_who(token, at)}."


def check_plan_stamp(at: Sealed) -> str:
    token, later = at.plan_token(), at.token()
    if token is None:
        return f"No stamp on the plan: that it was fixed before training is {NOT_ATTESTED.replace('time ', '')}."
    _, began = forms.plan_times(at.events)
    if began is not None and token.time > began + forms.TOLERANCE:
        raise Fails(f"The plan's stamp ({_utc(token.time)}) is younger than the first training ({_utc(began)}).")
    if later is not None and token.time > later.time:
        raise Fails("The plan's stamp is younger than the bundle's.")
    return f"The plan existed on {_utc(token.time)}, before the first training, says {_who(token, at)}."


def check_log(at: Sealed) -> str:
    try:
        events = at.events
    except ValueError as error:
        raise Fails(f"The event log's chain is broken: {error}.") from error
    if not tells_of_plan(events, at.results.plan):
        raise Fails("The event log does not tell of this plan.")
    judged = [e for e in events if e["event"] == JUDGED]
    if not judged or judged[-1].get("results_sha256") != file_digest(at.folder / "bag/data/results.json"):
        raise Fails("The event log does not tell of these results.")
    return f"The event log is whole: {len(events)} entries, results judged {len(judged)} time(s)."


def check_records(at: Sealed) -> str:
    plan = Plan.model_validate_json(at.read("bag/data/plan.json"))
    if plan.digest() != at.results.plan.digest() or plan.digest() != at.results.provenance.plan_sha256:
        raise Fails("Plan and results do not belong together.")
    if at.info.get("External-Identifier") != plan.digest():
        raise Fails("The bag names another plan.")
    if "bag/data/environment.json" in at.names:
        if logged_environment(at.events) != file_digest(at.folder / "bag/data/environment.json"):
            raise Fails("environment.json is not the one that the event log tells of.")
        Environment.model_validate_json(at.read("bag/data/environment.json"))
    return "Plan and results belong together and fit their schemas."


CHECKS: tuple[tuple[str, Callable[[Sealed], str]], ...] = (
    ("payload", check_payload),
    ("tag-files", check_tags),
    ("beside", check_beside),
    ("signature", check_signature),
    ("stamp-requests", check_request),
    ("bundle-stamp", check_stamp),
    ("plan-stamp", check_plan_stamp),
    ("event-log", check_log),
    ("records", check_records),
)


def verify(folder: Path, *, signer: str = "", roots: bytes | None = None) -> tuple[Finding, ...]:
    """Make every check; none is skipped because another failed.

    Args:
        signer: SHA-256 hex of the signer.pub that is expected, '' to take any.
        roots: PEM certificates to trust for time stamps instead of the bundle's own.

    Raises:
        BadEvidence: `not-a-bundle`; `bundle-names`, `bundle-too-large`, `bundle-unreadable` for a folder that cannot
            be examined at all.
    """
    if not (folder / "bag" / "bagit.txt").is_file():
        raise BadEvidence("not-a-bundle", folder=folder.absolute().name)
    at = Sealed(folder, signer=signer, roots=roots)
    return tuple(_answer(name, check, at) for name, check in CHECKS)


def _answer(name: str, check: Callable[[Sealed], str], at: Sealed) -> Finding:
    try:
        return Finding(name, True, check(at))
    except Fails as failure:
        return Finding(name, False, str(failure))
    except AuditError as error:
        return Finding(name, False, error.sentence)
    except ValidationError:
        return Finding(name, False, "A record does not fit its schema.")
    except (ValueError, OSError) as error:
        return Finding(name, False, f"It could not be made ({printable(str(error), limit=80)}).")


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _who(token: Token, at: Sealed) -> str:
    trust = "which you named" if at.roots else "which the bundle brings along; compare it with the authority's own"
    return f"{token.authority} (root SHA-256 {token.root}, {trust})"
