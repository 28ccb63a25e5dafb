"""What stands where the answer is read: limits of the lab model, claimed tools, what shrinking leaves; the language."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from audit import records as r
from audit.base.messages import render as said
from audit.cli.finished import _last_language
from audit.collect.names import claimed_levels
from audit.report import notes, render
from audit.report.lint import visible_text
from audit.report.page import write_report
from audit.report.terminal import show
from tests.report import golden

GLAZED = "-glazed-intensity-HIGH.png"


def with_files(results: r.Results, names: list[str], tools: tuple[str, ...] = ("Glaze",)) -> r.Results:
    files = tuple(
        r.ProtectedFile(
            work=work.id, name=name, sha256=work.sha256, pixels=work.pixels, width=8, height=8, matched_by="name",
            claimed_tools=tools, claimed_levels=claimed_levels(name) if tools else (),
        )
        for work, name in zip(results.plan.works, names, strict=False)
    )  # fmt: skip
    return results.model_copy(update={"plan": results.plan.model_copy(update={"protected": files})})


def on_sd(results: r.Results) -> r.Results:
    model = results.plan.model.model_copy(update={"lab": False, "name": "sd15", "resolution": 512})
    return results.model_copy(update={"plan": results.plan.model_copy(update={"model": model})})


def shown(results: r.Results, *, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace")
    show(results, Console(file=stream, width=300))
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_the_lab_models_limits_come_before_the_answer() -> None:
    results = golden.fixed("held")
    text = render(results, images=Path("nowhere"))
    assert text.index("Lab model: 64 px, trained on icons.") < text.index('id="answer"')
    assert "Test on a real base model" in visible_text(text)
    terminal = shown(results)
    assert terminal.index("Lab model: 64 px, trained on icons.") < terminal.index("Held")


def test_large_works_are_told_what_the_lab_model_does_not_see_of_them() -> None:
    results = golden.fixed("held")
    works = tuple(work.model_copy(update={"width": 2000, "height": 1500}) for work in results.plan.works)
    results = results.model_copy(update={"plan": results.plan.model_copy(update={"works": works})})
    text = render(results, images=Path("nowhere"))
    told = "These works, of 1500 px or more, are shrunk to that size, so brushwork and fine texture are gone."
    assert text.index(told) < text.index('id="answer"')
    assert told in shown(results)


def test_another_model_has_no_such_note() -> None:
    text = render(on_sd(golden.fixed("held")), images=Path("nowhere"))
    assert "trained on icons" not in text
    assert "Test on a real base model" not in visible_text(text)


@pytest.mark.parametrize(
    ("names", "tools", "told"),
    [
        ([f"cat{GLAZED}", f"fox{GLAZED}"], ("Glaze",), "By their file names: Glaze, intensity HIGH (2 of 2 files)."),
        (
            [f"cat{GLAZED}", "fox-glazed-intensity-LOW-V2.png", f"owl{GLAZED}"], ("Glaze",),
            "By their file names: Glaze, intensity HIGH (2 of 3 files); Glaze, intensity LOW (V2) (1 of 3 files).",
        ),
        (["cat_attacked.png"], ("Diff-Protect",), "By their file names: Diff-Protect (1 of 1 files)."),
        (["cat.png"], (), None),
    ],
)  # fmt: skip
def test_tools_and_settings_that_names_claim_stand_at_the_top(
    names: list[str], tools: tuple[str, ...], told: str | None
) -> None:
    results = with_files(golden.fixed("held"), names, tools)
    found = notes.claimed(results.plan)
    assert (found and said(found)) == told
    assert "By their file names" in (text := render(results, images=Path("nowhere"))) or told is None
    assert told is None or (told in text and told in shown(results))


@pytest.mark.parametrize(("kept", "told"), [(0.2, True), (0.8, False), (None, False)])
def test_what_shrinking_leaves_is_told_where_it_is_less_than_half(kept: float | None, told: bool) -> None:
    results = golden.fixed("held")
    assert results.readings is not None
    rows = tuple(
        c if c.seen is None else c.model_copy(update={"seen": c.seen.model_copy(update={"kept": kept})})
        for c in results.readings.conditions
    )
    results = results.model_copy(update={"readings": results.readings.model_copy(update={"conditions": rows})})
    text = render(results, images=Path("nowhere"))
    assert ("Shrunk to the 64 px of this model, the protected files keep 20" in text) == told


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_the_scale_is_drawn_with_what_the_console_has(encoding: str) -> None:
    assert "o" in next(line for line in shown(golden.fixed("held"), encoding=encoding).splitlines() if "---" in line)


def test_the_printed_page_is_in_the_language_that_was_asked_for_last(tmp_path: Path) -> None:
    results = golden.fixed("held")
    write_report(results, run_folder=tmp_path)
    assert _last_language(tmp_path) == "en"
    german = write_report(results, run_folder=tmp_path, lang="de", target=tmp_path / "report-de.html")
    os.utime(tmp_path / "report.html", (1, 1))
    assert _last_language(tmp_path) == "de"
    os.utime(german, (0, 0))
    assert _last_language(tmp_path) == "en"


def test_a_page_keeps_its_language(tmp_path: Path) -> None:
    results = golden.fixed("held")
    write_report(results, run_folder=tmp_path, lang="de")
    court = write_report(results, run_folder=tmp_path, edition="court")
    assert '<html lang="de"' in court.read_text(encoding="utf-8")
    write_report(results, run_folder=tmp_path, lang="en")
    assert '<html lang="en"' in write_report(results, run_folder=tmp_path).read_text(encoding="utf-8")
