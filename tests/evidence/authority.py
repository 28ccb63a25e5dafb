"""A time-stamp authority for tests: a root and a leaf made by OpenSSL, answering by file or over loopback."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

CONFIG = """
[tsa]
default_tsa = config
[config]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/leaf.pem
signer_key = {folder}/leaf.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Authority:
    folder: Path

    @property
    def chain(self) -> Path:
        return self.folder / "root.pem"

    def reply(self, request: bytes, *words: str) -> bytes:
        (self.folder / "q.tsq").write_bytes(request)
        _openssl(self.folder, "ts", "-reply", "-config", "tsa.cnf", "-section", "config", "-queryfile", "q.tsq",
                 "-out", "r.tsr", *words)  # fmt: skip
        return (self.folder / "r.tsr").read_bytes()


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_authority(folder: Path, name: str = "Test TSA") -> Authority:
    folder.mkdir(parents=True)
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    (folder / "leaf.ext").write_text("extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n")
    (folder / "root.ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
    for who in ("root", "leaf"):
        _openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{who}.key")
        _openssl(folder, "req", "-new", "-key", f"{who}.key", "-subj", f"/CN={name} {who}", "-out", f"{who}.csr")
    _openssl(folder, "x509", "-req", "-in", "root.csr", "-signkey", "root.key", "-extfile", "root.ext",
             "-days", "3650", "-out", "root.pem")  # fmt: skip
    _openssl(folder, "x509", "-req", "-in", "leaf.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
             "-extfile", "leaf.ext", "-days", "3650", "-out", "leaf.pem")  # fmt: skip
    return Authority(folder)


@contextmanager
def serving(authority: Authority):
    """The authority over HTTP on loopback; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = authority.reply(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
