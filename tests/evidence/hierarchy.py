"""Certificates and time stamps of any kind and any time, made by OpenSSL: what `openssl ts -reply` cannot be told, its
`cms` is."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from audit.report.assets import templates_folder

CA = """
[ca]
default_ca = x
[x]
database = {folder}/index
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
crlnumber = {folder}/crlnumber
email_in_dn = no
rand_serial = yes
[any]
commonName = supplied
"""
REPLY = """
[tsa]
default_tsa = c
[c]
serial = {folder}/serial
signer_cert = {folder}/{signer}.pem
signer_key = {folder}/{signer}.key
certs = {folder}/sent.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {takes}
ess_cert_id_chain = {all}
ess_cert_id_alg = {ess}
"""
ROOT = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
STAMPS = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
ALWAYS = (2010, 2060)


@dataclass(frozen=True)
class Hierarchy:
    """A folder of keys (`NAME.key`) and certificates (`NAME.pem`)."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "ca.cnf").write_text(CA.format(folder=self.folder))
        (self.folder / "index").touch()
        (self.folder / "crlnumber").write_text("01\n")
        (self.folder / "serial").write_text("01\n")

    def run(self, *words: str) -> bytes:
        done = subprocess.run(["openssl", *words], cwd=self.folder, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def pem(self, *names: str) -> bytes:
        return b"".join((self.folder / f"{name}.pem").read_bytes() for name in names)

    def certificate(
        self,
        name: str,
        *,
        by: str = "",
        says: str = "",
        subject: str = "",
        of: str = "",
        years: tuple[int, int] = ALWAYS,
    ) -> None:
        """`NAME.pem`: signed by another or, without `by`, by itself.

        Args:
            says: extensions; of: whose key and name it is for, where it is another's (a cross-certificate).
        """
        key, who = of or name, subject or of or name
        if not (self.folder / f"{key}.key").exists():
            self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{key}.key")
        self.run("req", "-new", "-key", f"{key}.key", "-subj", f"/CN={who}", "-out", "r.csr")
        (self.folder / "r.ext").write_text(says or (STAMPS if by else ROOT))
        signer = ("-cert", f"{by}.pem", "-keyfile", f"{by}.key") if by else ("-selfsign", "-keyfile", f"{key}.key")
        since, until = (f"{year}0101000000Z" for year in years)
        self.run("ca", "-config", "ca.cnf", "-batch", "-notext", "-in", "r.csr", *signer, "-extfile", "r.ext",
                 "-startdate", since, "-enddate", until, "-out", f"{name}.pem")  # fmt: skip

    def revoke(self, name: str, *, by: str) -> None:
        self.run("ca", "-config", "ca.cnf", "-cert", f"{by}.pem", "-keyfile", f"{by}.key", "-revoke", f"{name}.pem")

    def revoked(self, *, by: str, since: datetime, days: int = 30) -> bytes:
        """The list of revoked certificates as it stood at some time."""
        first, last = (f"{time:%Y%m%d%H%M%SZ}" for time in (since, since + timedelta(days=days)))
        times = ("-crl_lastupdate", first, "-crl_nextupdate", last)
        return self.run("ca", "-config", "ca.cnf", "-gencrl", "-cert", f"{by}.pem", "-keyfile", f"{by}.key", *times)

    def reply(
        self, request: bytes, *, signer: str, sent: tuple[str, ...] = (), ess: str = "sha256", takes: str = "sha256"
    ) -> bytes:
        """What `openssl ts -reply` answers, now.

        Args:
            sent: certificates that it sends along, all of which its signature then names.
        """
        (self.folder / "sent.pem").write_bytes(self.pem(*(sent or (signer,))))
        words = {"folder": self.folder, "signer": signer, "all": "yes" if sent else "no", "ess": ess, "takes": takes}
        (self.folder / "tsa.cnf").write_text(REPLY.format(**words))
        (self.folder / "q.tsq").write_bytes(request)
        self.run("ts", "-reply", "-config", "tsa.cnf", "-section", "c", "-queryfile", "q.tsq", "-out", "r.tsr")
        return (self.folder / "r.tsr").read_bytes()

    def stamped(
        self,
        data: bytes,
        *,
        signer: str,
        time: datetime,
        imprint: str = "sha256",
        sent: str = "",
        more: tuple[str, ...] = (),
    ) -> bytes:
        """A reply that states any time."""
        digest = hashlib.new(imprint, data).hexdigest()
        (self.folder / "info.cnf").write_text(
            "asn1=SEQUENCE:i\n[i]\nv=INTEGER:1\np=OID:1.2.3.4.1\nm=SEQUENCE:m\ns=INTEGER:7\n"
            f"t=GENERALIZEDTIME:{time:%Y%m%d%H%M%S}Z\n[m]\na=SEQUENCE:a\nd=FORMAT:HEX,OCT:{digest}\n"
            f"[a]\no=OID:{imprint}\nn=NULL\n"
        )
        self.run("asn1parse", "-genconf", "info.cnf", "-noout", "-out", "info.der")
        along = ("-certfile", f"{sent}.pem") if sent else ()
        by = ("-signer", f"{signer}.pem", "-inkey", f"{signer}.key")
        kind = ("-econtent_type", "1.2.840.113549.1.9.16.1.4", "-outform", "DER")
        how = ("-binary", "-nodetach", "-cades", "-md", "sha512", *more)
        self.run("cms", "-sign", *how, *kind, "-in", "info.der", *by, *along, "-out", "token.der")
        body = bytes.fromhex("3003020100") + (self.folder / "token.der").read_bytes()
        size = len(body).to_bytes(2)
        return b"\x30\x82" + size + body


def by_hand(folder: Path, data: bytes, *, reply: bytes, chain: bytes, revoked: bytes = b"") -> bool:
    """Whether a reply passes the commands of VERIFY.txt for a time stamp."""
    text = (templates_folder() / "evidence" / "VERIFY.txt").read_text().replace("@@", "@")
    lines = [line for line in text.splitlines() if line.startswith(("    moment()", "    good()"))]
    folder.mkdir(exist_ok=True)
    for name, content in (("data", data), ("r.tsr", reply), ("c.pem", chain), ("l.pem", revoked)):
        (folder / name).unlink(missing_ok=True)
        if content:
            (folder / name).write_bytes(content)
    script = "\n".join((lines[0], lines[-1], "good data r.tsr c.pem l.pem r.tsr"))
    return subprocess.run(["bash", "-c", script], cwd=folder, check=False, capture_output=True).returncode == 0
