"""Tables for other programs: every number once and exactly, and the lines of the docs open them."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from audit.base.errors import BadInput
from audit.cli import app
from audit.commands.export_tables import export_tables
from audit.report import render
from audit.report.sections import numbers
from audit.report.tidy import tidy_tables
from audit.runfolder import read_results
from tests.report import golden, scenes
from tests.report.soup import taste

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "reports" / "sample"
HOW_TO = (ROOT / "docs" / "how-to" / "numbers.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    for format in ("csv", "json"):
        done = CliRunner().invoke(app, ["export", str(SAMPLE), "--format", format, "--out", str(folder)])
        assert done.exit_code == 0, done.output
        assert done.stdout.split() == [str(folder / f"{name}.{format}") for name in ("scores", "estimates")]
    return folder


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_every_score_and_estimate_stands_once_and_exactly(tables):
    results = read_results(SAMPLE)
    cells = [("default", c) for c in results.cells] + [(s.setting, c) for s in results.settings for c in s.cells]
    wanted = {
        (setting, c.condition, str(c.replicate), s.metric, str(s.prompt), str(s.noise)): s.value
        for setting, c in cells
        for s in c.scores
    }
    rows = read(tables / "scores.csv")
    keys = ("setting", "condition", "replicate", "metric", "prompt", "noise")
    assert len(rows) == len(wanted)
    assert {tuple(r[k] for k in keys): float(r["score"]) for r in rows} == wanted
    assert {r["condition"] for r in rows} >= {"null", "base", "clean"}
    found = [(r["estimate"], r["condition"], r["metric"], r["setting"], r["value"], r["low"]) for r in
             read(tables / "estimates.csv")]  # fmt: skip
    shown = [(e.name, e.condition, e.metric, e.setting, *("" if v is None else repr(v) for v in (e.value, e.low)))
             for e in results.estimates]  # fmt: skip
    assert found == shown


def test_json_holds_the_same(tables):
    for name in ("scores", "estimates"):
        told = json.loads((tables / f"{name}.json").read_text(encoding="utf-8"))
        written = read(tables / f"{name}.csv")
        assert [{k: _as_csv(v) for k, v in row.items()} for row in told] == written


def _as_csv(value: object) -> str:
    return "" if value is None else str(value).upper() if isinstance(value, bool) else str(value)


def line(language: str) -> str:
    return re.search(rf"```{language}\n(.+)\n```", HOW_TO)[1]


def test_the_line_for_pandas_opens_it(tables, monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.chdir(tables)
    names = {"pandas": pandas}
    exec(line("python"), names)
    scores = names["scores"]
    # A control is called as pandas calls a missing field.
    assert (scores.condition == "null").sum() == sum(r["condition"] == "null" for r in read(tables / "scores.csv"))
    assert scores.score.dtype == float
    assert scores.primary_metric.dtype == bool
    assert scores.replicate.dtype.kind == "i"
    exec(re.findall(r"```python\n(.+)\n```", HOW_TO)[1], names)
    means = names["gains"].unstack("replicate")
    gain = (means.loc["clean", "default"] - means.loc["base", "default"]).mean()
    stated = next(e.value for e in read_results(SAMPLE).estimates if (e.name, e.condition) == ("gain", "clean"))
    assert gain == pytest.approx(stated)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="no R on this machine")
def test_the_line_for_r_opens_it(tables):
    kinds = ", ".join(f"class(scores${name})" for name in ("score", "prompt", "primary_metric"))
    told = f"{line('r')}; cat(nrow(scores), sum(scores$condition == 'null'), {kinds})"
    done = subprocess.run(["Rscript", "-e", told], cwd=tables, capture_output=True, text=True, check=True)
    rows = read(tables / "scores.csv")
    assert done.stdout.split() == [
        str(len(rows)),
        str(sum(r["condition"] == "null" for r in rows)),
        "numeric",
        "integer",
        "logical",
    ]


def test_parquet_holds_the_same_where_it_can_be_written(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    results = read_results(SAMPLE)
    made = export_tables(results, format="parquet", out=tmp_path)
    for path, table in zip(made, tidy_tables(results), strict=True):
        found = parquet.read_table(path)
        assert found.column_names == [c.name for c in table.columns]
        assert list(zip(*(found[c.name].to_pylist() for c in table.columns), strict=True)) == list(table.rows)


def test_without_pyarrow_a_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BadInput, match=r"cloakcheck\[parquet\]"):
        export_tables(scenes.state("held"), format="parquet", out=tmp_path)
    with pytest.raises(BadInput, match="'xlsx' is unknown; choose csv, json, parquet"):
        export_tables(scenes.state("held"), format="xlsx", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_no_formula_in_a_spreadsheet(tmp_path):
    results = scenes.state("held")
    plan = results.plan.model_copy(update={"artist": '=HYPERLINK("x")'})
    made, _ = export_tables(results.model_copy(update={"plan": plan}), format="csv", out=tmp_path)
    assert {r["artist"] for r in read(made)} == {'\'=HYPERLINK("x")'}


@pytest.mark.parametrize("state", ["held", "hostile-names"])
def test_the_page_holds_the_files_of_the_command(tmp_path, state):
    results = golden.STATES[state]()
    html = render(results, images=tmp_path)
    links = {a["download"]: a["href"] for a in taste(html).all("a") if "download" in a}
    for table, path in zip(tidy_tables(results), export_tables(results, format="csv", out=tmp_path), strict=True):
        address = links[f"{table.name}.csv"]
        assert re.fullmatch(r"data:text/csv;charset=utf-8,[\w%,+.;=*~-]+", address)
        assert unquote(address.partition(",")[2]) == path.read_text(encoding="utf-8")
        assert len(list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))) == len(table.rows) + 1
    assert (
        "download"
        not in render(results, images=tmp_path, edition="court").partition("<footer")[0].partition("<main")[2]
    )


def test_a_page_that_would_be_too_heavy_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(numbers, "MOST_BYTES", 1000)
    html = render(golden.STATES["held"](), images=tmp_path)
    assert [a for a in taste(html).all("a") if "download" in a] == []
    assert "too many for this page" in html
