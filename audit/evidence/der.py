"""A few elements of DER, and a time-stamp reply brought into the order that DER asks for.

RFC 5652 lets the certificates of a token stand in BER, and authorities (OpenSSL's `ts -reply` among them) write
them in the order of their chain; DER, and the library that reads tokens here, wants a SET OF sorted. The set
is not under the token's signature, so sorting a copy changes nothing that is attested. What is stored stays
as the authority sent it.
"""

from __future__ import annotations

CERTIFICATES = 0xA0
"""Tag of SignedData's `certificates [0] IMPLICIT`, and of ContentInfo's `content [0] EXPLICIT`."""
SEQUENCE = 0x30


def with_sorted_certificates(reply: bytes) -> bytes:
    """A TimeStampResp with its token's certificates in DER order; as it is where it is built otherwise."""
    try:
        _, token = children(reply, *content(reply, 0, len(reply), SEQUENCE))[:2]
        _, inner = children(reply, *content(reply, *token, SEQUENCE))[:2]
        (signed,) = children(reply, *content(reply, *inner, CERTIFICATES))
        for at, end in children(reply, *content(reply, *signed, SEQUENCE)):
            if reply[at] == CERTIFICATES:
                start, stop = content(reply, at, end, CERTIFICATES)
                ordered = sorted(reply[a:b] for a, b in children(reply, start, stop))
                return reply[:start] + b"".join(ordered) + reply[stop:]
    except (ValueError, IndexError):
        pass
    return reply


def content(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Where the content of one element begins and ends.

    Raises:
        ValueError: another tag, an indefinite length, or a length beyond `end`. IndexError: it is cut off.
    """
    first = data[at + 1]
    size = first & 0x7F if first & 0x80 else 0
    if data[at] != tag or first == 0x80 or size > 4:
        raise ValueError("not DER of the kind looked for")
    start = at + 2 + size
    stop = start + (int.from_bytes(data[at + 2 : start], "big") if size else first)
    if stop > end:
        raise ValueError("longer than what holds it")
    return start, stop


def children(data: bytes, start: int, stop: int) -> list[tuple[int, int]]:
    """Where each element of a content begins and ends."""
    found = []
    while start < stop:
        _, end = content(data, start, stop, data[start])
        found.append((start, end))
        start = end
    return found
