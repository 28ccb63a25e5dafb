"""Commands that turn a finished run into evidence, and check it; only `reproduce` starts torch."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.base.errors import BadInput
from audit.base.messages import render, say
from audit.base.text import printable
from audit.cli.app import app
from audit.cli.finished import RunFolder
from audit.cli.options import (
    Declare,
    Device,
    DrawWith,
    ExecutorName,
    Json,
    KeepNodeCache,
    Memory,
    ModelName,
    NoReuse,
    Originals,
    OtherArtist,
    Protected,
    References,
    SpecFile,
    StoreAt,
    Surrogate,
    with_rights,
)
from audit.cli.told import one_sentence, tell

if TYPE_CHECKING:
    from audit.evidence.sealed import CheckedPart

Never = Annotated[
    list[str] | None, typer.Option("--never", help="A name or word that must stand nowhere in the bundle; repeatable.")
]
Disclose = Annotated[bool, typer.Option("--disclose", help="Make it although it tells an address, a number or a name.")]
Zip = Annotated[bool, typer.Option("--zip", help="Also write one zip; of a bundle, only that.")]
BundleFolder = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder that `cloakcheck bundle` wrote.")]
BundleOrZip = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder or zip that `cloakcheck bundle` wrote.")]
ProfileName = Annotated[str, typer.Option("--profile", help="full, redacted or minimal.")]
Key = Annotated[Path | None, typer.Option(help="Ed25519 private key (PEM); made when the file is not there.")]
KeepAdapters = Annotated[
    bool, typer.Option("--keep-adapters", help="Put the trained add-ons in instead of deleting them.")
]
C2pa = Annotated[bool, typer.Option("--c2pa", help="Put a signed C2PA manifest into every generated picture.")]
NewSeed = Annotated[
    bool,
    typer.Option(
        "--new-seed",
        help="Draw works, prompts and training noise anew, and say whether the two runs' ranges are compatible.",
    ),
]
BundleOut = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of the bundle (default: RUN-bundle); with --zip of a bundle, the zip."),
]
AgainOut = Annotated[Path | None, typer.Option("--out", help="New folder for the second run; needed.")]
AuditPrivacy = Annotated[bool, typer.Option("--audit-privacy", help="List what would be disclosed; write nothing.")]


@app.command()
def bundle(
    folder: RunFolder,
    out: BundleOut = None,
    profile: ProfileName = "redacted",
    originals: Originals = None,
    protected: Protected = None,
    key: Key = None,
    keep_adapters: KeepAdapters = False,
    c2pa: C2pa = False,
    store: StoreAt = None,
    audit_privacy: AuditPrivacy = False,
    never: Never = None,
    disclose: Disclose = False,
    zip: Zip = False,
) -> None:
    """Seal a finished run into a folder that a stranger can verify."""
    with one_sentence():
        from audit.evidence import adapters, credentials, packed, privacy, signing, source
        from audit.evidence import bundle as bundles
        from audit.evidence.bag import digest
        from audit.evidence.layout import PROFILES
        from audit.plan.arms import arm_folders
        from audit.store import default_store

        if profile not in PROFILES:
            raise BadInput("profile-unknown", profile=profile, choices=PROFILES)
        if c2pa:
            # Told before anything is read or deleted.
            credentials.load()
        if zip and (folder / "bag" / "bagit.txt").is_file():
            single = out or folder.absolute().with_name(f"{folder.absolute().name}.zip")
            packed.pack(folder, single)
            print(single)
            return
        made = source.read_source(folder)
        target = out or folder.absolute().with_name(f"{folder.absolute().name}-bundle")
        request = bundles.Request(
            profile=profile,
            out=target,
            originals=originals,
            protected=arm_folders(protected or ()),
            adapters=adapters.find_adapters(made.results, store or default_store(), keep=keep_adapters),
            c2pa=c2pa,
            disclose=disclose,
            never=tuple(never or ()),
        )
        signing_key = key or signing.default_key()
        if audit_privacy:
            contents = bundles.bundle_contents(made, request)
            # Looking makes no key.
            known = digest(signing.public_pem(signing.open_key(signing_key))) if signing_key.exists() else ""
            for found in privacy.audit_privacy(made, contents, signer=known, never=request.never):
                told = render(say("discloses.unexpected", what=found.said) if found.unexpected else found.said)
                print(printable(told, limit=400))
            return
        sealed = bundles.write_bundle(made, request, key=signing.open_key(signing_key))
        tell("told.sealed", digest=sealed)
        tell("told.adapters", fate=request.adapters.fate)
        if zip:
            single = target.absolute().with_name(f"{target.absolute().name}.zip")
            packed.pack(target, single)
        print(single if zip else target)


@app.command()
def verify(
    folder: BundleOrZip,
    signer: Annotated[str, typer.Option(help="SHA-256 of the signer.pub you expect.")] = "",
    chain: Annotated[Path | None, typer.Option(help="PEM chain of the time-stamp authority you trust.")] = None,
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Also score the bundle's pictures again, to find edited scores.")
    ] = False,
    originals: Originals = None,
    reference_artists: References = None,
    device: Device = None,
    json_output: Json = False,
) -> None:
    """Check every byte, the signature and the time stamps of a bundle, and make again what follows from the rest."""
    with one_sentence(), ExitStack() as stack:
        from audit.evidence.bag import read_given
        from audit.evidence.packed import opened
        from audit.evidence.verify import findings as check

        at = stack.enter_context(opened(folder))
        made = check(at, signer=signer, roots=read_given(chain) if chain else None)
        findings = tuple(made if json_output else map(_shown, made))
        if rescore and all(f.passed for f in findings):
            from audit.base.progress import Progress
            from audit.commands.rescore import rescore as score_again
            from audit.plan.devices import pick_device

            used = pick_device(device or "auto")
            found = score_again(at, originals=originals, references=reference_artists, device=used, progress=Progress())
            findings = (*findings, found if json_output else _shown(found))
        whole = all(f.passed for f in findings)
        if json_output:
            rows = [
                {
                    "check": f.check,
                    "passed": f.passed,
                    "derived": f.derived,
                    "sentence": f.sentence,
                    "said": f.said.model_dump(mode="json"),
                }
                for f in findings
            ]
            print(json.dumps({"verified": whole, "checks": rows}))
        else:
            left = sum(not f.derived for f in findings)
            if whole and left:
                tell("verify.whole-open", n=left)
            else:
                tell("verify.whole" if whole else "verify.not-whole")
    if not whole:
        raise typer.Exit(3)


@app.command()
def stamp(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A bundle, or a run that has not trained yet.")],
    tsr: Annotated[Path | None, typer.Option(help="Reply of a time-stamp authority, to import.")] = None,
    tsa: Annotated[str | None, typer.Option(help="Address of an authority to ask now; sends one digest.")] = None,
    chain: Annotated[Path | None, typer.Option(help="The authority's PEM chain with its root.")] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Stamp a stamped bundle anew, before its stamp's end.")
    ] = False,
    crl: Annotated[Path | None, typer.Option(help="The authority's list of revoked certificates, to keep.")] = None,
    fetch_crl: Annotated[bool, typer.Option("--fetch-crl", help="Fetch that list from where it is published.")] = False,
) -> None:
    """Bring an RFC 3161 time stamp into a bundle, or into a plan before training."""
    with one_sentence():
        from audit.evidence.stamp import stamp as bring

        request, token = bring(
            folder, reply=tsr, url=tsa, chain=chain, renew=renew, revoked=crl, fetch_revoked=fetch_crl
        )
        if token is None:
            tell("told.renewal-asked" if renew else "told.not-stamped")
            print(request)
        else:
            tell("told.stamped", time=token.time.isoformat(), authority=token.authority, root=token.root)
            tell("told.stamp-ends", until=f"{token.until:%Y-%m-%d}")
            print(folder if renew else request)


def _shown(part: CheckedPart) -> CheckedPart:
    """Print an answer as soon as it is there."""
    word = "FAIL" if not part.passed else "ok  " if part.derived else "open"
    print(f"{word} {part.check}: {part.sentence}", flush=True)
    return part


STANDS = {True: "told.stands", False: "told.stands.not", None: "told.stands.unknown"}


@app.command()
def reproduce(
    folder: BundleFolder,
    out: AgainOut = None,
    originals: Originals = None,
    protected: Protected = None,
    reference_artists: References = None,
    other_artist: OtherArtist = None,
    model: ModelName = None,
    surrogate: Surrogate = None,
    draw_with: DrawWith = None,
    store: StoreAt = None,
    no_reuse: NoReuse = None,
    device: Device = None,
    memory: Memory = None,
    executor: ExecutorName = None,
    keep_node_cache: KeepNodeCache = None,
    new_seed: NewSeed = False,
    declare: Declare = None,
    spec: SpecFile = None,
    json_output: Json = False,
) -> None:
    """Run a bundle's plan again and say whether its conclusions stand."""
    with one_sentence():
        from audit.base.progress import Progress
        from audit.commands.reproduce import reproduce as run_again
        from audit.plan.spec import load_spec

        inside = folder / "bag" / "data" / "originals"
        options: dict[str, Any] = {
            "originals": originals,
            "protected": tuple(protected or ()),
            "reference_artists": reference_artists,
            "control": (f"other-artist:{other_artist}",) if other_artist else (),
            "model": model,
            "surrogate": surrogate,
            "draw_with": draw_with,
            "store": store,
            "no_reuse": no_reuse,
        }
        options |= {"out": out, "device": device, "memory": memory, "declare": declare}
        options |= {"executor": executor, "keep_node_cache": keep_node_cache}
        asked = load_spec(options, spec, otherwise={"originals": inside})
        found, at = run_again(folder, with_rights(asked), Progress(), new_seed=new_seed)
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
                tell(STANDS[agreement.stands], what=agreement.said)
            print(at / "report.html")
    if any(a.stands is False for a in found):
        raise typer.Exit(3)
