"""How a bundle is laid out: names of its files, labels of bag-info.txt, and the list of digests beside the bag.

Without what writes a bundle or works its parts out again, so that `verify` answers for the bytes before any of that is
loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from audit.base.files import file_digest
from audit.evidence.bag import list_files, manifest_text
from audit.store import write_atomic

Profile = Literal["full", "redacted", "minimal"]
PROFILES: tuple[Profile, ...] = ("full", "redacted", "minimal")

VERIFY, CERTIFICATION, CUSTODY = "VERIFY.txt", "CERTIFICATION-template.txt", "CUSTODY-form.txt"
START = "START-HERE.html"
BLANK = "0" * 64
"""Stands for the seal's digest in the text of a form that is sealed itself."""
SUMS, SIGNER, SIGNATURE = "SHA256SUMS", "signer.pub", "tagmanifest.sig"
REQUEST, REPLY, CHAIN = "tagmanifest.tsq", "tagmanifest.tsr", "tsa-chain.pem"
REVOKED = "tsa-crl.pem"
BESIDE = (VERIFY, START, CERTIFICATION, CUSTODY, SIGNER, SIGNATURE, REQUEST)
"""Files beside the bag in every bundle."""
LABEL_VERIFY, LABEL_SIGNER, LABEL_PROFILE = "CloakCheck-Verify-SHA256", "CloakCheck-Signer-SHA256", "CloakCheck-Profile"
LABEL_SCHEMA = "CloakCheck-Schema-Version"
"""Of the bundle's layout and of the files that CloakCheck made for it; version 1 wrote none."""
LABEL_DATE, LABEL_MADE = "Bagging-Date", "CloakCheck-Made"
LABEL_AGENT, AGENT = "Bag-Software-Agent", "CloakCheck {version}"
LABEL_CERTIFICATION, LABEL_CUSTODY = "CloakCheck-Certification-SHA256", "CloakCheck-Custody-SHA256"
LABEL_START = "CloakCheck-Start-SHA256"


def sums_text(folder: Path) -> bytes:
    """What SHA256SUMS must hold: the lines of `sha256sum` for every other file beside the bag."""
    names = [n for n in list_files(folder) if not n.startswith("bag/") and n != SUMS]
    return manifest_text({f"./{n}": file_digest(folder / n) for n in names})


def write_sums(folder: Path) -> None:
    write_atomic(folder / SUMS, sums_text(folder))
