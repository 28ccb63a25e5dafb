"""Many audits beside each other: who counts as one artist, which may be pooled, and what pooling gives.

The artist is the unit. Audits are pooled only within one setup (`audit_facts.setup_parts`) and one claim: cloak,
version, countermeasures, their settings, style score and kind of index. Of an artist with several audits of a claim
the first that was begun and has a range counts, so that nothing is gained by trying again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from audit import __version__
from audit.judge.pooling import pool, standard_error, steadied
from audit.judge.significance import holm
from audit.records import (
    AuditFacts,
    ClaimFacts,
    Overview,
    PooledClaim,
    Series,
    SetupFacts,
    SharedWorks,
    UnreadFolder,
)


@dataclass(frozen=True)
class SeenAudit:
    """One audit, and the digests of its works' pixels, which the page does not tell."""

    facts: AuditFacts
    works: frozenset[str]


def make_overview(seen: Sequence[SeenAudit], unread: Iterable[UnreadFolder]) -> Overview:
    """The page's record, its audits numbered as given."""
    numbered = [
        SeenAudit(one.facts.model_copy(update={"number": number}), one.works)
        for number, one in enumerate(seen, start=1)
    ]
    shared = _shared(numbered)
    persons = _persons(numbered, shared)
    setups = _setups([one.facts for one in numbered])
    of = {number: setup.number for setup in setups for number in setup.audits}
    audits = tuple(
        one.facts.model_copy(update={"person": persons[one.facts.number], "setup": of[one.facts.number]})
        for one in numbered
    )
    pooled = _adjusted(_pooled(audits), audits)
    decides = {a.setup: a.metric for a in audits}
    return Overview(
        tool_version=__version__,
        audits=audits,
        unread=tuple(unread),
        setups=setups,
        pooled=pooled,
        shared=shared,
        series=_series(audits),
        artists=len({a.person for a in audits}),
        compared=sum(c.value is not None and c.metric == a.metric for a in audits for c in a.claims),
        pooled_compared=sum(p.p is not None and p.metric == decides[p.setup] for p in pooled),
    )


def _shared(seen: Sequence[SeenAudit]) -> tuple[SharedWorks, ...]:
    holders: dict[str, list[int]] = {}
    for place, one in enumerate(seen):
        for work in one.works:
            holders.setdefault(work, []).append(place)
    counted: dict[tuple[int, int], int] = {}
    for places in holders.values():
        for pair in combinations(places, 2):
            counted[pair] = counted.get(pair, 0) + 1
    return tuple(
        SharedWorks(
            audits=(seen[a].facts.number, seen[b].facts.number),
            works=works,
            names=(seen[a].facts.artist, seen[b].facts.artist),
        )
        for (a, b), works in sorted(counted.items())
    )


def _persons(seen: Sequence[SeenAudit], shared: Iterable[SharedWorks]) -> dict[int, int]:
    """Audit -> its person: all that hang together by a name or a work."""
    above = {one.facts.number: one.facts.number for one in seen}

    def top(number: int) -> int:
        while above[number] != number:
            number = above[number]
        return number

    named: dict[str, int] = {}
    ties = [(named.setdefault(one.facts.artist, one.facts.number), one.facts.number) for one in seen]
    for a, b in (*ties, *(s.audits for s in shared)):
        first, second = sorted((top(a), top(b)))
        above[second] = first
    numbered: dict[int, int] = {}
    return {one.facts.number: numbered.setdefault(top(one.facts.number), len(numbered) + 1) for one in seen}


def _setups(audits: Sequence[AuditFacts]) -> tuple[SetupFacts, ...]:
    """The largest first, so that the others are told by what they differ in from most."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for audit in audits:
        groups.setdefault(tuple(sorted(audit.parts.items())), []).append(audit.number)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[1][0]))
    first = dict(ordered[0][0]) if ordered else {}
    return tuple(
        SetupFacts(
            number=number,
            audits=tuple(members),
            parts=dict(parts),
            differs=tuple(name for name, value in parts if first.get(name) != value),
        )
        for number, (parts, members) in enumerate(ordered, start=1)
    )


@dataclass(frozen=True)
class _Claim:
    """What audits must share to be pooled; named as the fields of `PooledClaim`."""

    setup: int
    cloak: str
    version: str
    counter: str
    made: str
    metric: str
    index: str


def _pooled(audits: Sequence[AuditFacts]) -> list[PooledClaim]:
    groups: dict[_Claim, list[tuple[AuditFacts, ClaimFacts]]] = {}
    for audit in audits:
        for c in audit.claims:
            if c.cloak:
                key = _Claim(audit.setup, c.cloak, c.version, c.counter, c.made, c.metric, c.index)
                groups.setdefault(key, []).append((audit, c))
    return [_pooled_claim(key, found) for key, found in groups.items()]


def _pooled_claim(key: _Claim, found: Sequence[tuple[AuditFacts, ClaimFacts]]) -> PooledClaim:
    kept: dict[int, tuple[AuditFacts, float, float]] = {}
    for audit, c in sorted(found, key=lambda pair: (pair[0].started, pair[0].number)):
        if c.value is None or c.low is None or c.high is None or audit.person in kept:
            continue
        error = standard_error(c.low, c.high, n=c.n, level=c.level)
        if error is not None:
            kept[audit.person] = (audit, c.value, error)
    level = found[0][1].level
    values, errors = (np.array([one[at] for one in kept.values()], dtype=np.float64) for at in (1, 2))
    mean = pool(values, steadied(errors), level=level)
    used = tuple(sorted(audit.number for audit, _, _ in kept.values()))
    rest = tuple(audit.number for audit, _ in found if audit.number not in used)
    claim = PooledClaim(**asdict(key), audits=used, left_out=rest, artists=len(used), value=None, level=level)
    if mean is None:
        return claim
    least = found[0][0].did_not_hold
    return claim.model_copy(
        update={
            "value": mean.value, "low": mean.low, "high": mean.high, "p": mean.p, "between": mean.tau,
            "between_low": mean.tau_low, "between_high": mean.tau_high, "new_low": mean.new_low,
            "new_high": mean.new_high, "told": mean.low > 0 or mean.high < least,
        }
    )  # fmt: skip


def _adjusted(pooled: Sequence[PooledClaim], audits: Sequence[AuditFacts]) -> tuple[PooledClaim, ...]:
    """With Holm's p over the whole page, of claims by the score that decides in their setup."""
    decides = {a.setup: a.metric for a in audits}
    family = [p for p in pooled if p.p is not None and p.metric == decides[p.setup]]
    given = {id(p): adjusted for p, adjusted in zip(family, holm([p.p for p in family]), strict=True)}
    return tuple(p.model_copy(update={"p_holm": given[id(p)]}) if id(p) in given else p for p in pooled)


def _series(audits: Sequence[AuditFacts]) -> tuple[Series, ...]:
    groups: dict[tuple[int, str], list[AuditFacts]] = {}
    for audit in audits:
        for cloak in dict.fromkeys(c.cloak for c in audit.claims if not c.counter):
            groups.setdefault((audit.person, cloak), []).append(audit)
    return tuple(
        Series(
            artist=found[0].artist,
            cloak=cloak,
            audits=tuple(a.number for a in sorted(found, key=lambda a: (a.started, a.number))),
        )
        for (_, cloak), found in groups.items()
        if len(found) > 1
    )
