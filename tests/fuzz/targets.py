"""What is fuzzed: each target is a function that makes one case in a folder and runs it.

A case passes when it succeeds or raises an `AuditError` that is one sentence, documented, without a path of
the machine; anything else (another exception, a hang, a file outside the case's folder) is a finding.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from audit.collect import collect
from audit.evidence.adapters import Adapters
from audit.evidence.bundle import Request, write_bundle
from audit.evidence.source import read_source
from audit.evidence.verify import verify
from audit.images.decoder import open_isolated
from audit.plan.spec import load_spec
from audit.report.page import render
from audit.report.shell import Edition
from audit.runfolder import read_results
from audit.stages.finish import finish
from tests.builders import make_plan
from tests.e2e.folders import drawing, write_originals
from tests.evidence.runs import PROMPTS, write_run
from tests.fuzz import borders
from tests.fuzz.spoil import hostile_text, spoil_bytes, spoil_json, word

Rng: TypeAlias = np.random.Generator
NO_ADAPTERS = Adapters(Path("store"), {}, (), False)
SPEC = """
originals = "art"
protect = ["encoder-pgd:16"]
control = ["null"]
artist = "A"
preset = "quick"
replicates = 6
out = "here"
seed = 1

[training]
rank = 8
learning_rate = 1e-3

