"""RFC 3161 time: a request file from any file, a reply checked against it, and fetching only when asked.

A request holds a SHA-256 and nothing else, so nothing about the works leaves the machine. It carries no
nonce: it is then the same for everyone who makes it from the file, and a reply about these bytes cannot be
older than the bytes themselves.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from audit.base.errors import BadEvidence
from audit.base.text import printable
from audit.evidence.der import with_sorted_certificates
from audit.store import write_atomic

NOT_ATTESTED = "time not independently attested"
MOST_BYTES = 1 << 20
"""Replies and certificate chains are a few kB."""
WAIT_SECONDS = 30


@dataclass(frozen=True)
class Token:
    """A reply that verified.

    Attributes:
        time: what the authority attests, UTC.
        authority: subject of the certificate that signed.
        root: SHA-256 hex of the root certificate that was trusted for it, to compare with the authority's own.
    """

    time: datetime
    authority: str
    root: str


def request_bytes(data: bytes) -> bytes:
    """The .tsq (DER TimeStampReq, SHA-256, certificate wanted, no nonce) for some bytes."""
    builder = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=False).cert_request(cert_request=True).build().as_bytes()


def write_request(path: Path) -> Path:
    """Write `<stem>.tsq` beside a file, once; returns its path.

    Raises:
        StorageError: the folder cannot be written.
    """
    beside = path.with_suffix(".tsq")
    if not beside.exists():
        write_atomic(beside, request_bytes(path.read_bytes()))
    return beside


def check_token(data: bytes, *, reply: bytes, chain: bytes) -> Token:
    """Verify a .tsr over some bytes.

    Args:
        data: what was stamped.
        reply: DER TimeStampResp.
        chain: PEM certificates; the self-signed ones are the roots that are trusted.

    Raises:
        BadEvidence: `token-unreadable`, `token-chain`, `token-wrong`.
    """
    try:
        token = decode_timestamp_response(with_sorted_certificates(reply))
        info = token.tst_info
    except Exception as error:  # whatever the parser trips over is the file's fault
        raise BadEvidence("token-unreadable", why=str(error)) from error
    roots, others = _certificates(chain)
    builder = VerifierBuilder(roots=roots, intermediates=others)
    try:
        builder.build().verify(token, hashlib.sha256(data).digest())
    except (VerificationError, ValueError) as error:
        raise BadEvidence("token-wrong", why=str(error)) from error
    signer = next(iter(token.signed_data.signer_infos))
    names = [x509.load_der_x509_certificate(c) for c in token.signed_data.certificates]
    subject = next((c.subject for c in [*names, *others] if c.serial_number == signer.serial_number), signer.issuer)
    return Token(
        time=info.gen_time.astimezone(UTC),
        authority=printable(subject.rfc4514_string()),
        root=", ".join(c.fingerprint(hashes.SHA256()).hex() for c in roots),
    )


def _certificates(chain: bytes) -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    """Self-signed certificates, and all others."""
    try:
        found = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise _bad_chain() from error
    roots = [c for c in found if c.subject == c.issuer]
    if not roots:
        raise _bad_chain()
    return roots, [c for c in found if c.subject != c.issuer]


def _bad_chain() -> BadEvidence:
    return BadEvidence("token-chain")


def fetch_reply(request: bytes, *, url: str) -> bytes:
    """Ask an authority for a reply. Called only when a URL is given.

    Raises:
        BadEvidence: `tsa-unreachable`.
    """
    if not url.startswith(("http://", "https://")):
        raise BadEvidence("tsa-unreachable.address", address=url)
    asked = urllib.request.Request(url, data=request, headers={"Content-Type": "application/timestamp-query"})
    try:
        with urllib.request.urlopen(asked, timeout=WAIT_SECONDS) as answer:
            reply: bytes = answer.read(MOST_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise BadEvidence("tsa-unreachable", address=url, why=str(error)) from error
    if len(reply) > MOST_BYTES:
        raise BadEvidence("tsa-unreachable.answer", address=url)
    return reply
