"""`cloakcheck stamp`: bring a reply to a time-stamp request into a run folder (plan) or a bundle (all of it)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadEvidence
from audit.evidence import bag, layout, renewal, revocation
from audit.evidence.timestamps import MOST_BYTES, Token, check_token, fetch_reply, write_request
from audit.runfolder import STAMPED_PLAN
from audit.runfolder.event_log import EVENTS, PLAN_STAMPED, TRAINING_BEGINS, log_event, read_events
from audit.store import write_atomic

PLAN_REPLY, PLAN_CHAIN, PLAN_LIST = "plan.tsr", "plan-tsa.pem", "plan-tsa-crl.pem"


@dataclass(frozen=True)
class StampPlace:
    """Where a stamp goes: what is stamped, its request, and where reply, chain and list of revoked ones are kept.

    Attributes:
        beside: a further file that is kept with the stamp, by its bytes.
    """

    stamped: bytes
    request: Path
    reply: Path
    chain: Path
    revoked: Path
    beside: tuple[Path, bytes] | None = None


def place_of(folder: Path) -> StampPlace:
    """What is stamped in a folder: a bundle's tag manifest, or the plan of a run that has not trained yet.

    Raises:
        BadEvidence: `nothing-to-stamp`; `stamp-too-late`, once a run has begun to train or taken its seed from a stamp.
    """
    if (folder / "bag" / bag.TAGS).is_file():
        return StampPlace(
            stamped=bag.read_text(folder / "bag" / bag.TAGS),
            request=folder / layout.REQUEST,
            reply=folder / layout.REPLY,
            chain=folder / layout.CHAIN,
            revoked=folder / layout.REVOKED,
        )
    plan = folder / "plan.json"
    if not plan.is_file():
        missing = "" if folder.exists() else ".absent"
        raise BadEvidence(f"nothing-to-stamp{missing}", folder=folder.absolute().name)
    try:
        events = read_events(bag.read_text(folder / EVENTS))
    except ValueError:
        events = ()
    if (folder / STAMPED_PLAN).exists() or any(event.get("event") == TRAINING_BEGINS for event in events):
        raise BadEvidence("stamp-too-late")
    return StampPlace(
        stamped=bag.read_text(plan),
        request=write_request(plan),
        reply=folder / PLAN_REPLY,
        chain=folder / PLAN_CHAIN,
        revoked=folder / PLAN_LIST,
    )


def place_of_renewal(folder: Path) -> StampPlace:
    """Where the next renewal of a bundle's stamp goes; its request lies beside the bundle.

    Raises:
        BadEvidence: `nothing-to-renew`, `renewals-full`; those of a stamp that does not verify.
    """
    if not (folder / "bag" / bag.TAGS).is_file() or not (folder / layout.REPLY).is_file():
        raise BadEvidence("nothing-to-renew", folder=folder.absolute().name)
    number = len(renewal.numbers(bag.list_files(folder))) + 1
    if number > renewal.MOST:
        raise BadEvidence("renewals-full", most=renewal.MOST)
    text = renewal.covered_text(folder, number)
    files = renewal.files_of(number)
    request = folder.absolute().with_name(f"{folder.absolute().name}-{files.request}")
    write_atomic(request, renewal.request_of(text))
    return StampPlace(
        stamped=text,
        request=request,
        reply=folder / files.reply,
        chain=folder / files.chain,
        revoked=folder / files.revoked,
        beside=(folder / files.covered, text),
    )


def stamp(
    folder: Path,
    *,
    reply: Path | None,
    url: str | None,
    chain: Path | None,
    renew: bool = False,
    revoked: Path | None = None,
    fetch_revoked: bool = False,
) -> tuple[Path, Token | None]:
    """Import a reply, or fetch one when an address is given; with neither, only see that the request is there.

    Args:
        reply: a .tsr that the authority sent.
        url: the authority's address; nothing is sent anywhere without it.
        chain: PEM chain of the authority with its root; of it, the one way that the stamp leads is kept.
        renew: whether a stamp over the bundle with its earlier stamps is asked for.
        revoked: the authority's list of revoked certificates; fetch_revoked: whether to fetch it.

    Returns:
        The request's path, and the token when there is one now.

    Raises:
        BadEvidence: `chain-missing`, and see `check_token`, `fetch_reply`, `choose_list`, `place_of`,
            `place_of_renewal`; then nothing is written.
    """
    place = place_of_renewal(folder) if renew else place_of(folder)
    if reply is None and url is None:
        return place.request, None
    if chain is None:
        raise BadEvidence("chain-missing")
    certificates = bag.read_given(chain, limit=MOST_BYTES)
    if reply is not None:
        answer = bag.read_given(reply, limit=MOST_BYTES)
    else:
        answer = fetch_reply(bag.read_text(place.request), url=str(url))
    token = check_token(place.stamped, reply=answer, chain=certificates)
    if renew:
        renewal.must_follow(folder, token)
    known = b""
    if revoked is not None or fetch_revoked:
        data = bag.read_given(revoked, limit=revocation.MOST_BYTES) if revoked else revocation.fetch_list(token)
        known = revocation.choose_list(token, data)
    place.revoked.unlink(missing_ok=True)
    if place.beside is not None:
        write_atomic(*place.beside)
        write_atomic(place.beside[0].with_suffix(".tsq"), bag.read_text(place.request))
        place.request.unlink()
    write_atomic(place.reply, answer)
    write_atomic(place.chain, token.chain)
    if known:
        write_atomic(place.revoked, known)
    if place.reply.name == PLAN_REPLY:
        log_event(folder, PLAN_STAMPED, {"attested": token.time.isoformat(), "authority": token.authority})
    else:
        layout.write_sums(folder)
    return place.request, token