[margins]
held = 0.5
"""


@dataclass(frozen=True)
class Material:
    """Sound things to spoil, made once."""

    pictures: tuple[Path, ...]
    small: Path
    run: Path
    bundle: Path
    results: dict[str, object]
    light: dict[str, object]
    """Results of a smaller audit: cheaper to judge and to show."""

    def some_results(self, rng: Rng) -> dict[str, object]:
        return self.results if rng.random() < 0.2 else self.light


def make_material(folder: Path) -> Material:
    art = write_originals(folder / "art", count=16)
    small = folder / "small"
    small.mkdir()
    for index in range(10):
        Image.fromarray(drawing(index, height=20, width=24)).save(small / f"{index}.png")
    run = write_run(folder / "run")
    bundle = folder / "bundle"
    write_bundle(read_source(run), _request(bundle), key=Ed25519PrivateKey.generate())
    light = write_run(folder / "light", make_plan(prompts=PROMPTS, replicates=2, metrics=("channel_stats",)))
    found = [json.loads((of / "results.json").read_text()) for of in (run, light)]
    return Material(tuple(sorted(art.iterdir())), small, run, bundle, *found)


def _request(out: Path) -> Request:
    return Request(profile="minimal", out=out, originals=None, protected={}, adapters=NO_ADAPTERS)


def picture(rng: Rng, at: Path, material: Material) -> None:
    """One spoiled picture file through the decoder."""
    source = material.pictures[int(rng.integers(0, len(material.pictures)))]
    path = at / f"spoiled{source.suffix}"
    path.write_bytes(spoil_bytes(rng, source.read_bytes()))
    open_isolated(path)


def folder(rng: Rng, at: Path, material: Material) -> None:
    """A folder with a spoiled picture, hostile names, pipes, links and captions through collection."""
    art = shutil.copytree(material.small, at / "art")
    for _ in range(int(rng.integers(1, 4))):
        victim = art / f"{int(rng.integers(0, 10))}.png"
        name = word(rng).replace("/", "_").replace("\0", "_")[:60]
        if victim.is_symlink() or not victim.is_file():
            continue  # an earlier change made a pipe or a link of it
        try:
            match int(rng.integers(0, 7)):
                case 0:
                    victim.write_bytes(spoil_bytes(rng, victim.read_bytes()))
                case 6:
                    os.link(victim, at / f"{name}.other")
                case 1:
                    victim.rename(art / f"{name}.png")
                case 2:
                    victim.with_suffix(".txt").write_bytes(spoil_bytes(rng, name.encode("utf-8", "replace")))
                case 3:
                    victim.unlink()
                    os.mkfifo(victim)
                case 4:
                    victim.unlink()
                    victim.symlink_to(rng.choice(["/etc/passwd", "/dev/zero", "0.png", "nowhere"]))
                case _:
                    (art / f"{name}.png").write_bytes(victim.read_bytes())
        except (OSError, UnicodeError):
            continue  # this file system takes no such name, or the file went with an earlier change
    collect(originals=art, protected={}, artist=word(rng), save=lambda pixels: "0" * 64)


def spec(rng: Rng, at: Path, material: Material) -> None:
    """A spoiled spec file."""
    text = SPEC.encode()
    if rng.random() < 0.5:
        quoted = json.dumps(word(rng), ensure_ascii=bool(rng.random() < 0.5)).encode("utf-8", "replace")
        values = [quoted, b"[" * int(rng.integers(1, 30_000)), b"{a=" * int(rng.integers(1, 3000)), b"1e999", b"nan"]
        lines = text.split(b"\n")
        chosen = int(rng.integers(0, len(lines)))
        lines[chosen] = lines[chosen].partition(b"=")[0] + b"= " + values[int(rng.integers(0, len(values)))]
        text = b"\n".join(lines)
    else:
        text = spoil_bytes(rng, text)
    (at / "audit.toml").write_bytes(text)
    load_spec({}, at / "audit.toml")


def results(rng: Rng, at: Path, material: Material) -> None:
    """A spoiled results.json through the judge and the report."""
    if rng.random() < 0.3:
        data = spoil_bytes(rng, (material.run / "results.json").read_bytes())
    else:
        spoiled = material.some_results(rng)
        for _ in range(int(rng.integers(1, 3))):
            spoiled = spoil_json(rng, spoiled)
        data = json.dumps(spoiled).encode("utf-8", "replace")
    (at / "results.json").write_bytes(data)
    finish(read_results(at), at)


def report(rng: Rng, at: Path, material: Material) -> None:
    """Hostile texts everywhere in sound results: the page must show them and run none."""
    (at / "results.json").write_text(json.dumps(hostile_text(rng, material.some_results(rng))))
    edition: Edition = "court" if rng.random() < 0.2 else "artist"
    lang = "de" if rng.random() < 0.2 else "en"
    html = render(read_results(at), images=material.run / "images", edition=edition, lang=lang)
    for live in ("<script>alert", "' onmouseover=alert", 'href="javascript:', "\u202e", "49 }}"):
        assert live not in html, live
    assert html.count("<script") == (edition == "artist")


def run_folder(rng: Rng, at: Path, material: Material) -> None:
    """A run folder with one spoiled file: sealed only when what was sealed verifies."""
    run = shutil.copytree(material.run, at / "run")
    names = ["plan.json", "results.json", "events.jsonl", "environment.json", "plan.tsq"]
    path = run / names[int(rng.integers(0, len(names)))]
    path.write_bytes(spoil_bytes(rng, path.read_bytes()))
    write_bundle(read_source(run), _request(at / "bundle"), key=Ed25519PrivateKey.generate())
    broken = [f for f in verify(at / "bundle") if not f.passed]
    assert not broken, broken


def bundle(rng: Rng, at: Path, material: Material) -> None:
    """A bundle with one spoiled file: never verified."""
    copy = shutil.copytree(material.bundle, at / "bundle")
    files = sorted(p for p in copy.rglob("*") if p.is_file())
    path = files[int(rng.integers(0, len(files)))]
    before = path.read_bytes()
    path.write_bytes(spoil_bytes(rng, before))
    same = path.read_bytes() == before
    assert all(f.passed for f in verify(copy)) == same, path.name


Target: TypeAlias = Callable[[Rng, Path, Material], None]
TARGETS: dict[str, tuple[Target, float]] = {
    "picture": (picture, 0.12),
    "folder": (folder, 0.12),
    "spec": (spec, 0.14),
    "results": (results, 0.12),
    "bundle": (bundle, 0.08),
    "run_folder": (run_folder, 0.06),
    "report": (report, 0.06),
    **borders.TARGETS,
}
"""Name -> target and its share of the cases."""
