"""C2PA manifests in the generated pictures of a bundle, signed with the bundle's key; an extra, wholly offline.

The C2PA specification (2.1, section 14) wants a certificate for the key. A root made for this one bundle issues it
and its private half is thrown away, so the chain leads to signer.pub and to nobody else: readers call such a manifest
valid and its signer untrusted, which is true until they compare the fingerprint.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from audit import __version__
from audit.base.errors import BadInput
from audit.evidence.bag import digest
from audit.evidence.signing import public_pem
from audit.images.ai_mark import CAPTION, SOURCE_TYPE

ROOT = "c2pa-root.pem"
"""File in the payload: the root that a reader may trust once signer.pub was compared."""
ROOT_NAME = "root of one bundle"
YEARS = 10
# Nothing is fetched, ever: neither remote manifests nor lists of revoked certificates.
SETTINGS: dict[str, Any] = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
}


@dataclass(frozen=True)
class Credential:
    """What a reader finds in a picture.

    Attributes:
        state: `Valid`: whole, by an unknown signer; `Trusted`: by a root that was named; `Invalid`.
        source_type: IPTC digital source type of the action that made the picture.
        signer: SHA-256 hex of the signing key, as the certificate's name says it.
    """

    state: str
    source_type: str
    signer: str


def load() -> Any:
    """The c2pa package.

    Raises:
        BadInput: `c2pa-missing`, when the extra is not installed.
    """
    try:
        import c2pa
    except ImportError as error:
        raise BadInput("c2pa-missing") from error
    return c2pa


def sign_pictures(pictures: Iterable[Path], *, key: Ed25519PrivateKey, model: str) -> bytes:
    """Put a signed manifest into each PNG; pixels and XMP mark stay as they are.

    Args:
        pictures: generated pictures, rewritten in place.
        model: name of the base model, for the manifest.

    Returns:
        The root certificate, PEM.

    Raises:
        BadInput: `c2pa-missing`.
    """
    c2pa = load()
    root, leaf = _certificates(key.public_key(), datetime.now(UTC))
    with (
        c2pa.Signer.from_callback(key.sign, c2pa.C2paSigningAlg.ED25519, leaf.decode("ascii"), None) as signer,
        c2pa.Context.from_dict(SETTINGS) as context,
    ):
        for path in pictures:
            signed = io.BytesIO()
            with c2pa.Builder(_manifest(path.name, model), context) as builder:
                builder.sign(signer, "image/png", io.BytesIO(path.read_bytes()), signed)
            path.write_bytes(signed.getvalue())
    return root


def read_credential(data: bytes, *, root: bytes | None = None) -> Credential | None:
    """The manifest of a PNG, None without one.

    Args:
        root: PEM of a root to trust.
    """
    c2pa = load()
    settings = SETTINGS if root is None else SETTINGS | {"trust": {"user_anchors": root.decode("ascii")}}
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader("image/png", io.BytesIO(data), context=context) as found,
        ):
            state, manifest = found.get_validation_state(), found.get_active_manifest()
    except c2pa.C2paError.ManifestNotFound:
        return None
    actions = [
        action
        for a in manifest["assertions"]
        if a["label"].startswith("c2pa.actions")
        for action in a["data"]["actions"]
    ]
    source = next((a["digitalSourceType"] for a in actions if a["action"] == "c2pa.created"), "")
    return Credential(state, source, manifest["signature_info"].get("common_name", ""))


def is_root(data: bytes) -> bool:
    """Whether a file is one certificate such as `sign_pictures` makes, and nothing beside it."""
    try:
        found = x509.load_pem_x509_certificate(data)
        return found.public_bytes(Encoding.PEM) == data and found.subject == found.issuer == _name(ROOT_NAME)
    except ValueError:
        return False


def _manifest(name: str, model: str) -> str:
    action = {
        "action": "c2pa.created",
        "digitalSourceType": SOURCE_TYPE,
        "description": CAPTION,
        "softwareAgent": {"name": "CloakCheck", "version": __version__},
        "parameters": {"com.cloakcheck.base_model": model},
    }
    return json.dumps(
        {
            "claim_generator_info": [{"name": "CloakCheck", "version": __version__}],
            "title": name,
            "format": "image/png",
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
        }
    )


def _certificates(public: Ed25519PublicKey, now: datetime) -> tuple[bytes, bytes]:
    """PEM of a root whose key nobody keeps, and of the certificate that it issues for `public`."""
    issuer = Ed25519PrivateKey.generate()
    root_name, leaf_name = _name(ROOT_NAME), _name(digest(public_pem(public)))
    root = _certificate(root_name, root_name, issuer.public_key(), issuer, now=now, root=True)
    leaf = _certificate(leaf_name, root_name, public, issuer, now=now, root=False)
    return root, leaf


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CloakCheck bundle, self-issued"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public: Ed25519PublicKey,
    key: Ed25519PrivateKey,
    *,
    now: datetime,
    root: bool,
) -> bytes:
    usage = x509.KeyUsage(
        digital_signature=not root,
        key_cert_sign=root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    if not root:
        # Of the purposes that C2PA allows, the one that readers know without a list of their own.
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(key, None).public_bytes(Encoding.PEM)
