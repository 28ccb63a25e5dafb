"""Time stamps as real authorities make them: accepted, or refused with the reason, and by both routes alike."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificate
from rfc3161_client import HashAlgorithm

from audit.base.errors import BadEvidence
from audit.evidence.revocation import choose_list
from audit.evidence.timestamps import check_token, request_bytes
from tests.evidence.hierarchy import ROOT, STAMPS, Hierarchy, by_hand

DATA = b"what was stamped\n"
NOW = datetime.now(UTC)
PILE = Path("/etc/ssl/certs/ca-certificates.crt")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two roots, the one cross-signed by the other; an authority below; signers of several kinds."""
    h = Hierarchy(tmp_path_factory.mktemp("hierarchy") / "h")
    h.certificate("old-root")
    h.certificate("root")
    h.certificate("root-by-old", by="old-root", of="root", says=ROOT)
    h.certificate("between", by="root", says=ROOT)
    h.certificate("signer", by="between")
    h.certificate("ended", by="between", years=(2010, 2012))
    h.certificate("of-mail", by="between", says=STAMPS.replace("timeStamping", "timeStamping,emailProtection"))
    h.certificate("not-critical", by="between", says=STAMPS.replace("critical,timeStamping", "timeStamping"))
    h.certificate("stranger")
    h.run("genrsa", "-out", "with-rsa.key", "2048")
    h.certificate("with-rsa", by="between")
    return h


def ours(h: Hierarchy, reply: bytes, chain: bytes, data: bytes = DATA) -> str:
    """'' for a reply that both take, else the id of our refusal, which the other shares."""
    refused = ""
    try:
        chain = check_token(data, reply=reply, chain=chain).chain
    except BadEvidence as error:
        refused = error.said.id
    assert by_hand(h.folder / "hand", data, reply=reply, chain=chain) == (refused == ""), refused
    return refused


def fingerprint(certificate: bytes) -> str:
    return load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex()


@pytest.mark.parametrize("imprint", ["sha256", "sha384", "sha512"])
def test_imprints_that_hold_are_taken(made, imprint):
    reply = made.stamped(DATA, signer="signer", time=NOW, imprint=imprint, sent="between")
    assert ours(made, reply, made.pem("root")) == ""
    assert ours(made, reply, made.pem("root"), DATA + b"!") == "token-wrong.bytes"


def test_a_signer_with_rsa(made):
    reply = made.stamped(DATA, signer="with-rsa", time=NOW, imprint="sha512", sent="between")
    assert ours(made, reply, made.pem("root")) == ""


@pytest.mark.parametrize("imprint", ["sha1", "sha224"])
def test_imprints_that_can_be_forged_are_not(made, imprint):
    reply = made.stamped(DATA, signer="signer", time=NOW, imprint=imprint, sent="between")
    assert ours(made, reply, made.pem("root")) == "token-wrong.weak"


@pytest.mark.parametrize("ess", ["sha1", "sha256", "sha384"])
@pytest.mark.parametrize("sent", [(), ("between",)])
def test_both_kinds_of_fingerprints_are_read(made, ess, sent):
    reply = made.reply(request_bytes(DATA), signer="signer", sent=sent, ess=ess)
    assert ours(made, reply, made.pem("root", "between")) == ""


def test_a_signer_that_is_named_twice_is_in_the_wrong_order(made):
    reply = made.reply(request_bytes(DATA), signer="signer", sent=("signer", "between"))
    assert ours(made, reply, made.pem("root")) == "token-wrong.named"


@pytest.mark.parametrize(
    ("chain", "answer"),
    [
        (("root",), "token-wrong.named"),
        (("old-root", "root-by-old"), ""),
        (("root", "old-root", "root-by-old"), ""),
        (("root-by-old", "root", "old-root"), ""),
    ],
)
def test_a_cross_signed_root_that_the_token_names(made, chain, answer):
    reply = made.reply(request_bytes(DATA), signer="signer", sent=("between", "root-by-old"))
    if answer == "":
        token = check_token(DATA, reply=reply, chain=made.pem(*chain))
        assert token.chain == made.pem("old-root", "root-by-old", "between")
        assert token.root == fingerprint(made.pem("old-root"))
    assert ours(made, reply, made.pem(*chain)) == answer


@pytest.mark.parametrize("chain", [("root",), ("old-root", "root-by-old"), ("old-root", "root", "root-by-old")])
def test_a_cross_signed_root_that_it_does_not_name(made, chain):
    reply = made.reply(request_bytes(DATA), signer="signer", sent=("between",))
    assert ours(made, reply, made.pem(*chain)) == ""


def test_a_root_that_writes_its_name_in_another_kind_of_string(made):
    (made.folder / "old.cnf").write_text(
        "[req]\nstring_mask = default\ndistinguished_name = d\nx509_extensions = x\n[d]\n[x]\n" + ROOT
    )
    words = ("-key", "root.key", "-subj", "/CN=root", "-days", "3650", "-out", "root-old.pem")
    made.run("req", "-new", "-x509", "-config", "old.cnf", *words)
    kinds = {load_pem_x509_certificate(made.pem(n)).subject.public_bytes() for n in ("root", "root-old")}
    assert len(kinds) == 2
    reply = made.stamped(DATA, signer="signer", time=datetime.now(UTC), sent="between")
    assert ours(made, reply, made.pem("root-old")) == ""


