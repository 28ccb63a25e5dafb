"""Ed25519 signatures (RFC 8032) over a file's bytes, in forms that OpenSSL reads."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from audit.base.errors import BadEvidence
from audit.base.files import user_folder
from audit.base.private import Exposed, make_private, private_file, read_private
from audit.store import storage_errors

MOST_BYTES = 1 << 20
EXPOSED = {
    "readable": "key-exposed",
    "writable": "key-exposed.writable",
    "foreign": "key-exposed.foreign",
    "link": "key-exposed.link",
}
"""What may be wrong with a key file, and what to say of it."""


def default_key() -> Path:
    """Where the user's signing key lies: $CLOAKCHECK_KEY, else the user's configuration folder."""
    if "CLOAKCHECK_KEY" in os.environ:
        return Path(os.environ["CLOAKCHECK_KEY"])
    return user_folder("XDG_CONFIG_HOME", ".config") / "cloakcheck" / "signing-key.pem"


def open_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a PKCS #8 PEM file; a new one, readable by its owner only, when there is no file.

    Raises:
        BadEvidence: `key-unusable`, when the file holds no unencrypted Ed25519 key; `key-exposed`, when it is a link,
            another user's, or others may read or write it.
        StorageError: a new key cannot be written.
    """
    if not path.exists() and not path.is_symlink():
        key = Ed25519PrivateKey.generate()
        with storage_errors(path.parent):
            make_private(path.parent)
            data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            with os.fdopen(private_file(path), "wb") as handle:
                handle.write(data)
        return key
    try:
        loaded = load_pem_private_key(read_private(path, limit=MOST_BYTES), password=None)
    except Exposed as error:
        raise BadEvidence(EXPOSED[error.how], file=path.name) from error
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        loaded = None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise BadEvidence("key-unusable", file=path.name)
    return loaded


def public_pem(key: Ed25519PrivateKey | Ed25519PublicKey) -> bytes:
    """The public key as SubjectPublicKeyInfo PEM: one text per key."""
    public = key if isinstance(key, Ed25519PublicKey) else key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signature_holds(data: bytes, *, signature: bytes, public: bytes) -> bool:
    """Whether a signature over some bytes is by the key in a PEM file that holds nothing else."""
    try:
        key = load_pem_public_key(public)
        if not isinstance(key, Ed25519PublicKey) or public_pem(key) != public:
            return False
        key.verify(signature, data)
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True
