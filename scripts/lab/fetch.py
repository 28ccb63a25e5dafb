"""Fetch the pinned icon packages from npm and check each against its recorded integrity hash.

Run: python -m scripts.lab.fetch --work DIR
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import tarfile
from pathlib import Path

from audit.store import write_atomic

SETS_FILE = Path(__file__).with_name("sets.json")


def load_sets() -> dict[str, dict[str, str]]:
    """Return the pinned sets: name -> {version, integrity, role, style}."""
    sets: dict[str, dict[str, str]] = json.loads(SETS_FILE.read_text(encoding="utf-8"))["sets"]
    return sets


def check_integrity(archive: Path, expected: str) -> None:
    """Compare an npm `sha512-<base64>` integrity string with the file's own digest."""
    algorithm, _, encoded = expected.partition("-")
    seen = base64.b64encode(hashlib.new(algorithm, archive.read_bytes()).digest()).decode("ascii")
    if seen != encoded:
        raise SystemExit(f"{archive.name} has digest {seen}, but sets.json pins {encoded}; delete it and fetch again.")


def fetch(name: str, pin: dict[str, str], work: Path) -> Path:
    """Return the folder with icons.json and info.json of one set as pinned, fetching its archive if absent."""
    folder = work / "npm" / name
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"iconify-json-{name}-{pin['version']}.tgz"
    if not archive.exists():
        subprocess.run(
            ["npm", "pack", "--silent", f"@iconify-json/{name}@{pin['version']}"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    # Every time, because what lies there may be of another pin or half-written.
    check_integrity(archive, pin["integrity"])
    with tarfile.open(archive) as bundle:
        # Only two known members are read; nothing is extracted by path.
        for member in ("info.json", "icons.json"):
            source = bundle.extractfile(f"package/{member}")
            if source is None:
                raise SystemExit(f"{archive.name} holds no {member}; sets.json pins a wrong package.")
            write_atomic(folder / member, source.read())
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    work: Path = parser.parse_args().work
    for name, pin in load_sets().items():
        fetch(name, pin, work)
        print(f"fetched {name} {pin['version']}", flush=True)


if __name__ == "__main__":
    main()
