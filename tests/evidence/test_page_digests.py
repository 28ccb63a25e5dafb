"""The pages of a bundle: what they show by a file's name is what `sha256sum` prints for that file of the bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.report.test_digests import printed, unexplained


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum on this machine")
@pytest.mark.parametrize("page", ["report.html", "report-court.html"])
def test_every_digest_on_a_page_of_a_bundle(sealed_full: Path, works: tuple[Path, Path], page: str) -> None:
    data = sealed_full / "bag" / "data"
    files = printed(*(data / name for name in ("plan.json", "results.json")), *sorted(works[0].iterdir()))
    html = (data / page).read_text(encoding="utf-8")
    assert files["plan.json"] in html
    assert files["results.json"] in html
    # The run is made up: its add-ons were never trained.
    assert unexplained(html, files, gone=("Trained add-ons",)) == []
