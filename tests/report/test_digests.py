"""Every digest that a page shows is what `sha256sum` prints for a file that is there, or is named as something else."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from audit.evidence.stated import stated_results
from audit.models.cards import LAB_ARTISTS
from audit.report import render
from audit.runfolder import read_results
from tests.report.soup import plain_rows

SAMPLE = Path(__file__).parents[2] / "reports" / "sample"
WORKS = LAB_ARTISTS / "streamline-freehand-color"
NAMED_ELSE = ("canonical", "together", "card ")
"""What a digest that is of no file's bytes says of itself: in its row, its heading or its paragraph."""

pytestmark = pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum on this machine")


def printed(*files: Path) -> dict[str, str]:
    """File name -> what the real program prints for it."""
    run = subprocess.run(["sha256sum", "--", *map(str, files)], capture_output=True, check=True, text=True)
    return {Path(line[66:]).name: line[:64] for line in run.stdout.splitlines()}


def unexplained(html: str, files: dict[str, str], *, gone: tuple[str, ...] = ()) -> list[str]:
    """Lines of the page with a digest that is not that of the file they name and not said to be another kind.

    Args:
        gone: captions of tables whose files are not at hand.
    """
    found = []
    for caption, heads, cells in plain_rows(html):
        line = f"{caption} | {' | '.join(heads)} | {' | '.join(cells)}"
        for digest in re.findall(r"\b[0-9a-f]{64}\b", " ".join(cells)):
            if any(word in line for word in NAMED_ELSE) or any(caption.endswith(name) for name in gone):
                continue
            name = next((c.removeprefix("File ") for c in cells if c.removeprefix("File ") in files), "")
            if files.get(name) != digest:
                found.append(line)
    return found


@pytest.mark.parametrize("edition", ["artist", "court"])
def test_the_shipped_sample_shows_what_sha256sum_prints(edition: str) -> None:
    files = printed(SAMPLE / "plan.json", SAMPLE / "results.json", *sorted(WORKS.glob("*.png")))
    page = render(read_results(SAMPLE), images=SAMPLE / "images", edition=edition)  # type: ignore[arg-type]
    assert unexplained(page, files, gone=("Trained add-ons",)) == []
    shown = {digest for *_, cells in plain_rows(page) for digest in cells}
    assert {files["plan.json"], files["results.json"]} <= shown
    assert len(set(files.values()) & shown) == 2 + 60


def test_a_digest_of_nothing_is_found(tmp_path: Path) -> None:
    """The test itself: a file that changed after the page was written, and a digest that says nothing of itself."""
    results = read_results(SAMPLE)
    page = render(results, images=SAMPLE / "images")
    plan = tmp_path / "plan.json"
    plan.write_bytes((SAMPLE / "plan.json").read_bytes() + b" ")
    files = printed(plan, SAMPLE / "results.json", *sorted(WORKS.glob("*.png")))
    assert len(unexplained(page, files, gone=("Trained add-ons",))) == 1
    bare = page.replace("Base model, all of its files together", "Base model")
    files = printed(SAMPLE / "plan.json", SAMPLE / "results.json", *sorted(WORKS.glob("*.png")))
    assert len(unexplained(bare, files, gone=("Trained add-ons",))) == 1


def test_the_shipped_sample_is_as_todays_judge_answers() -> None:
    """Else whoever renders it anew reads that its file states other answers than its scores give."""
    _, said = stated_results(SAMPLE)
    assert said == ()
