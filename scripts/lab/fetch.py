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
    """Return the folder with icons.json and info.json of one set, fetching it if absent."""
    folder = work / "npm" / name
    if (folder / "icons.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["npm", "pack", "--silent", f"@iconify-json/{name}@{pin['version']}"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    archive = next(folder.glob("*.tgz"))
    check_integrity(archive, pin["integrity"])
    with tarfile.open(archive) as bundle:
        # Only two known members are read; nothing is extracted by path. icons.json goes last,
        # because its presence means that the set is complete.
        for member in ("info.json", "icons.json"):
            source = bundle.extractfile(f"package/{member}")
            if source is None:
                raise SystemExit(f"{archive.name} holds no {member}; sets.json pins a wrong package.")
            (folder / member).write_bytes(source.read())
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
