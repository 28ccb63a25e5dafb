"""The light base: the wheel without the extra `train`, alone in an empty environment, verifies, judges and shows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from audit.cli.told import TRAINING

ROOT = Path(__file__).resolve().parent.parent.parent
MAX_BYTES = 600e6
"""Measured 2026-11-30: 466 MB, of which 50 MB are the lab model, LPIPS and pictures."""


def pip(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_the_base_without_the_extra_verifies_judges_and_reports(finished, sealed, tmp_path):
    if pip("install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "numpy").returncode:
        pytest.skip("no package index can be reached")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("cloakcheck-*.whl")
    env = tmp_path / "env"
    venv.create(env, with_pip=False)
    bin_ = env / ("Scripts" if os.name == "nt" else "bin")
    installed = pip("--python", bin_ / "python", "install", "--quiet", wheel)
    assert installed.returncode == 0, installed.stderr
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def call(*words: object, code: int = 0) -> str:
        command = [str(bin_ / "cloakcheck"), *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, env=clean, check=False, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    found = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    listed = subprocess.run([bin_ / "python", "-c", found, *TRAINING], check=True, capture_output=True, text=True)
    assert listed.stdout == "[]\n"
    run = shutil.copytree(finished, tmp_path / "run")
    assert "verifies" in call("verify", sealed)
    # 3: the made-up figures of this run are not valid.
    assert call("judge", run, code=3).splitlines()[-1] == str(run / "report.html")
    assert (run / "report.html").read_bytes() == (finished / "report.html").read_bytes()
    call("report", run, "--court", "--lang", "de")
    assert (run / "report-de-court.html").is_file()
    call("overview", run, "--out", tmp_path / "overview.html")
    assert (tmp_path / "overview.html").is_file()
    call("bundle", run, "--out", tmp_path / "bundle", "--key", tmp_path / "key.pem")
    assert "verifies" in call("verify", tmp_path / "bundle")
    assert "[training-missing]" in call("demo", code=2)
    size = sum(f.stat().st_size for f in env.rglob("*") if f.is_file() and not f.is_symlink())
    assert size < MAX_BYTES, f"{size / 1e6:.0f} MB"
