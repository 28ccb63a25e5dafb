"""`cloakcheck bundle`: a finished run -> a sealed folder that a stranger can check with sha256sum and openssl.

Layout: `bag/` (BagIt, payload in `bag/data/`), and beside it VERIFY.txt, the two forms, signer.pub,
tagmanifest.sig, tagmanifest.tsq, later perhaps tagmanifest.tsr and tsa-chain.pem, and SHA256SUMS over these.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import __version__
from audit.base.errors import BadInput
from audit.evidence import credentials, forms, layout, privacy
from audit.evidence.adapters import Adapters
from audit.evidence.bag import TAGS, digest, list_files, write_bag
from audit.evidence.contents import Contents, collect_contents
from audit.evidence.layout import Profile
from audit.evidence.signing import public_pem
from audit.evidence.source import RunSource
from audit.evidence.start import start_page
from audit.evidence.timestamps import request_bytes
from audit.records import SCHEMA_VERSION
from audit.runfolder.provenance import now
from audit.store import storage_errors, write_atomic


@dataclass(frozen=True)
class Request:
    """What a bundle is asked to be.

    Attributes:
        originals: folder of the originals, which only `full` reads; protected: arm -> folder, likewise.
        adapters: what becomes of the trained add-ons.
        c2pa: whether generated pictures get a C2PA manifest.
        disclose: whether a bundle is made although it tells who somebody is; never: words that must not be in it.
    """

    profile: Profile
    out: Path
    originals: Path | None
    protected: Mapping[str, Path]
    adapters: Adapters
    c2pa: bool = False
    disclose: bool = False
    never: tuple[str, ...] = ()


def write_bundle(source: RunSource, request: Request, *, key: Ed25519PrivateKey) -> str:
    """Write a bundle, whole or not at all; returns the digest of its tag manifest.

    Raises:
        BadInput: `bundle-exists`, `c2pa-missing`, `bundle-discloses`; see `collect_contents`.
        StorageError: disk full, folder unwritable.
    """
    out = request.out
    if out.exists() or out.is_symlink():
        raise BadInput("bundle-exists", folder=out.absolute().name)
    contents = bundle_contents(source, request)
    if not request.disclose:
        privacy.must_not_disclose(source, contents, profile=request.profile, never=request.never)
    partial = out.absolute().with_name(f".{out.absolute().name}.{uuid.uuid4().hex}")
    with storage_errors(out.absolute().parent):
        try:
            (partial / "bag" / "data").mkdir(parents=True)
            _copy(contents, partial / "bag" / "data")
            if request.c2pa:
                _add_credentials(source, contents, partial / "bag" / "data", key)
            sealed = _seal(partial, source, contents, request, key)
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


def _seal(folder: Path, source: RunSource, contents: Contents, request: Request, key: Ed25519PrivateKey) -> str:
    bag, public = folder / "bag", public_pem(key)
    payload = list_files(bag)
    files, size = len(payload) + 4, sum((bag / name).stat().st_size for name in payload)
    verify = forms.verify_text(source, files=files, signer=digest(public), profile=request.profile)
    begin = start_page(source, contents, signer=digest(public), profile=request.profile)
    made = now()
    # Both forms name the seal, so what is sealed of them is their text with the seal left blank.
    certification = forms.certification_text(
        source.results,
        tagmanifest=layout.BLANK,
        signer=digest(public),
        profile=request.profile,
        fate=request.adapters.fate,
    )
    custody = forms.custody_text(source.results, tagmanifest=layout.BLANK, files=files, size=size, made=made)
    texts = {
        layout.LABEL_VERIFY: verify,
        layout.LABEL_START: begin,
        layout.LABEL_CERTIFICATION: certification,
        layout.LABEL_CUSTODY: custody,
    }
    plan = source.plan.digest()
    write_bag(bag, bag_info(plan, made=made, profile=request.profile, signer=digest(public), texts=texts))
    seal = (bag / TAGS).read_bytes()
    sealed = digest(seal)
    beside = {
        layout.VERIFY: verify,
        layout.START: begin,
        layout.CERTIFICATION: certification.replace(layout.BLANK.encode(), sealed.encode()),
        layout.CUSTODY: custody.replace(layout.BLANK.encode(), sealed.encode()),
        layout.SIGNER: public,
        layout.SIGNATURE: key.sign(seal),
        layout.REQUEST: request_bytes(seal),
    }
    for name, data in beside.items():
        write_atomic(folder / name, data)
    layout.write_sums(folder)
    return sealed


def bag_info(
    plan: str, *, made: str, profile: Profile, signer: str, texts: Mapping[str, bytes]
) -> list[tuple[str, str]]:
    """What bag-info.txt says, but for the payload's size.

    Args:
        plan: its digest; made: when the bundle was, ISO 8601, UTC; signer: digest of the public key.
        texts: label -> a text beside the bag, the seal left blank.
    """
    return [
        ("Source-Organization", "not stated"),
        (layout.LABEL_DATE, made[:10]),
        (layout.LABEL_MADE, made),
        (layout.LABEL_AGENT, layout.AGENT.format(version=__version__)),
        ("External-Identifier", plan),
        ("External-Description", "Evidence of one CloakCheck audit; see VERIFY.txt beside the bag"),
        (layout.LABEL_SCHEMA, str(SCHEMA_VERSION)),
        (layout.LABEL_PROFILE, profile),
        (layout.LABEL_SIGNER, signer),
        *((label, digest(text)) for label, text in texts.items()),
    ]
