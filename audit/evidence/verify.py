"""`cloakcheck verify`: every byte, the signature, the time stamps, and whether the parts fit each other.

Each check is one function and one row of `CHECKS`. A check answers with a message; it raises `Fails` with
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
from audit.base.messages import Said, Value, render, say
from audit.evidence import bag, bundle, first, forms
from audit.evidence.signing import signature_holds
from audit.evidence.source import logged_environment, tells_of_plan
from audit.evidence.timestamps import Token, check_token, request_bytes
from audit.records import Environment, Plan, Results
from audit.records.versions import check_version, read_record
from audit.runfolder.event_log import EVENTS, JUDGED, BrokenLog, read_events
from audit.store import file_digest

OPTIONAL = (bundle.REPLY, bundle.CHAIN)


class Fails(Exception):
    """The bundle does not pass a check."""

    def __init__(self, id: str, /, **values: Value) -> None:
        self.said = say(id, **values)
        super().__init__(render(self.said))


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
        return read_record(Results, self.read("bag/data/results.json"), name="results.json")

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
class CheckedPart:
    """The answer of one check."""

    check: str
    passed: bool
    said: Said

    @property
    def sentence(self) -> str:
        return render(self.said)


def check_payload(at: Sealed) -> Said:
    listed = bag.read_manifest(at.read(f"bag/{bag.PAYLOAD}"))
    if listed is None:
        raise Fails("verify.written", file=bag.PAYLOAD)
    present = {n.removeprefix("bag/") for n in at.names if n.startswith("bag/data/")}
    _compare(listed, present, at.folder / "bag")
    return say("verify.payload", count=len(listed))


def check_tags(at: Sealed) -> Said:
    listed = bag.read_manifest(at.seal)
    if listed is None or tuple(sorted(listed)) != tuple(sorted(bag.TAG_FILES)):
        raise Fails("verify.written", file=bag.TAGS)
    present = {n.removeprefix("bag/") for n in at.names if n.startswith("bag/") and not n.startswith("bag/data/")}
    _compare(listed, present - {bag.TAGS}, at.folder / "bag")
    return say("verify.tags")


def _compare(listed: dict[str, str], present: set[str], folder: Path) -> None:
    for id, names in (("verify.missing", set(listed) - present), ("verify.added", present - set(listed))):
        if names:
            raise Fails(id, count=len(names), file=min(names))
    for name, wanted in listed.items():
        if file_digest(folder / name) != wanted:
            raise Fails("verify.changed", file=name)


def check_beside(at: Sealed) -> Said:
    present = {n for n in at.names if not n.startswith("bag/")} - {bundle.SUMS}
    for id, names in (
        ("verify.missing-beside", set(bundle.BESIDE) - present),
        ("verify.added-beside", present - {*bundle.BESIDE, *OPTIONAL}),
    ):
        if names:
            raise Fails(id, count=len(names), file=min(names))
    if at.read(bundle.SUMS) != bundle.sums_text(at.folder):
        raise Fails("verify.sums")
    if at.info.get(bundle.LABEL_VERIFY) != file_digest(at.folder / forms.VERIFY):
        raise Fails("verify.sealed", file=forms.VERIFY)
    seal = bag.digest(at.seal).encode("ascii")
    for label, name in ((bundle.LABEL_CERTIFICATION, forms.CERTIFICATION), (bundle.LABEL_CUSTODY, forms.CUSTODY)):
        text = at.read(name)
        blank = text.replace(seal, forms.BLANK.encode("ascii"))
        if forms.BLANK.encode("ascii") in text or at.info.get(label) != bag.digest(blank):
            raise Fails("verify.sealed", file=name)
    return say("verify.beside")


def check_signature(at: Sealed) -> Said:
    public = at.read(bundle.SIGNER)
    fingerprint = bag.digest(public)
    if not signature_holds(at.seal, signature=at.read(bundle.SIGNATURE), public=public):
        raise Fails("verify.not-signed")
    if at.info.get(bundle.LABEL_SIGNER) != fingerprint:
        raise Fails("verify.other-key")
    if at.signer and at.signer.lower() != fingerprint:
        raise Fails("verify.unexpected-key", key=fingerprint)
    return say("verify.expected-signer" if at.signer else "verify.signed", key=fingerprint)


def check_request(at: Sealed) -> Said:
    if at.read(bundle.REQUEST) != request_bytes(at.seal):
        raise Fails("verify.other-bag")
    if "bag/data/plan.tsq" in at.names:
        if at.read("bag/data/plan.tsq") != request_bytes(at.read("bag/data/plan.json")):
            raise Fails("verify.other-request")
    return say("verify.requests")


def check_stamp(at: Sealed) -> Said:
    token = at.token()
    if token is None:
        if bundle.CHAIN in at.names:
            raise Fails("verify.chain-alone")
        return say("verify.no-stamp")
    planned, _ = forms.plan_times(at.events)
    if planned is not None and token.time < planned - first.TOLERANCE:
        raise Fails("verify.stamp-older", time=_utc(token.time), planned=_utc(planned))
    return say("verify.stamp", time=_utc(token.time), who=_who(token, at))


def check_plan_stamp(at: Sealed) -> Said:
    token, later = at.plan_token(), at.token()
    if token is None:
        return say("verify.no-plan-stamp")
    _, began = forms.plan_times(at.events)
    if began is not None and token.time > began + first.TOLERANCE:
        raise Fails("verify.plan-stamp-younger", time=_utc(token.time), began=_utc(began))
    if later is not None and token.time > later.time:
        raise Fails("verify.plan-stamp-later")
    # What it came before is for `plan-first` to say where the store held results already.
    late = first.came_first(at.results.provenance) is False
    return say("verify.plan-stamp-alone" if late else "verify.plan-stamp", time=_utc(token.time), who=_who(token, at))


def check_plan_first(at: Sealed) -> Said:
    provenance = at.results.provenance
    fixed, _ = forms.plan_times(at.events)
    stated = forms.moment(provenance.plan_fixed)
    if fixed is not None and stated is not None and stated < fixed:
        raise Fails("verify.plan-fixed-otherwise", stated=_utc(stated), logged=_utc(fixed))
    return first.plan_first(provenance, frame="verify")


def check_log(at: Sealed) -> Said:
    try:
        events = at.events
    except BrokenLog as error:
        raise Fails("verify.log-broken", why=error.said) from error
    if not tells_of_plan(events, at.results.plan):
        raise Fails("verify.log-plan")
    judged = [e for e in events if e["event"] == JUDGED]
    if not judged or judged[-1].get("results_sha256") != file_digest(at.folder / "bag/data/results.json"):
        raise Fails("verify.log-results")
    return say("verify.log", count=len(events), judged=len(judged))


def check_records(at: Sealed) -> Said:
    plan = read_record(Plan, at.read("bag/data/plan.json"), name="plan.json")
    if plan.digest() != at.results.plan.digest() or plan.digest() != at.results.provenance.plan_sha256:
        raise Fails("verify.apart")
    if at.info.get("External-Identifier") != plan.digest():
        raise Fails("verify.bag-plan")
    if "bag/data/environment.json" in at.names:
        if logged_environment(at.events) != file_digest(at.folder / "bag/data/environment.json"):
            raise Fails("verify.environment")
        read_record(Environment, at.read("bag/data/environment.json"), name="environment.json")
    return say("verify.records")


CHECKS: tuple[tuple[str, Callable[[Sealed], Said]], ...] = (
    ("payload", check_payload),
    ("tag-files", check_tags),
    ("beside", check_beside),
    ("signature", check_signature),
    ("stamp-requests", check_request),
    ("bundle-stamp", check_stamp),
    ("plan-stamp", check_plan_stamp),
    ("plan-first", check_plan_first),
    ("event-log", check_log),
    ("records", check_records),
)


def verify(folder: Path, *, signer: str = "", roots: bytes | None = None) -> tuple[CheckedPart, ...]:
    """Make every check; none is skipped because another failed.

    Args:
        signer: SHA-256 hex of the signer.pub that is expected, '' to take any.
        roots: PEM certificates to trust for time stamps instead of the bundle's own.

    Raises:
        BadEvidence: `not-a-bundle`; `bundle-names`, `bundle-too-large`, `bundle-unreadable` for a folder that cannot
            be examined at all.
        BadResults: `file-version`, a bundle of another layout.
    """
    if not (folder / "bag" / "bagit.txt").is_file():
        raise BadEvidence("not-a-bundle", folder=folder.absolute().name)
    at = Sealed(folder, signer=signer, roots=roots)
    stated = at.info.get(bundle.LABEL_SCHEMA, "1") if f"bag/{bag.INFO}" in at.names else "1"
    check_version(int(stated) if stated.isdecimal() else stated, name=bag.INFO)
    return tuple(_answer(name, check, at) for name, check in CHECKS)


def _answer(name: str, check: Callable[[Sealed], Said], at: Sealed) -> CheckedPart:
    try:
        return CheckedPart(name, True, check(at))
    except Fails as failure:
        return CheckedPart(name, False, failure.said)
    except AuditError as error:
        return CheckedPart(name, False, error.said)
    except ValidationError:
        return CheckedPart(name, False, say("verify.schema"))
    except (ValueError, OSError) as error:
        return CheckedPart(name, False, say("verify.not-made", why=str(error)))


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _who(token: Token, at: Sealed) -> Said:
    id = "verify.named-authority" if at.roots else "verify.authority"
    return say(id, authority=token.authority, root=token.root)
