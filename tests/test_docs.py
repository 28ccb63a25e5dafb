"""Documents and code say the same, links resolve, and the site builds."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from typer.main import get_command

from audit.cli import app
from audit.conditions import TREATMENTS
from audit.style import ENCODERS, METRICS
from scripts.docs_pictures import PICTURES
from scripts.messages import template
from scripts.messages_page import page
from scripts.reference import pages

ROOT = Path(__file__).resolve().parent.parent
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_page_of_messages_is_up_to_date():
    assert read("MESSAGES.md") == page(), "run: python -m scripts.messages_page"


def test_the_template_of_translations_is_up_to_date():
    assert read("templates/locale/messages.pot") == template(), "run: python -m scripts.messages"


def test_the_reference_is_up_to_date():
    made = pages()
    assert {name: read(f"docs/reference/{name}") for name in made} == made, "run: python -m scripts.reference"


def test_every_command_says_what_it_does():
    for name, command in get_command(app).commands.items():
        assert command.help, name
        assert f"## `cloakcheck {name}" in read("docs/reference/commands.md")


def test_every_treatment_and_metric_is_in_the_reference():
    listed = read("docs/reference/treatments.md") + read("docs/reference/metrics.md")
    for name in [*TREATMENTS, *METRICS, *ENCODERS]:
        assert f"`{name}`" in listed


def test_the_tree_in_the_docs_is_the_tree():
    described = read("docs/explanation/architecture.md")
    for path in sorted((ROOT / "audit").glob("*")):
        if path.name.startswith("__") or path.name == "_templates":
            continue
        assert path.name in described, path.name


def test_the_readme_is_short_and_the_pages_are_plain():
    assert len(read("README.md").encode()) <= 6_000
    parts = ("tutorials", "how-to", "explanation")
    pages = [page for part in parts for page in (ROOT / "docs" / part).glob("*.md")]
    for path in (ROOT / "README.md", ROOT / "docs" / "index.md", *pages):
        for sentence in sentences(path.read_text(encoding="utf-8")):
            assert len(sentence.split()) <= 25, f"{path.name}: {sentence}"


def sentences(text: str) -> list[str]:
    """Sentences of the running text: without code, tables, headings and the targets of links."""
    running = re.sub(r"```.*?```", "", text, flags=re.S)
    lines = [line for line in running.splitlines() if not line.startswith(("|", "#"))]
    parts = re.split(r"\n\s*\n|\n(?=[-*\d])", "\n".join(lines))
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", part) for part in parts]
    return [s for part in plain for s in re.split(r"(?<=[.:;?!])\s+", part.replace("\n", " ")) if s.strip()]


def test_sections_that_a_tutorial_names_are_those_of_the_page():
    page = read("reports/sample/report.html")
    for name in ("Was the test fair?", "How sure is this?", "What this does not tell you", "Integrity"):
        assert f">{name}" in page, name
        assert name in read("docs/tutorials/reading-a-report.md") + read("docs/how-to/cite.md"), name


def test_every_picture_of_the_docs_names_its_run():
    named = {picture.name for picture in PICTURES}
    assert {path.name for path in (ROOT / "docs" / "images").iterdir()} == named
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
            assert Path(target).name in named, f"{path.name}: {target}"


def test_every_page_with_measured_figures_names_where_they_come_from():
    source = re.compile(r"scripts[./]\w|reports/\w|tests/\w|cloakcheck \w+|\(.*(?:statistics|speed|decisions/\S+)\.md")
    pages = [*(ROOT / "docs" / "explanation").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")]
    for path in pages:
        text = path.read_text(encoding="utf-8")
        if re.search(r"^\|.*\d+(?:\.\d+)? %", text, flags=re.M):
            assert source.search(text), f"{path.name} has a table of figures and names no run"


def test_the_site_builds_without_a_warning(tmp_path):
    for name in ("docs", "zensical.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    build = [sys.executable, "-m", "zensical", "build", "--strict"]
    found = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    page = (tmp_path / "site" / "tutorials" / "first-audit" / "index.html").read_text(encoding="utf-8")
    assert "Your first audit" in page


def test_the_changelog_knows_this_version():
    from audit import __version__

    assert f"## {__version__}" in read("CHANGELOG.md")


def test_public_ci_runs_the_two_commands_of_the_readme():
    block = read("README.md").partition("## Two commands")[2].partition("```")[2].partition("```")[0]
    wanted = [line.partition("#")[0].strip() for line in block.strip().splitlines()]
    assert wanted == ["scripts/demo", "scripts/test"]
    jobs = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]
    run = [step.get("run") for step in jobs["linux"]["steps"]]
    assert set(wanted) <= set(run)
    assert set(jobs["elsewhere"]["strategy"]["matrix"]["system"]) == {"macos-latest", "windows-latest"}
    for job in ("linux", "elsewhere"):
        pythons = jobs[job]["strategy"]["matrix"]["python"]
        assert f'requires-python = ">={pythons[0]}"' in read("pyproject.toml")
        assert len(pythons) == 2
    assert wanted[1] in read(".ci/run")


def test_the_citation_names_this_version():
    from audit import __version__

    cited = yaml.safe_load(read("CITATION.cff"))
    assert str(cited["version"]) == __version__
    assert {"cff-version", "message", "title", "authors", "license"} <= set(cited)
    assert f"Version {__version__}" in read("docs/how-to/cite.md")


def test_issue_forms_can_be_read_and_ask_for_doctor():
    forms = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FORMS.glob("*.yml")}
    for name, form in forms.items():
        assert {"name", "description", "body"} <= set(form), name
        assert any(part["type"] != "markdown" for part in form["body"]), name
    doctor = [part for part in forms["bug.yml"]["body"] if "cloakcheck doctor" in part["attributes"].get("label", "")]
    assert doctor
    assert doctor[0]["validations"]["required"]


def test_relative_links_resolve():
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} -> {target}"


def test_every_decision_is_dated_listed_and_short():
    index = read("docs/decisions/index.md")
    for path in sorted((ROOT / "docs" / "decisions").glob("2*.md")):
        title, _, dated, *rest = path.read_text(encoding="utf-8").splitlines()
        assert f"[{title.removeprefix('# ')}]({path.name})" in index, path.name
        assert dated == f"Decided on {path.name[:10]}.", path.name
        assert rest, path.name
        assert path.stat().st_size <= 5_000, f"{path.name}: a wall; tables in reports/ or fewer words"


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


def test_the_page_of_the_lab_shows_the_figures_of_card_and_table():
    """Freehand from the table of all conditions, else from the card; stickies from the card."""
    card = read("audit/models/lab/CARD.md").partition("### streamline-stickies-color")
    freehand = figures(card[0].splitlines()) | figures(read("reports/lab/conditions.md").splitlines())
    stickies = figures(card[2].splitlines())
    rows = (
        read("docs/explanation/lab-model.md")
        .partition("| training pictures |")[2]
        .partition("\n\n")[0]
        .splitlines()[2:]
    )
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
