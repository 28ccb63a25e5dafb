"""Whether a time stamp's signer had been revoked when it signed: the authority's list of revoked certificates (CRL).

Kept beside a stamp where somebody gave one, or asked for it to be fetched. Only the list of the signer's own issuer is
looked at, and only one that was current at the moment that the stamp states, as `openssl ts -verify -crl_check` does.
"""

from __future__ import annotations

import re
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from audit.base.errors import BadEvidence
from audit.base.messages import Value
from audit.evidence.timestamps import NoAnswer, Token, ask

MOST_BYTES = 8 << 20
MOST_ADDRESSES = 4
"""Of those that a certificate names, how many are tried."""
_PEM = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)


def choose_list(token: Token, data: bytes) -> bytes:
    """Of the lists in a file, PEM or DER, the one that tells of a token's signer; as PEM.

    Raises:
        BadEvidence: `crl-unusable`, `crl-revoked`; of several lists, what the last one lacks.
    """
    parts = _PEM.findall(data) or [data]
    refused: BadEvidence | None = None
    for part in parts:
        try:
            found = x509.load_pem_x509_crl(part) if part.startswith(b"-----") else x509.load_der_x509_crl(part)
            made = found.public_bytes(Encoding.PEM)
            check_list(token, made)
        except ValueError:
            refused = refused or BadEvidence("crl-unusable")
        except BadEvidence as error:
            refused = error
            if error.slug == "crl-revoked":
                break
        else:
            return made
    assert refused is not None
    raise refused


def check_list(token: Token, data: bytes) -> datetime:
    """When a list was issued that shows that a token's signer had not been revoked.

    Args:
        data: PEM, as `choose_list` writes it.

    Raises:
        BadEvidence: `crl-unusable`, `crl-revoked`.
    """
    leaf, issuer = token.path[0], token.path[min(1, len(token.path) - 1)]
    try:
        found = x509.load_pem_x509_crl(data)
        if found.public_bytes(Encoding.PEM) != data:
            raise BadEvidence("crl-unusable")
        ours = found.issuer == leaf.issuer and _signs_lists(issuer) and _is_whole(found)
        if not ours or not found.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
            raise BadEvidence("crl-unusable.other", authority=token.authority)
        since, until = found.last_update_utc, found.next_update_utc
        moment = token.time.replace(microsecond=0)
        if moment < since or (until is not None and moment > until):
            raise BadEvidence(
                "crl-unusable.time",
                since=_day(since),
                until=_day(until) if until else "-",
                time=_day(moment),
            )
        if found.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None:
            raise BadEvidence("crl-revoked", authority=token.authority)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadEvidence("crl-unusable") from error
    return since


def fetch_list(token: Token) -> bytes:
    """The list that the signer's certificate says where to find. Called only when it is asked for.

    Raises:
        BadEvidence: `crl-unusable.nowhere`, `crl-unusable.unanswered`, `crl-unusable.answer`: of several addresses,
            what is wrong with the last.
    """
    try:
        points = token.path[0].extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        points = x509.CRLDistributionPoints([])
    names = [name.value for point in points for name in point.full_name or []]
    urls = [str(name) for name in names if str(name).startswith(("http://", "https://"))][:MOST_ADDRESSES]
    refused = BadEvidence("crl-unusable.nowhere", authority=token.authority)
    for url in urls:
        try:
            return ask(url, limit=MOST_BYTES)
        except NoAnswer as error:
            slug = "crl-unusable.answer" if error.too_large else "crl-unusable.unanswered"
            values: dict[str, Value] = {"mib": MOST_BYTES >> 20} if error.too_large else {"why": error.why}
            refused = BadEvidence(slug, address=url, **values)
    raise refused


def _signs_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _is_whole(found: x509.CertificateRevocationList) -> bool:
    """Whether a list tells of all certificates of its issuer, by its own words."""
    for extension in found.extensions:
        value = extension.value
        if isinstance(value, x509.IssuingDistributionPoint):
            if value.only_contains_ca_certs or value.indirect_crl or value.only_some_reasons:
                return False
        elif extension.critical:
            return False
    return True


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
