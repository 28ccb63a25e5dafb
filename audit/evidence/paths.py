"""Which certificates lead from a time stamp's signer to a root, by the rules that `openssl ts -verify` goes by.

The library looks whether there is a way; which one it took it does not say. A bundle keeps one way and nothing beside
it, so that OpenSSL has no other to go, and so that no root lies there that the stamp does not lead to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from audit.evidence.replies import Named

LONGEST = 8
MOST_STEPS = 2000
"""Signatures looked at before a pile of certificates counts as leading nowhere."""
Path = tuple[x509.Certificate, ...]
"""Certificates from the signer's to a root's."""


def is_readable(certificate: x509.Certificate) -> bool:
    """Whether every part that is looked at here can be read; the library reads each when it is asked for."""
    try:
        c = certificate
        return bool((c.subject, c.issuer, c.not_valid_before_utc, c.not_valid_after_utc, c.serial_number, c.extensions))
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False


def is_root(certificate: x509.Certificate) -> bool:
    return _plain(certificate.subject) == _plain(certificate.issuer)


def _plain(name: x509.Name) -> tuple[tuple[tuple[str, str], ...], ...]:
    """A name as RFC 5280 compares it: authorities write one name in several kinds of strings."""
    rows = (((a.oid.dotted_string, " ".join(str(a.value).split()).casefold()) for a in rdn) for rdn in name.rdns)
    return tuple(tuple(sorted(row)) for row in rows)


def paths(
    leaf: x509.Certificate, *, roots: Sequence[x509.Certificate], others: Iterable[x509.Certificate]
) -> Iterator[Path]:
    """Every way from a certificate to a root that is trusted, each step signed by the next; shorter ones first."""
    by_name: dict[object, list[x509.Certificate]] = {}
    for certificate in dict.fromkeys((*roots, *(c for c in others if not is_root(c)))):
        by_name.setdefault(_plain(certificate.subject), []).append(certificate)
    steps = 0
    ways: list[Path] = [(leaf,)]
    while ways:
        way = ways.pop(0)
        if is_root(way[-1]):
            if way[-1] in roots:
                yield way
            continue
        for issuer in by_name.get(_plain(way[-1].issuer), []):
            steps += 1
            if steps > MOST_STEPS:
                return
            if len(way) < LONGEST and issuer not in way and _signed(way[-1], issuer):
                ways.append((*way, issuer))


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    signature, text = certificate.signature, certificate.tbs_certificate_bytes
    try:
        # A key that is none is told when it is asked for, not when the certificate is read.
        key, how = issuer.public_key(), certificate.signature_algorithm_parameters
        if isinstance(key, rsa.RSAPublicKey) and isinstance(how, padding.PKCS1v15 | padding.PSS):
            assert certificate.signature_hash_algorithm is not None
            key.verify(signature, text, how, certificate.signature_hash_algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA):
            key.verify(signature, text, how)
        else:
            certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, AssertionError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def good_until(path: Path) -> datetime:
    """When the first certificate of a path ends."""
    return min(c.not_valid_after_utc for c in path)


def was_valid(path: Path, time: datetime) -> bool:
    """Whether no certificate of a path had ended, or not begun, at some time; to the second."""
    time = time.replace(microsecond=0)
    return all(c.not_valid_before_utc <= time <= c.not_valid_after_utc for c in path)


def may_stamp(leaf: x509.Certificate) -> bool:
    """Whether a certificate is for time stamps and nothing else (RFC 3161, 2.3)."""
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        if not purposes.critical or set(purposes.value) != {ExtendedKeyUsageOID.TIME_STAMPING}:
            return False
        usage = leaf.extensions.get_extension_for_oid(ExtensionOID.KEY_USAGE).value
    except x509.ExtensionNotFound as error:
        return error.oid == ExtensionOID.KEY_USAGE
    except ValueError:
        return False
    assert isinstance(usage, x509.KeyUsage)
    others = (usage.key_encipherment, usage.data_encipherment, usage.key_agreement, usage.key_cert_sign, usage.crl_sign)
    return (usage.digital_signature or usage.content_commitment) and not any(others)


def is_named(certificate: x509.Certificate, named: Named) -> bool:
    """Whether a token's fingerprint is that of a certificate."""
    data = certificate.public_bytes(Encoding.DER)
    if not named.algorithm or hashlib.new(named.algorithm, data, usedforsecurity=False).digest() != named.digest:
        return False
    if named.serial is None:
        return True
    return named.serial == certificate.serial_number and named.issuer == certificate.issuer.public_bytes()


def names_path(path: Path, rows: Sequence[Sequence[Named]]) -> bool:
    """Whether fingerprints name the signer first, and then only certificates above it on its path."""
    return bool(rows) and all(
        bool(row) and is_named(path[0], row[0]) and all(any(is_named(c, named) for c in path[1:]) for named in row[1:])
        for row in rows
    )


def pem(path: Path) -> bytes:
    """The certificates that a verifier needs beside the token, as PEM: the root first, the signer's own left out."""
    return b"".join(c.public_bytes(Encoding.PEM) for c in reversed(path[1:] or path))
