"""The released pictures of robust-style-mimicry (2024), read in the folders they come in.

    training_images/original/<artist>/            what models learned from
    generated_images/<case...>/<artist>/0000.png  pictures by models trained on protected works, by prompt
    generated_images/no-protections/<case...>/<artist>/   the same by models trained on the originals

A case is whatever path leads to an artist: `glaze/noisy_upscaling`, `naive-mimicry/mist`, ...
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadInput

BASELINE = "no-protections"
LEAST_ARTISTS = 4
"""Each artist is told from at least three others."""
DEEPEST = 4


@dataclass(frozen=True)
class Case:
    """Pictures of one artist under one protection and method, beside those by models trained on the originals.

    Attributes:
        name: the path between `generated_images` and the artist, with slashes.
        same_seeds: whether the baseline was made for this very case, with its seeds.
    """

    name: str
    artist: str
    made: Path
    baseline: Path
    same_seeds: bool


def find_cases(folder: Path) -> tuple[tuple[Path, ...], tuple[Case, ...]]:
    """Folders of the artists' originals, by name, and every case that has a baseline.

    Raises:
        BadInput: `released-layout`.
    """
    originals, generated = folder / "training_images" / "original", folder / "generated_images"
    artists = sorted(p for p in originals.iterdir() if p.is_dir()) if originals.is_dir() else []
    names = {p.name for p in artists}
    ends = sorted(_ends(generated, names, DEEPEST)) if generated.is_dir() else []
    baselines = {p.relative_to(generated / BASELINE).as_posix(): p for p in ends if BASELINE in p.parts}
    cases = []
    for made in ends:
        path = made.relative_to(generated)
        if BASELINE in path.parts:
            continue
        same = baselines.get(path.as_posix())
        nearest = same or _stand_in(path, baselines)
        if nearest is not None:
            cases.append(Case(path.parent.as_posix(), path.name, made, nearest, same_seeds=same is not None))
    if len(artists) < LEAST_ARTISTS or not cases:
        raise BadInput(
            "released-layout",
            folder=folder.absolute().name,
            artists=len(artists),
            cases=len(cases),
            least=LEAST_ARTISTS,
        )
    return tuple(artists), tuple(cases)


def _ends(folder: Path, names: set[str], depth: int) -> list[Path]:
    """Folders below that bear an artist's name; links are not followed."""
    found = []
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if not entry.is_dir(follow_symlinks=False):
            continue
        if entry.name in names:
            found.append(Path(entry.path))
        elif depth:
            found += _ends(Path(entry.path), names, depth - 1)
    return found


def _stand_in(path: Path, baselines: dict[str, Path]) -> Path | None:
    """For a case without a baseline of its own: the first of its artist, of the same protection if there is one."""
    same = [name for name in baselines if Path(name).name == path.name]
    alike = [name for name in same if set(Path(name).parts[:-1]) & set(path.parts[:-1])]
    return baselines[(alike or same)[0]] if same else None
