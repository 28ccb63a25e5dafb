"""What goes into a bundle under each profile, and what is left out and named by its digest only."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from audit.base.errors import BadInput
from audit.evidence import wheel
from audit.evidence.adapters import Adapters
from audit.evidence.sbom import sbom_text
from audit.evidence.source import RunSource
from audit.images import read_regular
from audit.judge import with_readings
from audit.models.cards import LAB
from audit.records import SCHEMA_VERSION, Results
from audit.report.custody import Custody
from audit.report.locale import SOURCE, languages
from audit.report.page import FILES, render
from audit.runfolder.provenance import code_digests
from audit.store import file_digest

Profile = Literal["full", "redacted", "minimal"]
PROFILES: tuple[Profile, ...] = ("full", "redacted", "minimal")
SHOWN: dict[Profile, Literal["all", "generated", "none"]] = {"full": "all", "redacted": "generated", "minimal": "none"}
"""Profile -> pictures that its reports show."""
MOST_FILE_BYTES = 100 << 20


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
    protected: Path | None,
    adapters: Adapters,
) -> Contents:
    """Choose and make every file of a bundle; writes nothing.

    Args:
        originals: the artist's folder, needed by `full`; protected: likewise, when the plan has such files.
        adapters: what becomes of the trained add-ons.

    Raises:
        BadInput: `originals-differ`, when `full` is asked for and a file of the plan is not in the folder given.
    """
    made = Contents()
    files, folder = made.files, source.folder
    for name in ("plan.json", "results.json", "events.jsonl"):
        files[name] = folder / name
    for name in ("plan.tsq", "plan.tsr", "plan-tsa.pem", "environment.json"):
        if (folder / name).is_file():
            files[name] = folder / name
    if source.results.schema_version == SCHEMA_VERSION:
        files["results.schema.json"] = _json(Results.model_json_schema())
    files["sbom.cdx.json"] = sbom_text(source.results, source.environment).encode("utf-8")
    files["models.json"] = _json(_models(source))
    if source.plan.model.lab:
        files["lab-model-card.md"] = LAB / "CARD.md"
    files["adapters.json"] = _json(_adapters(source, adapters.fate))
    for digest, path in adapters.kept().items():
        files[f"weights/{digest}.safetensors"] = path
    _add_pictures(made, source, profile)
    _add_works(made, source, profile, originals=originals, protected=protected)
    files |= _reports(source, profile, adapters)
    if profile != "minimal" and _same_code(source):
        files[f"code/{wheel.NAME}"] = wheel.wheel()
    files["withheld.json"] = _json(made.withheld)
    return made


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
            page = render(results, images=images, edition=edition, lang=_language(path), custody=custody)
            found[name] = page.encode("utf-8")
    return found


def _language(page: Path) -> str:
    """The language of a report that lies there; English for anything else."""
    try:
        with page.open("rb") as file:
            named = re.search(rb'<html lang="([a-z]{2,3})"', file.read(200))
    except OSError:
        named = None
    code = named[1].decode() if named else SOURCE
    return code if code in languages() else SOURCE


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode("utf-8")


def _models(source: RunSource) -> dict[str, Any]:
    environment = source.environment
    return {
        "base": source.plan.model.model_dump(mode="json"),
        "base_files": environment.model_files if environment else None,
        "metrics": {m.name: {"lineage": m.lineage, "weights_sha256": m.weights_sha256} for m in source.results.metrics},
    }


def _adapters(source: RunSource, fate: str) -> dict[str, Any]:
    return {
        "fate": fate,
        "adapters": [
            {"condition": c.condition, "replicate": c.replicate, "sha256": c.adapter.sha256}
            for c in source.results.cells
            if c.adapter
        ],
    }


def _add_pictures(made: Contents, source: RunSource, profile: Profile) -> None:
    for names, wanted in ((source.generated, profile != "minimal"), (source.shown, profile == "full")):
        for name in names:
            path = source.folder / "images" / name
            if wanted:
                made.files[f"images/{name}"] = path
            else:
                made.withheld[f"images/{name}"] = file_digest(path)


def _add_works(
    made: Contents, source: RunSource, profile: Profile, *, originals: Path | None, protected: Path | None
) -> None:
    plan = source.plan
    wanted = {"originals": {w.id: (w.sha256, w.name) for w in plan.works}}
    wanted["protected"] = {f.work: (f.sha256, f.name) for f in plan.protected}
    for role, folder in (("originals", originals), ("protected", protected)):
        if profile == "full" and wanted[role]:
            found = _by_digest(folder) if folder is not None else {}
            for work, (digest, name) in wanted[role].items():
                if digest not in found:
                    raise BadInput("originals-differ", role=role, work=work, file=name)
                made.files[f"{role}/{work}{found[digest].suffix.lower()}"] = found[digest]
        else:
            made.withheld.update({f"{role}/{work}": digest for work, (digest, _) in wanted[role].items()})


def _by_digest(folder: Path) -> dict[str, Path]:
    """Digest -> file, of the pictures directly in a folder; links and devices are refused."""
    found = {}
    for path in sorted(p for p in folder.glob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".jfif", ".webp")):
        read_regular(path, limit=MOST_FILE_BYTES)
        found[file_digest(path)] = path
    return found


def _same_code(source: RunSource) -> bool:
    """Whether the code at hand is the code that made the run; other code is not put into its bundle."""
    return source.environment is not None and source.environment.code == code_digests()
