"""RFC 3161 time: a request file from any file, a reply checked against it, and fetching only when asked.

A request holds a SHA-256 and nothing else, so nothing about the works leaves the machine. It carries no
nonce: it is then the same for everyone who makes it from the file, and a reply about these bytes cannot be
older than the bytes themselves.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import queue
import re
import threading
import urllib.error
import urllib.request
import warnings
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
from audit.base.messages import Said, render, say
from audit.base.text import printable
from audit.evidence import paths
from audit.evidence.der import with_sorted_certificates
from audit.evidence.replies import as_granted, named_certificates, read_answer, signed_content
from audit.store import write_atomic

MOST_BYTES = 1 << 20
"""Replies and certificate chains are a few kB."""
WAIT_SECONDS = 30
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
IMPRINTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""Digests that a stamp may be over; others can be forged, or soon."""


@dataclass(frozen=True)
class Token:
    """A reply that verified.

    Attributes:
        time: what the authority attests, UTC.
        authority: subject of the certificate that signed.
        root: SHA-256 hex of the root certificate that it leads to, to compare with the authority's own.
        path: the certificates from the signer's to the root's.
        content: DER of the TSTInfo that the authority signed.
    """

    time: datetime
    authority: str
    root: str
    path: paths.Path
    content: bytes

    @property
    def until(self) -> datetime:
        """When the first of its certificates ends: a renewal must be older than that."""
        return paths.good_until(self.path)

    @property
    def chain(self) -> bytes:
        """What is kept beside the reply: PEM of the one way to its root, root first."""
        return paths.pem(self.path)


