"""The other way in: from the network, by a password.

Only where the user asked for it and knows that HTTP is not encrypted. The password is kept as a hash that is slow to
try, in memory alone; wrong ones are counted, for each address that asks and in all.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import ipaddress
import secrets
import threading
import time
import unicodedata
from dataclasses import dataclass

from audit.base.errors import BadInput

LEAST, MOST = 12, 1024
"""Characters of a password."""
WITHIN = 900.0
"""Seconds for which a wrong password counts."""
MOST_EACH, MOST_IN_ALL = 5, 50
"""Wrong passwords of one address, and of all, after which none is looked at."""
WORK, BLOCK, MEMORY = 1 << 15, 8, 1 << 26
"""Of scrypt: one hash takes a tenth of a second and 32 MB, within the bytes that it may take."""
HERE = "127.0.0.1"


class Password:
    """What lets in from the network.

    Raises:
        BadInput: `ui-password-length`.
    """

    def __init__(self, text: str) -> None:
        if not LEAST <= len(text) <= MOST:
            raise BadInput("ui-password-length", found=len(text), least=LEAST, most=MOST)
        self._counts, self._hashes = threading.Lock(), threading.Lock()
        self._wrong: list[tuple[float, str]] = []
        self._salt = secrets.token_bytes(16)
        self._kept = self._hashed(text)

    def opens(self, given: str, *, asker: str, now: float | None = None) -> bool | None:
        """Whether it is the password; None where too many were wrong of late, and this one is not looked at.

        Args:
            asker: the address that it came from.
        """
        now = time.monotonic() if now is None else now
        tried = (now, _network(asker))
        with self._counts:
            self._wrong = [(at, who) for at, who in self._wrong if now - at < WITHIN]
            if len(self._wrong) >= MOST_IN_ALL or sum(who == tried[1] for _, who in self._wrong) >= MOST_EACH:
                return None
            # It counts as wrong until it is known, so that many at once are no way around.
            self._wrong.append(tried)
        with self._hashes:
            right = len(given) <= MOST and hmac.compare_digest(self._hashed(given), self._kept)
        if right:
            with self._counts:
                self._wrong.remove(tried)
        return right

    def _hashed(self, text: str) -> bytes:
        # The same letters, however a keyboard composes them.
        data = unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape")
        return hashlib.scrypt(data, salt=self._salt, n=WORK, r=BLOCK, p=1, maxmem=MEMORY)


@dataclass(frozen=True)
class FarDoor:
    """An address besides this machine's own, and what opens it.

    Attributes:
        address: IPv4 or IPv6, of this machine.
    """

    address: str
    password: Password

    @property
    def name(self) -> str:
        """As it stands in a URL."""
        return f"[{self.address}]" if ":" in self.address else self.address


def far_address(text: str) -> str:
    """The address to listen on, as the system writes it; '' for this machine's own.

    Raises:
        BadInput: `ui-host`, it is no single address. A name would do for a site that points its own name here.
    """
    if text in (HERE, "localhost"):
        return ""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise BadInput("ui-host", address=text) from None
    scoped = isinstance(found, ipaddress.IPv6Address) and (found.scope_id or found.ipv4_mapped)
    if found.is_unspecified or found.is_multicast or scoped:
        raise BadInput("ui-host", address=text)
    return str(found)


def not_bound(error: Exception, *, address: str, port: int) -> BadInput:
    """Why the system refused to listen."""
    if isinstance(error, OSError) and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return BadInput("ui-host", address=address)
    return BadInput("ui-port", port=port)


def _network(asker: str) -> str:
    """Who counts as one: an address, or the part of an IPv6 address that one household has."""
    try:
        found = ipaddress.ip_address(asker)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
