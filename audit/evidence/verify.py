"""`cloakcheck verify`: every byte, the signature, the time stamps, and whether the parts follow from each other.

Each check is one function and one row of `BYTES`, or of `derive.CHECKS`. A check answers with a message; it raises
`Fails` with one when the bundle does not pass, `NotDerived` where this version cannot make the part again. VERIFY.txt
does the first six with sha256sum and openssl alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from audit.base.errors import AuditError, BadEvidence
from audit.base.files import file_digest, reason
from audit.base.messages import OtherWords, Said, say
from audit.evidence import bag, first, layout, renewal
from audit.evidence.revocation import check_list
from audit.evidence.sealed import CheckedPart, Fails, NotDerived, Sealed
from audit.evidence.signing import signature_holds
from audit.evidence.source import logged_environment, tells_of_plan
from audit.evidence.stamp import PLAN_LIST
from audit.evidence.timestamps import Token, check_token, request_bytes
from audit.records import Plan, Ratings
from audit.records.versions import check_version, read_record
from audit.runfolder import RATINGS
from audit.runfolder.event_log import EVENTS, JUDGED, BrokenLog

OPTIONAL = (layout.REPLY, layout.CHAIN, layout.REVOKED)


def check_payload(at: Sealed) -> Said:
    listed = bag.read_manifest(at.read(f"bag/{bag.PAYLOAD}"))
    if listed is None:
        raise Fails("verify.written", file=bag.PAYLOAD)
    present = {n.removeprefix("bag/") for n in at.names if n.startswith("bag/data/")}
    _compare(listed, present, at.folder / "bag", named_in=bag.PAYLOAD)
    return say("verify.payload", count=len(listed))


def check_tags(at: Sealed) -> Said:
    listed = bag.read_manifest(at.seal)
    if listed is None or tuple(sorted(listed)) != tuple(sorted(bag.TAG_FILES)):
        raise Fails("verify.written", file=bag.TAGS)
    present = {n.removeprefix("bag/") for n in at.names if n.startswith("bag/") and not n.startswith("bag/data/")}
    _compare(listed, present - {bag.TAGS}, at.folder / "bag", named_in=bag.TAGS)
    return say("verify.tags")


def _compare(listed: dict[str, str], present: set[str], folder: Path, *, named_in: str) -> None:
    for id, names in (("verify.missing", set(listed) - present), ("verify.added", present - set(listed))):
        if names:
            raise Fails(id, count=len(names), file=min(names))
    for name, wanted in listed.items():
        if file_digest(folder / name) != wanted:
            raise Fails("verify.changed", file=name, list=named_in)


def check_beside(at: Sealed) -> Said:
    present = {n for n in at.names if not n.startswith("bag/")} - {layout.SUMS}
    # Bundles of earlier versions have no start page.
    older = set() if at.made_here or layout.LABEL_START in at.info else {layout.START}
    for id, names in (
        ("verify.missing-beside", set(layout.BESIDE) - present - older),
        ("verify.added-beside", {n for n in present - {*layout.BESIDE, *OPTIONAL} if not renewal.belongs(n)}),
    ):
        if names:
            raise Fails(id, count=len(names), file=min(names))
    sums, found = at.read(layout.SUMS), layout.sums_text(at.folder)
    if sums != found:
        raise Fails("verify.sums", file=_first_other(sums, found))
    for label, name in ((layout.LABEL_VERIFY, layout.VERIFY), (layout.LABEL_START, layout.START)):
        if name not in older and at.info.get(label) != file_digest(at.folder / name):
            raise Fails("verify.sealed", file=name)
    seal = bag.digest(at.seal).encode("ascii")
    for label, name in ((layout.LABEL_CERTIFICATION, layout.CERTIFICATION), (layout.LABEL_CUSTODY, layout.CUSTODY)):
        text = at.read(name)
        blank = text.replace(seal, layout.BLANK.encode("ascii"))
        if layout.BLANK.encode("ascii") in text or at.info.get(label) != bag.digest(blank):
            raise Fails("verify.sealed", file=name)
    return say("verify.beside")


def _first_other(sums: bytes, found: bytes) -> str:
    """The first file whose line of SHA256SUMS is another; SHA256SUMS itself, where only the rest of it is."""
    listed = set(sums.splitlines())
    # A line is 64 hex digits, two blanks and the path.
    others = (line[66:].decode("utf-8") for line in found.splitlines() if line not in listed)
    return next(others, layout.SUMS).removeprefix("./")


def check_signature(at: Sealed) -> Said:
    public = at.read(layout.SIGNER)
    fingerprint = bag.digest(public)
    if not signature_holds(at.seal, signature=at.read(layout.SIGNATURE), public=public):
        raise Fails("verify.not-signed")
    if at.info.get(layout.LABEL_SIGNER) != fingerprint:
        raise Fails("verify.other-key")
    if at.signer and at.signer.lower() != fingerprint:
        raise Fails("verify.unexpected-key", key=fingerprint)
    return say("verify.expected-signer" if at.signer else "verify.signed", key=fingerprint)


def check_request(at: Sealed) -> Said:
    if at.read(layout.REQUEST) != request_bytes(at.seal):
        raise Fails("verify.other-bag")
    if "bag/data/plan.tsq" in at.names:
        if at.read("bag/data/plan.tsq") != request_bytes(at.stamped_plan):
            raise Fails("verify.other-request")
    return say("verify.requests")


def check_stamp(at: Sealed) -> Said:
    token = at.token()
    if token is None:
        if {layout.CHAIN, layout.REVOKED} & set(at.names):
            raise Fails("verify.chain-alone")
        if at.roots is not None:
            raise Fails("verify.stamp-asked")
        return say("verify.no-stamp")
    planned, _ = first.plan_times(at.events)
    if planned is not None and token.time < planned - first.TOLERANCE:
        raise Fails("verify.stamp-older", time=_utc(token.time), planned=_utc(planned))
    if at.made_here:
        _check_chain(at, at.seal, layout.REPLY, layout.CHAIN)
    return say("verify.stamp", time=_utc(token.time), who=_who(token, at))


def _check_chain(at: Sealed, stamped: bytes, reply: str, chain: str) -> None:
    """A chain file holds the one way that its stamp leads, and no certificate or word beside it."""
    kept = at.read(chain)
    if check_token(stamped, reply=at.read(reply), chain=kept).chain != kept:
        raise Fails("verify.chain-more", file=chain)


def check_renewals(at: Sealed) -> Said:
    numbers = renewal.numbers(at.names)
    if not at.stamps:
        if numbers:
            raise Fails("verify.renewal-alone")
        return say("verify.no-renewal")
    for number in numbers:
        files = renewal.files_of(number)
        _check_chain(at, at.read(files.covered), files.reply, files.chain)
    if not numbers:
        return say("verify.not-renewed", until=f"{at.stamps[0].until:%Y-%m-%d}")
    last = at.stamps[-1]
    until = f"{last.until:%Y-%m-%d}"
    return say("verify.renewed", count=len(numbers), time=_utc(last.time), who=_who(last, at), until=until)


def check_revocation(at: Sealed) -> Said:
    places = [(layout.REVOKED, token) for token in at.stamps[:1]]
    places += [(renewal.files_of(n).revoked, token) for n, token in enumerate(at.stamps[1:], 1)]
    plan = at.plan_token()
    if plan is not None:
        places.append((f"bag/data/{PLAN_LIST}", plan))
    found = [_utc(check_list(token, at.read(name))) for name, token in places if name in at.names]
    if not places:
        return say("verify.nothing-revocable")
    if len(found) < len(places):
        return say("verify.revocation-unknown", known=len(found), count=len(places))
    return say("verify.not-revoked", count=len(places), times=found)


def check_plan_stamp(at: Sealed) -> Said:
    token, later = at.plan_token(), at.token()
    if token is None:
        return say("verify.no-plan-stamp")
    _, began = first.plan_times(at.events)
    if began is not None and token.time > began + first.TOLERANCE:
        raise Fails("verify.plan-stamp-younger", time=_utc(token.time), began=_utc(began))
    if later is not None and token.time > later.time:
        raise Fails("verify.plan-stamp-later")
    # What it came before is for `plan-first` to say where the store held results already.
    late = first.came_first(at.results.provenance) is False
    return say("verify.plan-stamp-alone" if late else "verify.plan-stamp", time=_utc(token.time), who=_who(token, at))


def check_plan_first(at: Sealed) -> Said:
    provenance = at.results.provenance
    fixed, _ = first.plan_times(at.events)
    stated = first.moment(provenance.plan_fixed)
    if fixed is not None and provenance.plan_fixed and (stated is None or stated < fixed):
        shown = provenance.plan_fixed[:40] if stated is None else _utc(stated)
        raise Fails("verify.plan-fixed-otherwise", stated=shown, logged=_utc(fixed))
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
    if at.results.edited_since_judged:
        raise Fails("verify.log-edited")
    return say("verify.log", count=len(events), judged=len(judged))


def check_records(at: Sealed) -> Said:
    for name in ("plan.json", "results.json", "environment.json", RATINGS, EVENTS):
        if name in at.payload:
            _tells_once(name, at.read(f"bag/data/{name}"))
    if at.results.pending:
        raise Fails("verify.pending", names=at.results.pending)
    plan = read_record(Plan, at.read("bag/data/plan.json"), name="plan.json")
    if plan.digest() != at.results.plan.digest() or plan.digest() != at.results.provenance.plan_sha256:
        raise Fails("verify.apart")
    if at.info.get("External-Identifier") != plan.digest():
        raise Fails("verify.bag-plan")
    if "bag/data/environment.json" in at.names:
        if logged_environment(at.events) != file_digest(at.folder / "bag/data/environment.json"):
            raise Fails("verify.environment")
        assert at.environment is not None
    ratings = f"bag/data/{RATINGS}"
    answers = read_record(Ratings, at.read(ratings), name=RATINGS) if ratings in at.names else None
    if answers != at.results.ratings:
        raise Fails("verify.ratings")
    return say("verify.records")


def _tells_once(name: str, data: bytes) -> None:
    if key := bag.key_twice(data.split(b"\n") if name == EVENTS else (data,)):
        raise Fails("verify.key-twice", file=name, key=key)


BYTES: tuple[tuple[str, Callable[[Sealed], Said]], ...] = (
    ("payload", check_payload),
    ("tag-files", check_tags),
    ("beside", check_beside),
    ("signature", check_signature),
    ("stamp-requests", check_request),
    ("bundle-stamp", check_stamp),
    ("renewals", check_renewals),
    ("plan-stamp", check_plan_stamp),
    ("revocation", check_revocation),
    ("plan-first", check_plan_first),
    ("event-log", check_log),
    ("records", check_records),
)
"""Those of bytes, seal and stamps; what follows from the rest is in `derive`."""


def verify(folder: Path, *, signer: str = "", roots: bytes | None = None) -> tuple[CheckedPart, ...]:
    """Make every check, as `findings` does; all answers at once."""
    return tuple(findings(folder, signer=signer, roots=roots))


def findings(folder: Path, *, signer: str = "", roots: bytes | None = None) -> Iterator[CheckedPart]:
    """Make every check, one answer after the other; none is skipped because another failed.

    Args:
        signer: SHA-256 hex of the signer.pub that is expected, '' to take any.
        roots: PEM certificates to trust for time stamps instead of the bundle's own.

    Raises:
        BadEvidence: `not-a-bundle`; `bundle-names`, `bundle-too-large`, `bundle-unreadable` for a folder that cannot
            be examined at all.
        BadResults: `file-version`, a bundle of another layout.
    """
    if not (folder / "bag" / "bagit.txt").is_file():
        missing = "" if folder.exists() else ".absent"
        raise BadEvidence(f"not-a-bundle{missing}", folder=folder.absolute().name)
    at = Sealed(folder, signer=signer, roots=roots)
    stated = at.info.get(layout.LABEL_SCHEMA, "1") if f"bag/{bag.INFO}" in at.names else "1"
    check_version(int(stated) if stated.isdecimal() else stated, name=bag.INFO)
    yield from (_answer(name, check, at) for name, check in BYTES)
    # Judge and report take long to load: what was said of the bytes stands there by then.
    from audit.evidence import derive

    yield from (_answer(name, check, at) for name, check in derive.CHECKS)


def _answer(name: str, check: Callable[[Sealed], Said], at: Sealed) -> CheckedPart:
    try:
        return CheckedPart(name, True, check(at))
    except Fails as failure:
        return CheckedPart(name, False, failure.said)
    except NotDerived as answer:
        return CheckedPart(name, True, answer.said, derived=False)
    except AuditError as error:
        return CheckedPart(name, False, error.said)
    except (ValidationError, OtherWords):
        return CheckedPart(name, False, say("verify.schema"))
    except (ValueError, OSError) as error:
        return CheckedPart(name, False, say("verify.not-made", why=reason(error)))


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _who(token: Token, at: Sealed) -> Said:
    id = "verify.named-authority" if at.roots is not None else "verify.authority"
    return say(id, authority=token.authority, root=token.root)
