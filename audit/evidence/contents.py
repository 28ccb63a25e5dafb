"""What goes into a bundle under each profile, and what is left out and named by its digest only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from audit.base.errors import BadInput
from audit.base.files import file_digest
from audit.base.messages import Said
from audit.base.messages import render as in_english
from audit.collect.folders import PICTURE_SUFFIXES
from audit.evidence import wheel
from audit.evidence.adapters import Adapters
from audit.evidence.layout import PROFILES, Profile
from audit.evidence.source import RunSource
from audit.images import read_regular
from audit.images.more import HEIC_SUFFIXES
from audit.judge import with_readings
from audit.models.cards import LAB
from audit.records import SCHEMA_VERSION, Plan, Results
from audit.report.custody import Custody
from audit.report.locale import language_of
from audit.report.page import FILES, render
from audit.runfolder import RATINGS, STAMPED_PLAN

SHOWN: dict[Profile, Literal["all", "generated", "none"]] = {"full": "all", "redacted": "generated", "minimal": "none"}
"""Profile -> pictures that its reports show."""
PICTURE = "({})".format("|".join(sorted(ending[1:] for ending in {*PICTURE_SUFFIXES, *HEIC_SUFFIXES})))
NAMED: dict[Profile, tuple[str, ...]] = {
    "minimal": (
        r"(plan|results|results\.schema|environment|models|adapters|withheld|ratings|sbom\.cdx)\.json",
        r"plan(-stamped\.json|\.ts[qr])",
        r"plan-tsa(-crl)?\.pem",
        r"events\.jsonl",
        r"report(-court)?\.html",
        r"lab-model-card\.md",
        r"weights/[0-9a-f]{64}\.safetensors",
    ),
    "redacted": (
        r"images/[A-Za-z0-9_][A-Za-z0-9._-]*\.png",
        r"code/cloakcheck-[0-9a-z.]+-py3-none-any\.whl",
        r"c2pa-root\.pem",
    ),
    "full": (rf"(originals|protected(/[A-Za-z0-9_][A-Za-z0-9._-]*)?)/[A-Za-z0-9_][A-Za-z0-9._-]*\.{PICTURE}",),
}
"""Profile -> how files of its payload may be called, beside those of the smaller ones; for people who look by hand."""
MOST_FILE_BYTES = 100 << 20
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Contents:
    """Files by their path under data/: bytes, or a file to copy; and what was withheld, path -> SHA-256."""

    files: dict[str, bytes | Path] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)


def collect_contents(
    source: RunSource,
    *,
    profile: Profile,
    originals: Path | None,
    protected: Mapping[str, Path],
    adapters: Adapters,
    code: bool = True,
) -> Contents:
    """Choose and make every file of a bundle; writes nothing.

    Args:
        originals: the artist's folder, needed by `full`; protected: arm -> folder, likewise.
        adapters: what becomes of the trained add-ons.
        code: whether the code that made the run is put in, where it is the code at hand.

    Raises:
        BadInput: `originals-differ`, when `full` is asked for and a file of the plan is not in the folder given.
    """
    from audit.evidence.sbom import sbom_text  # whose library takes long to load

    made = Contents()
    files, folder = made.files, source.folder
    for name in ("plan.json", "results.json", "events.jsonl"):
        files[name] = folder / name
    for name in (STAMPED_PLAN, "plan.tsq", "plan.tsr", "environment.json", RATINGS):
        if (folder / name).is_file():
            files[name] = folder / name
    if source.plan_token is not None:
        # The one way that the stamp leads, whatever else lies in the run's own file.
        files["plan-tsa.pem"] = source.plan_token.chain
        if (folder / "plan-tsa-crl.pem").is_file():
            files["plan-tsa-crl.pem"] = folder / "plan-tsa-crl.pem"
    if source.results.schema_version == SCHEMA_VERSION:
        files["results.schema.json"] = _json(Results.model_json_schema())
    files["sbom.cdx.json"] = sbom_text(source.results, source.environment).encode("utf-8")
    files["models.json"] = _json(_models(source))
    if source.plan.model.lab:
        files["lab-model-card.md"] = LAB / "CARD.md"
    files["adapters.json"] = adapters_text(source.results, adapters.fate)
    for digest, path in adapters.kept().items():
        files[f"weights/{digest}.safetensors"] = path
    _add_pictures(made, source, profile)
    _add_works(made, source, profile, originals=originals, protected=protected)
    files |= _reports(source, profile, adapters)
    if code and profile != "minimal" and _same_code(source):
        files[f"code/{wheel.NAME}"] = wheel.wheel()
    files["withheld.json"] = _json({"schema_version": SCHEMA_VERSION, "files": made.withheld})
    return made


def payload_names(profile: Profile) -> str:
    """A regular expression, in the words that grep -E and Python share, for what may lie under data/."""
    kinds = [kind for name in reversed(PROFILES[PROFILES.index(profile) :]) for kind in NAMED[name]]
    return "|".join(kinds)


def _reports(source: RunSource, profile: Profile, adapters: Adapters) -> dict[str, bytes | Path]:
    """The run's editions, each in the language it was in, rendered again: they say what this bundle holds and lacks."""
    token = source.plan_token
    custody = Custody(
        addons=adapters.state,
        shows=SHOWN[profile],
        plan_attested=token.time.isoformat() if token else "",
        authority=token.authority if token else "",
    )
    found: dict[str, bytes | Path] = {}
    results, images = with_readings(source.results), source.folder / "images"
    for edition, name in FILES.items():
        path = source.folder / name
        if edition == "artist" or path.is_file():
            page = render(results, images=images, edition=edition, lang=language_of(path), custody=custody)
            found[name] = page.encode("utf-8")
    return found


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode("utf-8")