def request_bytes(data: bytes, *, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
    """The .tsq (DER TimeStampReq, certificate wanted, no nonce) for some bytes."""
    builder = TimestampRequestBuilder().data(data).hash_algorithm(algorithm)
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


def check_token(data: bytes, *, reply: bytes, chain: bytes, at: datetime | None = None) -> Token:
    """Verify a .tsr over some bytes, as `openssl ts -verify -attime` does.

    Args:
        data: what was stamped.
        reply: DER TimeStampResp.
        chain: PEM certificates; the self-signed ones are the roots that are trusted.
        at: when its certificates must have been valid, beside the moment that it states: that of the next renewal.

    Raises:
        BadEvidence: `token-unreadable`, `token-refused`, `token-chain`, `token-wrong`.
    """
    try:
        answer = read_answer(reply)
    except (ValueError, IndexError) as error:
        raise BadEvidence("token-unreadable", why=str(error)) from error
    if not answer.granted:
        reasons = [say(f"token-reason.{reason}") for reason in answer.reasons] or [say("token-reason.none")]
        raise BadEvidence("token-refused", reasons=reasons, words=printable(answer.words) or "-")
    try:
        token = decode_timestamp_response(with_sorted_certificates(as_granted(reply)))
        info, signed = token.tst_info, token.signed_data
        named, content = named_certificates(reply), signed_content(reply)
        (signer,) = signed.signer_infos
        held = [c for c in map(x509.load_der_x509_certificate, sorted(signed.certificates)) if paths.is_readable(c)]
        signers = [c for c in held if (c.issuer, c.serial_number) == (signer.issuer, signer.serial_number)]
    except Exception as error:  # whatever the parser trips over is the file's fault
        raise BadEvidence("token-unreadable", why=str(error)) from error
    roots, others = _certificates(chain)
    imprint = info.message_imprint
    algorithm = IMPRINTS.get(imprint.hash_algorithm.dotted_string)
    if algorithm is None:
        raise BadEvidence("token-wrong.weak", digest=imprint.hash_algorithm.dotted_string)
    digest = hashlib.new(algorithm, data).digest()
    if imprint.message != digest:
        raise BadEvidence("token-wrong.bytes")
    if len(signers) != 1:
        raise BadEvidence("token-wrong.no-signer")
    (leaf,) = signers
    if not paths.may_stamp(leaf):
        raise BadEvidence("token-wrong.purpose")
    time = info.gen_time.astimezone(UTC)
    ways = list(paths.paths(leaf, roots=roots, others=[*others, *held]))
    if not ways:
        raise BadEvidence("token-wrong.path")
    known = [way for way in ways if paths.names_path(way, named)]
    if not known:
        raise BadEvidence("token-wrong.named")
    living = [way for way in known if paths.was_valid(way, time)]
    if not living:
        raise BadEvidence("token-wrong.ended", time=f"{time:%Y-%m-%d %H:%M:%S} UTC")
    if at is not None:
        living = [way for way in living if paths.was_valid(way, at)]
        if not living:
            until = paths.good_until(known[0])
            raise BadEvidence("token-wrong.renewed-late", until=f"{until:%Y-%m-%d}", time=f"{at:%Y-%m-%d}")
    # Each root alone: one that merely lies in the chain must not lend its name to another's stamp.
    refused: Exception | None = None
    for way in living:
        try:
            VerifierBuilder(roots=[way[-1]], intermediates=list(way[1:-1])).build().verify(token, digest)
        except (VerificationError, ValueError) as error:
            refused = error
        else:
            return Token(
                time=time,
                authority=printable(leaf.subject.rfc4514_string()),
                root=way[-1].fingerprint(hashes.SHA256()).hex(),
                path=way,
                content=content,
            )
    raise BadEvidence("token-wrong", why=str(refused)) from refused


def _certificates(chain: bytes) -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    """Self-signed certificates, and all others; of a system's pile of roots, those that can be read."""
    found = []
    for part in _PEM.findall(chain):
        # Piles of old roots hold a few that the library warns of or refuses.
        with warnings.catch_warnings(), contextlib.suppress(ValueError):
            warnings.simplefilter("ignore")
            certificate = x509.load_pem_x509_certificate(part)
            if paths.is_readable(certificate):
                found.append(certificate)
    roots = [c for c in found if paths.is_root(c)]
    if not roots:
        raise BadEvidence("token-chain")
    return roots, [c for c in found if not paths.is_root(c)]


class NoAnswer(Exception):
    """An address did not answer as asked; `too_large` where it answered with more than was asked for."""

    def __init__(self, why: str | Said, *, too_large: bool = False) -> None:
        super().__init__(why if isinstance(why, str) else render(why))
        self.why, self.too_large = why, too_large


def fetch_reply(request: bytes, *, url: str) -> bytes:
    """Ask an authority for a reply. Called only when a URL is given.

    Raises:
        BadEvidence: `tsa-unreachable`.
    """
    if not url.startswith(("http://", "https://")):
        raise BadEvidence("tsa-unreachable.address", address=url)
    try:
        return ask(url, request, limit=MOST_BYTES)
    except NoAnswer as error:
        if error.too_large:
            raise BadEvidence("tsa-unreachable.answer", address=url, mib=MOST_BYTES >> 20) from error
        raise BadEvidence("tsa-unreachable", address=url, why=error.why) from error


def ask(url: str, request: bytes | None = None, *, limit: int) -> bytes:
    """What an http or https address answers: to a time-stamp request, or, without one, with a file.

    Args:
        limit: bytes of the answer.

    Raises:
        NoAnswer: within `WAIT_SECONDS` in all, however slowly it sends.
    """
    headers = {"Content-Type": "application/timestamp-query"} if request is not None else {}
    found: queue.SimpleQueue[bytes | NoAnswer] = queue.SimpleQueue()
    slow = say("no-answer.slow", seconds=WAIT_SECONDS)

    def fetch() -> None:
        try:
            asked = urllib.request.Request(url, data=request, headers=headers)
            with _opener().open(asked, timeout=WAIT_SECONDS) as answer:
                found.put(answer.read(limit + 1))
        except (OSError, ValueError, http.client.HTTPException) as error:
            # The connection's limit and the whole one may end in either order.
            late = isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)
            found.put(NoAnswer(slow if late else str(error)))

    # A time limit of a connection starts anew with every byte; only a thread can be left waiting as a whole.
    threading.Thread(target=fetch, daemon=True).start()
    try:
        answer = found.get(timeout=WAIT_SECONDS)
    except queue.Empty:
        raise NoAnswer(slow) from None
    if isinstance(answer, NoAnswer):
        raise answer
    if len(answer) > limit:
        raise NoAnswer("too large", too_large=True)
    return answer


def _opener() -> urllib.request.OpenerDirector:
    """Speaks http and https only: an address of another kind, or one that leads to such, is refused."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
