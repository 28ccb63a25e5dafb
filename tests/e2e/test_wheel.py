"""The wheel is whole: installed alone in a new environment, it runs the demo from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MAX_LAB_BYTES = 60e6


def test_wheel_runs_the_demo_elsewhere(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("cloakcheck-*.whl")
    with zipfile.ZipFile(wheel) as files:
        assert "audit/models/known/sdxl.json" in files.namelist(), "the cards of known models are left out"
    env = tmp_path / "env"
    venv.create(env, with_pip=False)
    python = env / "bin" / "python"
    site = next((env / "lib").glob("python*/site-packages"))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)],
        check=True,
        capture_output=True,
    )
    # The dependencies (several GB) come from this environment; a path file inside a path file is not
    # read, so the checkout that is installed here in editable form stays out of sight.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    where = subprocess.run(
        [python, "-c", "import audit; print(audit.__file__)"],
        cwd=elsewhere, env=clean, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(env)
    art = site / "audit" / "models" / "lab" / "artists" / "streamline-freehand-color"
    # The demo's audit with the least of everything: what is shown is that the wheel holds all it needs.
    (elsewhere / "audit.toml").write_text(
        f'originals = "{art}"\nprotect = ["encoder-pgd:16"]\nreplicates = 1\n'
        "[training]\nsteps = 5\n[sampling]\nsteps = 4\n[protection]\nsteps = 2\n",
        encoding="utf-8",
    )
    options = ["--spec", "audit.toml", "--preset", "quick", "--out", "report", "--store", "store"]
    done = subprocess.run(
        [python, "-m", "audit.cli", "run", *options],
        cwd=elsewhere, env=clean, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    report = elsewhere / done.stdout.strip().splitlines()[-1]
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
    results = json.loads((elsewhere / "report" / "results.json").read_text())
    assert results["verdict"]["label"] in ("exploratory", "not-valid")
    assert results["plan"]["model"]["lab"] is True
    assert sum(p.stat().st_size for p in (site / "audit" / "models" / "lab").rglob("*") if p.is_file()) < MAX_LAB_BYTES
