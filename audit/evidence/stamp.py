"""`cloakcheck stamp`: bring a reply to a time-stamp request into a run folder (plan) or a bundle (all of it)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadEvidence
from audit.evidence import bag, bundle
from audit.evidence.timestamps import MOST_BYTES, Token, check_token, fetch_reply, write_request
from audit.runfolder.event_log import EVENTS, TRAINING_BEGINS, log_event, read_events
from audit.store import write_atomic


@dataclass(frozen=True)
class StampPlace:
    """Where a stamp goes: the stamped file, its request, and the names of reply and chain."""

    stamped: Path
    request: Path
    reply: Path
    chain: Path


def place_of(folder: Path) -> StampPlace:
    """What is stamped in a folder: a bundle's tag manifest, or the plan of a run that has not trained yet.

    Raises:
        BadEvidence: `nothing-to-stamp`; `stamp-too-late`, once a run has begun to train.
    """
    if (folder / "bag" / bag.TAGS).is_file():
        names = (f"bag/{bag.TAGS}", bundle.REQUEST, bundle.REPLY, bundle.CHAIN)
        return StampPlace(*(folder / name for name in names))
    plan = folder / "plan.json"
    if not plan.is_file():
        raise BadEvidence("nothing-to-stamp", folder=folder.absolute().name)
    try:
        events = read_events(bag.read_text(folder / EVENTS))
    except ValueError:
        events = ()
    if any(event.get("event") == TRAINING_BEGINS for event in events):
        raise BadEvidence("stamp-too-late")
    return StampPlace(plan, write_request(plan), folder / "plan.tsr", folder / "plan-tsa.pem")


def stamp(folder: Path, *, reply: Path | None, url: str | None, chain: Path | None) -> tuple[Path, Token | None]:
    """Import a reply, or fetch one when an address is given; with neither, only see that the request is there.

    Args:
        reply: a .tsr that the authority sent.
        url: the authority's address; nothing is sent anywhere without it.
        chain: PEM chain of the authority with its root.

    Returns:
        The request's path, and the token when there is one now.

    Raises:
        BadEvidence: `chain-missing`, and see `check_token`, `fetch_reply`; then nothing is written.
    """
    place = place_of(folder)
    if reply is None and url is None:
        return place.request, None
    if chain is None:
        raise BadEvidence("chain-missing")
    certificates = bag.read_text(chain, limit=MOST_BYTES)
    if reply is not None:
        answer = bag.read_text(reply, limit=MOST_BYTES)
    else:
        answer = fetch_reply(place.request.read_bytes(), url=str(url))
    token = check_token(place.stamped.read_bytes(), reply=answer, chain=certificates)
    write_atomic(place.reply, answer)
    write_atomic(place.chain, certificates)
    if place.stamped.name == "plan.json":
        log_event(folder, "plan-stamped", {"attested": token.time.isoformat(), "authority": token.authority})
    else:
        bundle.write_sums(folder)
    return place.request, token
