"""What a time-stamp reply says outside the words that the library reads: whether it was granted, and whom it names.

RFC 3161 (status, reasons of a refusal), RFC 5035 (fingerprints of the signer's certificates, ESSCertID and
ESSCertIDv2). Positions are those of DER; a reply that is built otherwise is unreadable here.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.evidence.der import CERTIFICATES, SEQUENCE, children, content

INTEGER, BITS, OCTETS, OID, SET, ATTRIBUTES = 0x02, 0x03, 0x04, 0x06, 0x31, 0xA0
GRANTED, WITH_CHANGES = 0, 1
"""Values of PKIStatus under which there is a token: as asked for, and with what was asked for changed."""
REASONS = {
    0: "bad-alg",
    2: "bad-request",
    5: "bad-data",
    14: "no-time",
    15: "policy",
    16: "extension",
    17: "no-info",
    25: "failure",
}
"""Bit of PKIFailureInfo -> reason."""
SIGNING = bytes.fromhex("2a864886f70d010910020c")
SIGNING_V2 = bytes.fromhex("2a864886f70d010910022f")
DIGESTS = {
    bytes.fromhex("2b0e03021a"): "sha1",
    bytes.fromhex("608648016503040204"): "sha224",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
"""Object identifier -> name in hashlib."""
MOST_WORDS = 200


@dataclass(frozen=True)
class Answer:
    """What an authority answered.

    Attributes:
        status: PKIStatus; reasons: names of `REASONS`; words: its own, as sent.
    """

    status: int
    reasons: tuple[str, ...]
    words: str

    @property
    def granted(self) -> bool:
        return self.status in (GRANTED, WITH_CHANGES)


@dataclass(frozen=True)
class Named:
    """A certificate as a token names it.

    Attributes:
        digest: of its DER; algorithm: the digest's name in hashlib, '' for one that is not known.
        issuer: DER of its issuer's name and serial: its serial number; None where the token names neither.
    """

    algorithm: str
    digest: bytes
    issuer: bytes | None = None
    serial: int | None = None


def read_answer(reply: bytes) -> Answer:
    """The status of a TimeStampResp.

    Raises:
        ValueError, IndexError: it is built otherwise.
    """
    info = children(reply, *content(reply, 0, len(reply), SEQUENCE))[0]
    parts = children(reply, *content(reply, *info, SEQUENCE))
    status = _number(reply, parts[0])
    reasons, words = [], []
    for at, end in parts[1:]:
        if reply[at] == SEQUENCE:
            texts = children(reply, *content(reply, at, end, SEQUENCE))
            words += [reply[slice(*content(reply, *t, reply[t[0]]))].decode("utf-8", errors="replace") for t in texts]
        elif reply[at] == BITS:
            start, stop = content(reply, at, end, BITS)
            bits = reply[start + 1 : stop]
            reasons = [
                name for bit, name in REASONS.items() if bit // 8 < len(bits) and bits[bit // 8] << bit % 8 & 128
            ]
    return Answer(status, tuple(reasons), " ".join(words)[:MOST_WORDS])


def as_granted(reply: bytes) -> bytes:
    """A copy with the status "granted" where it is "granted with modifications".

    The library takes only the former. The status is not under the token's signature, and what an authority may
    have changed - the policy, extensions - is not what is asked of it here.
    """
    info = children(reply, *content(reply, 0, len(reply), SEQUENCE))[0]
    start, stop = content(reply, *children(reply, *content(reply, *info, SEQUENCE))[0], INTEGER)
    if reply[start:stop] != bytes((WITH_CHANGES,)):
        return reply
    return reply[:start] + bytes((GRANTED,)) + reply[stop:]


def signed_content(reply: bytes) -> bytes:
    """DER of a token's TSTInfo: what the authority's signature is over, its serial number and moment among it.

    Raises:
        ValueError, IndexError: it is built otherwise.
    """
    _, token = children(reply, *content(reply, 0, len(reply), SEQUENCE))[:2]
    _, inner = children(reply, *content(reply, *token, SEQUENCE))[:2]
    (signed,) = children(reply, *content(reply, *inner, CERTIFICATES))
    held = children(reply, *content(reply, *signed, SEQUENCE))[2]
    _, explicit = children(reply, *content(reply, *held, SEQUENCE))[:2]
    (octets,) = children(reply, *content(reply, *explicit, CERTIFICATES))
    start, stop = content(reply, *octets, OCTETS)
    return reply[start:stop]


def named_certificates(reply: bytes) -> tuple[tuple[Named, ...], ...]:
    """The certificates that a token's signature says it is by, signer first: one row for each attribute there is.

    Raises:
        ValueError, IndexError: it is built otherwise.
    """
    _, token = children(reply, *content(reply, 0, len(reply), SEQUENCE))[:2]
    _, inner = children(reply, *content(reply, *token, SEQUENCE))[:2]
    (signed,) = children(reply, *content(reply, *inner, CERTIFICATES))
    signers = children(reply, *content(reply, *signed, SEQUENCE))[-1]
    (signer,) = children(reply, *content(reply, *signers, SET))
    found = []
    for at, end in children(reply, *content(reply, *signer, SEQUENCE)):
        if reply[at] == ATTRIBUTES:
            for attribute in children(reply, *content(reply, at, end, ATTRIBUTES)):
                kind, values = children(reply, *content(reply, *attribute, SEQUENCE))
                name = reply[slice(*content(reply, *kind, OID))]
                if name in (SIGNING, SIGNING_V2):
                    (value,) = children(reply, *content(reply, *values, SET))
                    rows = children(reply, *content(reply, *value, SEQUENCE))[0]
                    default = "sha1" if name == SIGNING else "sha256"
                    listed = children(reply, *content(reply, *rows, SEQUENCE))
                    found.append(tuple(_named(reply, row, default) for row in listed))
            break
    return tuple(found)


def _named(data: bytes, row: tuple[int, int], algorithm: str) -> Named:
    parts = children(data, *content(data, *row, SEQUENCE))
    if data[parts[0][0]] == SEQUENCE:
        kind = children(data, *content(data, *parts.pop(0), SEQUENCE))[0]
        algorithm = DIGESTS.get(data[slice(*content(data, *kind, OID))], "")
    digest = data[slice(*content(data, *parts[0], OCTETS))]
    if len(parts) < 2:
        return Named(algorithm, digest)
    names, serial = children(data, *content(data, *parts[1], SEQUENCE))
    (name,) = children(data, *content(data, *names, SEQUENCE))
    start, stop = content(data, *name, data[name[0]])
    return Named(algorithm, digest, data[start:stop], _number(data, serial))


def _number(data: bytes, element: tuple[int, int]) -> int:
    return int.from_bytes(data[slice(*content(data, *element, INTEGER))], signed=True)