def test_granted_with_modifications_is_granted(made):
    reply = made.stamped(DATA, signer="signer", time=NOW, sent="between")
    assert reply[4:9] == bytes.fromhex("3003020100")
    assert ours(made, reply[:8] + b"\x01" + reply[9:], made.pem("root")) == ""
    for status in (2, 3, 4, 5):
        assert ours(made, reply[:8] + bytes((status,)) + reply[9:], made.pem("root")) == "token-refused"


def test_a_refusal_is_told_with_its_reason(made):
    request = request_bytes(DATA, algorithm=HashAlgorithm.SHA512)
    reply = made.reply(request, signer="signer", takes="sha256")
    assert ours(made, reply, made.pem("root")) == "token-refused"
    with pytest.raises(
        BadEvidence, match=r"does not take a digest of this kind \(badAlg\) \(its own words: .*algorithm"
    ):
        check_token(DATA, reply=reply, chain=made.pem("root"))


def test_of_a_pile_of_roots_only_the_one_that_it_leads_to_is_kept(made):
    pile = PILE.read_bytes() if PILE.exists() else made.pem("stranger", "old-root")
    reply = made.stamped(DATA, signer="signer", time=NOW, sent="between")
    assert check_token(DATA, reply=reply, chain=pile + made.pem("root")).chain == made.pem("root", "between")
    assert ours(made, reply, pile + made.pem("root")) == ""
    with pytest.raises(BadEvidence, match="leads to none of the roots"):
        check_token(DATA, reply=reply, chain=pile)


@pytest.mark.parametrize("signer", ["of-mail", "not-critical"])
def test_a_certificate_for_other_things_stamps_nothing(made, signer):
    reply = made.stamped(DATA, signer=signer, time=NOW, sent="between")
    assert ours(made, reply, made.pem("root", "between")) == "token-wrong.purpose"


@pytest.mark.parametrize(("year", "answer"), [(2011, ""), (2013, "token-wrong.ended"), (2009, "token-wrong.ended")])
def test_a_certificate_counts_at_the_moment_that_the_stamp_states(made, year, answer):
    """Fifteen years after, and ever."""
    reply = made.stamped(DATA, signer="ended", time=datetime(year, 7, 1, tzinfo=UTC), sent="between")
    assert ours(made, reply, made.pem("root")) == answer


def test_a_stamp_without_its_signers_certificate(made):
    reply = made.stamped(DATA, signer="signer", time=NOW, more=("-nocerts",))
    assert ours(made, reply, made.pem("root", "between", "signer")).startswith(("token-wrong", "token-unreadable"))


def test_certificates_that_only_lie_in_the_reply_are_no_roots(made):
    reply = made.stamped(DATA, signer="stranger", time=NOW)
    assert ours(made, reply, made.pem("root")) == "token-wrong.purpose"
    made.certificate("own", says=STAMPS)
    reply = made.stamped(DATA, signer="own", time=NOW)
    assert ours(made, reply, made.pem("root")) == "token-wrong.path"


def test_a_root_whose_key_is_none_signed_nothing(made):
    reply = made.stamped(DATA, signer="signer", time=NOW)
    root = load_pem_x509_certificate(made.pem("root"))
    der, key = root.public_bytes(Encoding.DER), root.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    # A point that lies on no curve; the library reads the certificate all the same.
    spoiled = der.replace(point, point[:-1] + bytes([point[-1] ^ 1]))
    chain = made.pem("between") + load_der_x509_certificate(spoiled).public_bytes(Encoding.PEM)
    assert ours(made, reply, chain) == "token-wrong.path"


# --- revoked certificates ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    h = Hierarchy(tmp_path_factory.mktemp("listed") / "h")
    h.certificate("root")
    for name in ("good", "stolen"):
        h.certificate(name, by="root")
    h.certificate("other")
    h.revoke("stolen", by="root")
    return h


@pytest.mark.parametrize(
    ("signer", "by", "month", "answer"),
    [
        ("good", "root", 6, ""),
        ("stolen", "root", 6, "crl-revoked"),
        ("good", "root", 2, "crl-unusable.time"),
        ("good", "root", 9, "crl-unusable.time"),
        ("good", "other", 6, "crl-unusable.other"),
    ],
)
def test_a_list_of_revoked_certificates(listed, signer, by, month, answer):
    reply = listed.stamped(DATA, signer=signer, time=datetime(2030, 6, 15, tzinfo=UTC))
    token = check_token(DATA, reply=reply, chain=listed.pem("root"))
    data = listed.revoked(by=by, since=datetime(2030, month, 1, tzinfo=UTC))
    refused = ""
    try:
        data = choose_list(token, data)
    except BadEvidence as error:
        refused = error.said.id
    assert refused == answer
    assert by_hand(listed.folder / "hand", DATA, reply=reply, chain=token.chain, revoked=data) == (answer == "")


def test_of_several_lists_the_right_one_is_kept(listed):
    reply = listed.stamped(DATA, signer="good", time=datetime(2030, 6, 15, tzinfo=UTC))
    token = check_token(DATA, reply=reply, chain=listed.pem("root"))
    right, wrong = (listed.revoked(by=by, since=datetime(2030, 6, 1, tzinfo=UTC)) for by in ("root", "other"))
    assert choose_list(token, wrong + right) == choose_list(token, right)
    for junk in (b"", b"junk", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"):
        with pytest.raises(BadEvidence, match="cannot be read"):
            choose_list(token, junk)
