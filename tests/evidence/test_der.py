"""Time-stamp replies whose certificates stand in any order, as authorities send them."""

from __future__ import annotations

import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from audit.base.errors import BadEvidence
from audit.evidence.der import with_sorted_certificates
from audit.evidence.timestamps import check_token, request_bytes
from tests.evidence.authority import make_authority

DATA = b"what was stamped"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture(scope="module")
def both_orders(authority):
    """One reply with leaf and root in it, in each order."""
    reply = authority.reply(request_bytes(DATA), "-chain", "root.pem")
    leaf, root = (
        load_pem_x509_certificate((authority.folder / f"{who}.pem").read_bytes()).public_bytes(Encoding.DER)
        for who in ("leaf", "root")
    )
    found = [order for order in (leaf + root, root + leaf) if order in reply]
    assert len(found) == 1
    return [reply.replace(found[0], order) for order in (leaf + root, root + leaf)]


def test_any_order_of_certificates_is_read(authority, both_orders, tmp_path):
    chain = authority.chain.read_bytes()
    tokens = [check_token(DATA, reply=reply, chain=chain) for reply in both_orders]
    assert tokens[0] == tokens[1]
    (tmp_path / "data").write_bytes(DATA)
    for reply in both_orders:
        (tmp_path / "r.tsr").write_bytes(reply)
        words = ["openssl", "ts", "-verify", "-data", "data", "-in", "r.tsr", "-CAfile", str(authority.chain)]
        assert subprocess.run(words, cwd=tmp_path, check=False, capture_output=True).returncode == 0


def test_sorting_touches_nothing_else(both_orders):
    ordered = {with_sorted_certificates(reply) for reply in both_orders}
    assert len(ordered) == 1
    (made,) = ordered
    assert with_sorted_certificates(made) == made
    assert made in both_orders


@given(st.data())
def test_a_changed_reply_is_still_refused(authority, both_orders, data):
    reply = bytearray(both_orders[0])
    at = data.draw(st.integers(0, len(reply) - 1))
    reply[at] ^= data.draw(st.integers(1, 255))
    try:
        token = check_token(DATA, reply=bytes(reply), chain=authority.chain.read_bytes())
    except BadEvidence:
        return
    # Some bytes carry nothing that is attested, as in a copy of the root that nobody asks for.
    assert token.time == check_token(DATA, reply=both_orders[0], chain=authority.chain.read_bytes()).time


@given(st.binary(max_size=200))
def test_any_bytes_keep_their_length(data):
    assert len(with_sorted_certificates(data)) == len(data)


def test_only_the_root_that_signed_is_named(tmp_path, authority):
    """A genuine root appended to one's own chain lends nothing to the stamp; an empty chain is none."""
    other = make_authority(tmp_path / "other", "Genuine TSA")
    reply = authority.reply(request_bytes(DATA))
    own = authority.chain.read_bytes()
    alone = check_token(DATA, reply=reply, chain=own).root
    assert check_token(DATA, reply=reply, chain=own + other.chain.read_bytes()).root == alone
    with pytest.raises(BadEvidence, match="signed by itself"):
        check_token(DATA, reply=reply, chain=b"")
