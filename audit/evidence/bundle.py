"""`cloakcheck bundle`: a finished run -> a sealed folder that a stranger can check with sha256sum and openssl.

Layout: `bag/` (BagIt, payload in `bag/data/`), and beside it VERIFY.txt, the two forms, signer.pub,
tagmanifest.sig, tagmanifest.tsq, later perhaps tagmanifest.tsr and tsa-chain.pem, and SHA256SUMS over these.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.base.errors import BadInput
from audit.evidence import credentials, forms
from audit.evidence.adapters import Adapters
from audit.evidence.bag import TAGS, digest, list_files, manifest_text, write_bag
from audit.evidence.contents import Contents, Profile, collect_contents
from audit.evidence.signing import public_pem
from audit.evidence.source import RunSource
from audit.evidence.timestamps import request_bytes
from audit.records import SCHEMA_VERSION
from audit.runfolder.provenance import now
from audit.store import storage_errors, write_atomic

SUMS, SIGNER, SIGNATURE = "SHA256SUMS", "signer.pub", "tagmanifest.sig"
REQUEST, REPLY, CHAIN = "tagmanifest.tsq", "tagmanifest.tsr", "tsa-chain.pem"
BESIDE = (forms.VERIFY, forms.CERTIFICATION, forms.CUSTODY, SIGNER, SIGNATURE, REQUEST)
"""Files beside the bag in every bundle."""
LABEL_VERIFY, LABEL_SIGNER, LABEL_PROFILE = "CloakCheck-Verify-SHA256", "CloakCheck-Signer-SHA256", "CloakCheck-Profile"
LABEL_SCHEMA = "CloakCheck-Schema-Version"
"""Of the bundle's layout and of the files that CloakCheck made for it; version 1 wrote none."""
LABEL_CERTIFICATION, LABEL_CUSTODY = "CloakCheck-Certification-SHA256", "CloakCheck-Custody-SHA256"


@dataclass(frozen=True)
class Request:
    """What a bundle is asked to be.

    Attributes:
        originals: folder of the originals, which only `full` reads; protected: likewise.
        adapters: what becomes of the trained add-ons.
        c2pa: whether generated pictures get a C2PA manifest.
    """

    profile: Profile
    out: Path
    originals: Path | None
    protected: Path | None
    adapters: Adapters
    c2pa: bool = False


def write_bundle(source: RunSource, request: Request, *, key: Ed25519PrivateKey) -> str:
    """Write a bundle, whole or not at all; returns the digest of its tag manifest.

    Raises:
        BadInput: `bundle-exists`, `c2pa-missing`; see `collect_contents`.
        StorageError: disk full, folder unwritable.
    """
    out = request.out
    if out.exists() or out.is_symlink():
        raise BadInput("bundle-exists", folder=out.absolute().name)
    contents = bundle_contents(source, request)
    partial = out.absolute().with_name(f".{out.absolute().name}.{uuid.uuid4().hex}")
    with storage_errors(out.absolute().parent):
        try:
            (partial / "bag" / "data").mkdir(parents=True)
            _copy(contents, partial / "bag" / "data")
            if request.c2pa:
                _add_credentials(source, contents, partial / "bag" / "data", key)
            sealed = _seal(partial, source, request, key)
            request.adapters.settle()
            partial.rename(out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return sealed


def bundle_contents(source: RunSource, request: Request) -> Contents:
    """The files that the bundle would hold, without writing any."""
    return collect_contents(
        source,
        profile=request.profile,
        originals=request.originals,
        protected=request.protected,
        adapters=request.adapters,
    )


def _copy(contents: Contents, data: Path) -> None:
    for name, made in contents.files.items():
        target = data / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(made, bytes):
            target.write_bytes(made)
        else:
            shutil.copyfile(made, target)


def _add_credentials(source: RunSource, contents: Contents, data: Path, key: Ed25519PrivateKey) -> None:
    names = [f"images/{name}" for name in source.generated]
    pictures = [data / name for name in names if name in contents.files]
    root = credentials.sign_pictures(pictures, key=key, model=source.plan.model.name)
    write_atomic(data / credentials.ROOT, root)


def _seal(folder: Path, source: RunSource, request: Request, key: Ed25519PrivateKey) -> str:
    bag, public = folder / "bag", public_pem(key)
    payload = list_files(bag)
    files, size = len(payload) + 4, sum((bag / name).stat().st_size for name in payload)
    verify = forms.verify_text(source, files=files, signer=digest(public), profile=request.profile)
    made = now()
    # Both forms name the seal, so what is sealed of them is their text with the seal left blank.
    certification = forms.certification_text(
        source.results,
        tagmanifest=forms.BLANK,
        signer=digest(public),
        profile=request.profile,
        fate=request.adapters.fate,
    )
    custody = forms.custody_text(source.results, tagmanifest=forms.BLANK, files=files, size=size, made=made)
    write_bag(
        bag,
        [
            ("Source-Organization", "not stated"),
            ("Bagging-Date", made[:10]),
            ("Bag-Software-Agent", f"CloakCheck {source.plan.tool_version}"),
            ("External-Identifier", source.plan.digest()),
            ("External-Description", "Evidence of one CloakCheck audit; see VERIFY.txt beside the bag"),
            (LABEL_SCHEMA, str(SCHEMA_VERSION)),
            (LABEL_PROFILE, request.profile),
            (LABEL_SIGNER, digest(public)),
            (LABEL_VERIFY, digest(verify)),
            (LABEL_CERTIFICATION, digest(certification)),
            (LABEL_CUSTODY, digest(custody)),
        ],
    )
    seal = (bag / TAGS).read_bytes()
    sealed = digest(seal)
    beside = {
        forms.VERIFY: verify,
        forms.CERTIFICATION: certification.replace(forms.BLANK.encode(), sealed.encode()),
        forms.CUSTODY: custody.replace(forms.BLANK.encode(), sealed.encode()),
        SIGNER: public,
        SIGNATURE: key.sign(seal),
        REQUEST: request_bytes(seal),
    }
    for name, data in beside.items():
        write_atomic(folder / name, data)
    write_sums(folder)
    return sealed


def sums_text(folder: Path) -> bytes:
    """What SHA256SUMS must hold: the lines of `sha256sum` for every other file beside the bag."""
    names = [n for n in list_files(folder) if not n.startswith("bag/") and n != SUMS]
    return manifest_text({f"./{n}": digest((folder / n).read_bytes()) for n in names})


def write_sums(folder: Path) -> None:
    write_atomic(folder / SUMS, sums_text(folder))
