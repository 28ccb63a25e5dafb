"""A stamp renewed before its certificates end: another stamp over the bundle, the stamps before it and their chains.

After RFC 4998, where a list of digests with SHA-512 stands for the hash tree: `renewal-N.sha512` lists every file of
the bundle but SHA256SUMS, earlier stamps included, so that it outlives a break of SHA-256. Each stamp must have been
good at the moment of the next one; nothing is asked of a certificate after that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rfc3161_client import HashAlgorithm

from audit.base.errors import BadEvidence
from audit.evidence import bag, layout
from audit.evidence.timestamps import MOST_BYTES, Token, check_token, request_bytes

MOST = 9
_NAME = re.compile(r"renewal-([1-9])(\.sha512|\.tsq|\.tsr|\.pem|-crl\.pem)")


@dataclass(frozen=True)
class Files:
    """Names of one renewal's files, beside the bag."""

    covered: str
    request: str
    reply: str
    chain: str
    revoked: str


def files_of(number: int) -> Files:
    return Files(*(f"renewal-{number}{end}" for end in (".sha512", ".tsq", ".tsr", ".pem", "-crl.pem")))


def belongs(name: str) -> bool:
    """Whether a file belongs to a renewal, whatever else is there."""
    return _NAME.fullmatch(name) is not None


def numbers(names: Iterable[str]) -> list[int]:
    """Numbers of the renewals of which a file lies there."""
    return sorted({int(found[1]) for name in names if (found := _NAME.fullmatch(name))})


def covered_text(folder: Path, number: int) -> bytes:
    """What the renewal of that number is over: lines of `sha512sum` for all that was there before it."""
    lines = []
    for name in bag.list_files(folder):
        found = _NAME.fullmatch(name)
        if name == layout.SUMS or (found and int(found[1]) >= number):
            continue
        with (folder / name).open("rb") as file:
            lines.append((f"./{name}", hashlib.file_digest(file, "sha512").hexdigest()))
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(lines)).encode("ascii")


def request_of(text: bytes) -> bytes:
    """The request for a renewal's stamp, which is over SHA-512."""
    return request_bytes(text, algorithm=HashAlgorithm.SHA512)


def must_follow(folder: Path, token: Token) -> None:
    """See that the last stamp of a bundle was good when the new one was made.

    Raises:
        BadEvidence: `token-wrong.renewed-late`, `renewal-older`; those of a last stamp that does not verify.
    """
    found = numbers(bag.list_files(folder))
    last = files_of(found[-1]) if found else None
    stamped, reply, chain = (
        (last.covered, last.reply, last.chain) if last else (f"bag/{bag.TAGS}", layout.REPLY, layout.CHAIN)
    )
    before = check_token(
        bag.read_text(folder / stamped),
        reply=bag.read_text(folder / reply, limit=MOST_BYTES),
        chain=bag.read_text(folder / chain, limit=MOST_BYTES),
        at=token.time,
    )
    if token.time < before.time:
        raise BadEvidence("renewal-older", time=f"{token.time:%Y-%m-%d %H:%M:%S} UTC")
