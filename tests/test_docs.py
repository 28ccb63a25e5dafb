"""Documents and code say the same: every message, command and option is documented, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from audit.cli import app
from audit.conditions import TREATMENTS
from audit.style import ENCODERS, METRICS
from scripts.messages_page import page

ROOT = Path(__file__).resolve().parent.parent


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_page_of_messages_is_up_to_date():
    assert read("MESSAGES.md") == page(), "run: python -m scripts.messages_page"


@pytest.mark.parametrize("name", sorted(get_command(app).commands))
def test_every_command_and_option_is_in_the_readme(name):
    readme, command = read("README.md"), get_command(app).commands[name]
    assert f"cloakcheck {name}" in readme
    assert command.help
    for option in command.params:
        for flag in option.opts:
            if flag.startswith("--"):
                assert f"`{flag}" in readme, flag


def test_every_treatment_and_metric_is_in_the_readme():
    readme = read("README.md")
    for name in [*TREATMENTS, *METRICS, *ENCODERS]:
        assert f"`{name}" in readme


def test_the_tree_in_the_readme_is_the_tree():
    readme = read("README.md")
    for path in sorted((ROOT / "audit").glob("*")):
        if path.name.startswith("__") or path.name == "_templates":
            continue
        assert path.name in readme, path.name


def test_the_changelog_knows_this_version():
    from audit import __version__

    assert f"## {__version__}" in read("CHANGELOG.md")


def test_relative_links_resolve():
    for name in ("README.md", "CONTRIBUTING.md", "MESSAGES.md", "DECISIONS.md", "CHANGELOG.md", "SECURITY.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(name)):
            assert (ROOT / target).exists(), f"{name} -> {target}"


def figures(lines: list[str]) -> dict[tuple[str, str, str], str]:
    """Index and index at equal noise of every condition in a table: (condition, metric, "" or "equal") -> words."""
    found: dict[tuple[str, str, str], str] = {}
    heads: list[str] = []
    above = ""
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "condition":
            heads = cells
        elif cells[0].startswith("protection index, ") and len(cells) == 3:
            above = cells[0].removeprefix("protection index, ").partition(" (")[0]
            found |= {(above, metric, ""): cell for metric, cell in zip(METRICS, cells[1:], strict=True)}
        elif cells[0] == "the same, base and clean as noisy":
            found |= {(above, metric, "equal"): cell for metric, cell in zip(METRICS, cells[1:], strict=True)}
        elif heads and len(cells) == len(heads) and cells[0].startswith("`"):
            for head, cell in zip(heads, cells, strict=True):
                for kind, words in (("", "index, "), ("equal", "index at equal noise, ")):
                    if head.startswith(words):
                        found[cells[0].strip("`"), head.removeprefix(words), kind] = cell
    return {key: value.replace("-0 ", "0 ").replace("-0)", "0)") for key, value in found.items()}


def test_the_readme_shows_the_figures_of_card_and_table():
    """Freehand from the table of all conditions, else from the card; stickies from the card."""
    card = read("audit/models/lab/CARD.md").partition("### streamline-stickies-color")
    freehand = figures(card[0].splitlines()) | figures(read("reports/lab/conditions.md").splitlines())
    stickies = figures(card[2].splitlines())
    rows = read("README.md").partition("| training pictures |")[2].partition("\n\n")[0].splitlines()[2:]
    columns = [
        (freehand, "channel_stats", ""), (freehand, "channel_stats", "equal"), (freehand, "openclip", ""),
        (stickies, "channel_stats", ""),
    ]  # fmt: skip
    seen = 0
    for row in rows:
        what, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        # The placebo of the table is as strong as the strongest of its protections.
        name = re.search(r"`([^`]+)`", what)[1].replace("placebo:64", "placebo")
        for cell, (table, metric, kind) in zip(cells, columns, strict=True):
            assert cell in ("", table.get((name, metric, kind))), (name, metric, kind)
            seen += bool(cell)
    assert seen > 30
