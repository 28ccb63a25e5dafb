"""Commands that turn a finished run into evidence, check it, and clean up; only `reproduce` starts torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from audit.base.errors import BadInput
from audit.base.text import printable
from audit.cli.app import app
from audit.cli.finished import RunFolder
from audit.cli.options import (
    Declare,
    Device,
    Json,
    Memory,
    ModelName,
    Originals,
    OtherArtist,
    Out,
    Protected,
    References,
    StoreAt,
    Surrogate,
    confirmed,
    one_sentence,
    tell,
    with_rights,
)

BundleFolder = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder that `cloakcheck bundle` wrote.")]
ProfileName = Annotated[str, typer.Option("--profile", help="full, redacted or minimal.")]
Key = Annotated[Path | None, typer.Option(help="Ed25519 private key (PEM); made when the file is not there.")]
KeepAdapters = Annotated[
    bool, typer.Option("--keep-adapters", help="Put the trained add-ons in instead of deleting them.")
]
C2pa = Annotated[bool, typer.Option("--c2pa", help="Put a signed C2PA manifest into every generated picture.")]
AuditPrivacy = Annotated[bool, typer.Option("--audit-privacy", help="List what would be disclosed; write nothing.")]


@app.command()
def bundle(
    folder: RunFolder,
    out: Out = None,
    profile: ProfileName = "redacted",
    originals: Originals = None,
    protected: Protected = None,
    key: Key = None,
    keep_adapters: KeepAdapters = False,
    c2pa: C2pa = False,
    store: StoreAt = None,
    audit_privacy: AuditPrivacy = False,
) -> None:
    """Seal a finished run into a folder that a stranger can verify."""
    with one_sentence():
        from audit.evidence import adapters, credentials, privacy, signing, source
        from audit.evidence import bundle as bundles
        from audit.evidence.bag import digest
        from audit.evidence.contents import PROFILES
        from audit.store import default_store

        if profile not in PROFILES:
            raise BadInput("profile-unknown", profile=profile, choices=PROFILES)
        if c2pa:
            # Told before anything is read or deleted.
            credentials.load()
        made = source.read_source(folder)
        target = out or folder.absolute().with_name(f"{folder.absolute().name}-bundle")
        request = bundles.Request(
            profile=profile,
            out=target,
            originals=originals,
            protected=protected,
            adapters=adapters.find_adapters(made.results, store or default_store(), keep=keep_adapters),
            c2pa=c2pa,
        )
        signing_key = key or signing.default_key()
        if audit_privacy:
            contents = bundles.bundle_contents(made, request)
            # Looking makes no key.
            known = digest(signing.public_pem(signing.open_key(signing_key))) if signing_key.exists() else "a new one"
            for found in privacy.audit_privacy(made, contents, signer=known):
                print(f"{'UNEXPECTED: ' * found.unexpected}{found.what}: {printable(found.detail, limit=300)}")
            return
        sealed = bundles.write_bundle(made, request, key=signing.open_key(signing_key))
        print(f"sealed {sealed}")
        print(f"adapters {request.adapters.fate}")
        print(target)


@app.command()
def verify(
    folder: BundleFolder,
    signer: Annotated[str, typer.Option(help="SHA-256 of the signer.pub you expect.")] = "",
    chain: Annotated[Path | None, typer.Option(help="PEM chain of the time-stamp authority you trust.")] = None,
    json_output: Json = False,
) -> None:
    """Check every byte, the signature and the time stamps of a bundle."""
    with one_sentence():
        from audit.evidence.bag import read_text
        from audit.evidence.verify import verify as check

        findings = check(folder, signer=signer, roots=read_text(chain) if chain else None)
        whole = all(f.passed for f in findings)
        if json_output:
            rows = [
                {"check": f.check, "passed": f.passed, "sentence": f.sentence, "said": f.said.model_dump(mode="json")}
                for f in findings
            ]
            print(json.dumps({"verified": whole, "checks": rows}))
        else:
            for finding in findings:
                print(f"{'ok  ' if finding.passed else 'FAIL'} {finding.check}: {finding.sentence}")
            tell("verify.whole" if whole else "verify.not-whole")
    if not whole:
        raise typer.Exit(3)


@app.command()
def stamp(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A bundle, or a run that has not trained yet.")],
    tsr: Annotated[Path | None, typer.Option(help="Reply of a time-stamp authority, to import.")] = None,
    tsa: Annotated[str | None, typer.Option(help="Address of an authority to ask now; sends one digest.")] = None,
    chain: Annotated[Path | None, typer.Option(help="The authority's PEM chain with its root.")] = None,
) -> None:
    """Bring an RFC 3161 time stamp into a bundle, or into a plan before training."""
    with one_sentence():
        from audit.evidence.stamp import stamp as bring

        request, token = bring(folder, reply=tsr, url=tsa, chain=chain)
        if token is None:
            tell("told.not-stamped")
        else:
            tell("told.stamped", time=token.time.isoformat(), authority=token.authority, root=token.root)
        print(request)


@app.command()
def forget(
    store: StoreAt = None,
    only_adapters: Annotated[bool, typer.Option("--only-adapters", help="Keep pictures and other steps.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the copies of pictures and the trained add-ons that runs left in the store."""
    with one_sentence():
        from audit.evidence.forget import forget as delete
        from audit.store import default_store

        what = "trained add-ons" if only_adapters else "pictures, trained add-ons and finished steps of all runs"
        if not yes and not confirmed(f"Delete {what} from the store?"):
            raise BadInput("forget-refused")
        gone = delete(store or default_store(), only_adapters=only_adapters)
        tell("told.deleted", files=gone.files, mb=gone.size / 1e6)


@app.command()
def reproduce(
    folder: BundleFolder,
    out: Out = None,
    originals: Originals = None,
    protected: Protected = None,
    reference_artists: References = None,
    other_artist: OtherArtist = None,
    model: ModelName = None,
    surrogate: Surrogate = None,
    store: StoreAt = None,
    device: Device = None,
    memory: Memory = None,
    declare: Declare = None,
    json_output: Json = False,
) -> None:
    """Run a bundle's plan again and say whether its conclusions stand."""
    with one_sentence():
        from audit.base.progress import Progress
        from audit.commands.reproduce import reproduce as run_again
        from audit.plan.spec import load_spec

        inside = folder / "bag" / "data" / "originals"
        options: dict[str, Any] = {
            "originals": originals or inside,
            "protected": protected,
            "reference_artists": reference_artists,
            "control": (f"other-artist:{other_artist}",) if other_artist else (),
            "model": model,
            "surrogate": surrogate,
            "store": store,
        }
        options |= {"out": out, "device": device, "memory": memory, "declare": declare}
        found, at = run_again(folder, with_rights(load_spec(options, None)), Progress())
        if json_output:
            rows = [
                {
                    "condition": a.condition,
                    "stands": a.stands,
                    "sentence": a.sentence,
                    "said": a.said.model_dump(mode="json"),
                }
                for a in found
            ]
            print(json.dumps({"conditions": rows, "report": str(at / "report.html")}))
        else:
            for agreement in found:
                stands = {True: "stands", False: "DOES NOT STAND", None: "not comparable"}[agreement.stands]
                print(f"{stands}: {agreement.sentence}")
            print(at / "report.html")
    if any(a.stands is False for a in found):
        raise typer.Exit(3)