def _models(source: RunSource) -> dict[str, Any]:
    environment = source.environment
    return {
        "schema_version": SCHEMA_VERSION,
        "base": source.plan.model.model_dump(mode="json"),
        "base_files": environment.model_files if environment else None,
        "metrics": {m.name: {"lineage": m.lineage, "weights_sha256": m.weights_sha256} for m in source.results.metrics},
    }


def adapters_text(results: Results, fate: Said) -> bytes:
    """adapters.json."""
    listed = [
        {"condition": c.condition, "replicate": c.replicate, "sha256": c.adapter.sha256}
        for c in results.cells
        if c.adapter
    ]
    return _json({"schema_version": SCHEMA_VERSION, "fate": in_english(fate), "adapters": listed})


def read_withheld(data: bytes) -> dict[str, str] | None:
    """Path -> digest of withheld.json; None for one that is not written as `collect_contents` writes it."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or _json(found) != data:
        return None
    if "schema_version" in found:
        stated, found = found, found.get("files")
        if stated != {"schema_version": SCHEMA_VERSION, "files": found} or not isinstance(found, dict):
            return None
    if any(not isinstance(v, str) or not _DIGEST.fullmatch(v) for v in found.values()):
        return None
    return found


def earlier_text(name: str, data: bytes) -> bytes:
    """A file as bundles hold it that were made before every list stated its schema version; others as they are."""
    if name not in ("adapters.json", "models.json", "withheld.json"):
        return data
    found = json.loads(data)
    del found["schema_version"]
    return _json(found["files"] if name == "withheld.json" else found)


def _add_pictures(made: Contents, source: RunSource, profile: Profile) -> None:
    for names, wanted in ((source.generated, profile != "minimal"), (source.shown, profile == "full")):
        for name in names:
            path = source.folder / "images" / name
            if wanted:
                made.files[f"images/{name}"] = path
            else:
                made.withheld[f"images/{name}"] = source.withheld.get(f"images/{name}") or file_digest(path)


def _add_works(
    made: Contents, source: RunSource, profile: Profile, *, originals: Path | None, protected: Mapping[str, Path]
) -> None:
    plan = source.plan
    wanted = {"originals": {w.id: (w.sha256, w.name) for w in plan.works}}
    given: dict[str, Path | None] = {"originals": originals}
    for arm, place in copies_places(plan).items():
        wanted[place] = {f.work: (f.sha256, f.name) for f in plan.copies(arm)}
        given[place] = protected.get(arm)
    for role, folder in given.items():
        if profile == "full" and wanted[role]:
            found = _by_digest(folder) if folder is not None else {}
            for work, (digest, name) in wanted[role].items():
                if digest not in found:
                    raise BadInput("originals-differ", role=role, work=work, file=name)
                made.files[f"{role}/{work}{found[digest].suffix.lower()}"] = found[digest]
        else:
            made.withheld.update({f"{role}/{work}": digest for work, (digest, _) in wanted[role].items()})


def copies_places(plan: Plan) -> dict[str, str]:
    """Arm -> where its files lie in a bundle: a folder of its own where there are several."""
    arms = plan.arms
    return {arm: "protected" if len(arms) == 1 else f"protected/{arm}" for arm in arms}


def _by_digest(folder: Path) -> dict[str, Path]:
    """Digest -> file, of the pictures directly in a folder; links and devices are refused."""
    found = {}
    # Of HEIC, too, where this machine does not read it: the bytes are what counts here.
    named = (*PICTURE_SUFFIXES, *HEIC_SUFFIXES)
    for path in sorted(p for p in folder.glob("*") if p.suffix.lower() in named):
        read_regular(path, limit=MOST_FILE_BYTES)
        found[file_digest(path)] = path
    return found


def _same_code(source: RunSource) -> bool:
    """Whether the code at hand is the code that made the run; other code is not put into its bundle."""
    return source.environment is not None and wheel.is_this_code(source.environment.code)
