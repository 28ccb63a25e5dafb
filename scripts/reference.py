"""Writes docs/reference/ from the code: commands, presets, treatments, metrics, messages, files.

python -m scripts.reference
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from typer.main import get_command

from audit.base.messages import render
from audit.cli import app
from audit.conditions import TREATMENTS
from audit.conditions.base import Kind, Treatment
from audit.models.families import FAMILIES
from audit.plan.buckets import bucket_shapes
from audit.plan.conditions import CONTROLS, PLACEBO_TONE
from audit.plan.making import REPLICATES
from audit.plan.prompts import PROMPTS
from audit.plan.trainers import TRAINERS, presets_of, usual_of
from audit.records import Plan, Results, TrainSettings
from audit.report.comparison.saved import DIFFERENCES
from audit.report.locale import report_locale
from audit.report.overview.columns import COLUMNS as OVERVIEW
from audit.report.pictures import Shelf
from audit.report.sections import glossary
from audit.report.tidy import TABLES
from audit.style import ENCODERS, METRICS
from scripts import messages_page
from scripts.docs_pictures import PICTURES

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "reference"
MADE = "<!-- Made by `python -m scripts.reference`; do not edit. -->"
KINDS: tuple[tuple[Kind, str, str], ...] = (
    (
        "protection",
        "Reference protections",
        "Written anew from the papers, to measure with. They are **not the tools of those names**. "
        "Used by `--protect NAME[:ARG]`.",
    ),
    ("placebo", "Placebos", "Changes that protect from nothing. Used by `--control NAME[:ARG]`."),
    (
        "control",
        "Controls",
        "Tests of the test itself. Used by `--control NAME[:ARG]`. Two more change no picture: `clean-again` trains "
        "on the same works with other random draws, and `other-artist[:DIR]` on works by somebody else.",
    ),
    (
        "counter",
        "Countermeasures",
        "Published ways to get past a cloak. Each also runs on the originals. Used by `--against NAME[:ARG]`; "
        "several are joined with `+`.",
    ),
)
RECORDS = (
    ("What you ask for: audit.toml", "audit/plan/spec.py", ("Spec",)),
    ("What you ask for many artists: a batch file", "audit/plan/batch.py", ("BatchFile",)),
    ("How a batch stands: batch.json", "audit/records/batch.py", ("BatchStanding", "BatchAudit")),
    (
        "plan.json",
        "audit/records/plan.py",
        ("Plan", "Condition", "ReplicateDraw", "TrainSettings", "SampleSettings", "Margins", "Exclusion", "Stopping"),
    ),
    ("The mimic's grid in plan.json", "audit/records/grid.py", ("MimicGrid", "Setting")),
    ("results.json", "audit/records/results.py", ("Results", "Provenance", "Session")),
    ("What was made", "audit/records/made.py", ()),
    ("A self-test: cloakcheck-self-test.json", "audit/records/self_test.py", ()),
    ("What the judge says", "audit/records/judged.py", ()),
    ("What a reader is shown", "audit/records/readings.py", ()),
)


def pages() -> dict[str, str]:
    """File name -> text of every page of the reference."""
    return {
        "commands.md": _page("Commands", _commands()),
        "treatments.md": _page("Protections, controls, countermeasures", _treatments()),
        "metrics.md": _page("Style scores", _metrics()),
        "files.md": _page("Files and their fields", _files()),
        "tables.md": _page("Tables", _tables()),
        "presets.md": _page("Presets", _presets()),
        "families.md": _page("Families of base models", _families()),
        "messages.md": f"{MADE}\n\n{messages_page.page()}",
        "glossary.md": _page("Glossary", _glossary()),
        "pictures.md": _page("Where the pictures come from", _pictures()),
        "plan.schema.json": _schema(Plan),
        "results.schema.json": _schema(Results),
    }


def _page(title: str, lines: Iterator[str]) -> str:
    return "\n".join([MADE, "", f"# {title}", "", *lines]).rstrip("\n") + "\n"


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    yield ""


# --- commands --------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    yield "`cloakcheck COMMAND --help` shows the same in a terminal."
    yield ""
    yield "Exit codes: 0 done, whatever the verdict; 2 bad input, with one sentence; 3 `not-valid`, a bundle that does"
    yield "not verify, or a conclusion that does not stand; 130 stopped; 1 a fault of CloakCheck: please report it."
    yield ""
    yield from _parts("cloakcheck", get_command(app))


def _parts(name: str, group: Any) -> Iterator[str]:
    for part, command in sorted(group.commands.items()):
        yield from _command(f"{name} {part}", command)


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [(p.metavar or p.name).upper() for p in command.params if p.param_type_name == "argument"]
    yield f"## `{' '.join([name, *arguments])}`"
    yield ""
    yield _flat(command.help or "")
    yield ""
    options = [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]
    if options:
        yield from _table(("option", "meaning"), ((f"`{_flag(p)}`", p.help or "") for p in options))
    if hasattr(command, "commands"):
        yield from _parts(name, command)


def _flag(option: Any) -> str:
    """The option; both of its forms where one switches on what the other switches off."""
    on = next(o for o in option.opts if o.startswith("--"))
    return "`, `".join((on, *option.secondary_opts))


# --- tables ----------------------------------------------------------------------------------------


def _tables() -> Iterator[str]:
    yield "What `cloakcheck export RUN` writes, and what a report holds behind its links. CSV is UTF-8 with commas;"
    yield "a field that is missing is empty, and a text that a spreadsheet would take for a formula has an apostrophe"
    yield "before it. JSON and Parquet (`pip install 'cloakcheck[parquet]'`) hold the bare texts; missing is null."
    yield ""
    overview = (
        "of `cloakcheck overview`: one row per audit, claim and score; per mean over artists; per folder",
        OVERVIEW,
    )
    comparison = ("of `cloakcheck compare RUN RUN --out FILE`: one row per difference", DIFFERENCES)
    for name, (row, columns) in {**TABLES, "overview": overview, "comparison": comparison}.items():
        yield f"## {name}"
        yield ""
        yield f"{row[0].upper()}{row[1:]}."
        yield ""
        yield from _table(("column", "holds", "meaning"), ((f"`{c.name}`", c.kind, c.meaning) for c in columns))


# --- treatments and metrics ------------------------------------------------------------------------


def _treatments() -> Iterator[str]:
    yield "`NAME` alone takes the default argument; `NAME:ARG` sets it. The plan states source and settings of each."
    yield ""
    for kind, title, intro in KINDS:
        yield f"## {title}"
        yield ""
        yield intro
        yield ""
        rows = (row for row in TREATMENTS.values() if row.kind == kind)
        yield from _table(
            ("name", "what it gives", "argument", "after", "published with"),
            (
                (
                    f"`{r.name}`",
                    render(r.called.plain),
                    _argument(r),
                    render(r.source),
                    render(r.published) if r.published else "",
                )
                for r in rows
            ),
        )


def _controls(preset: str) -> str:
    names = (*CONTROLS[preset], *(() if preset == "quick" else (PLACEBO_TONE.name,)))
    return ", ".join(f"`{name}`" for name in names) or "none"


def _presets() -> Iterator[str]:
    yield "What `--preset` decides where nothing else is said. The *battery* is the usual ways around a protection: see"
    yield "[options](options.md)."
    yield ""
    rows = (
        (
            f"`{name}`",
            str(runs),
            str(PROMPTS[name]),
            _controls(name),
            "no" if name == "quick" else "yes",
        )
        for name, runs in REPLICATES.items()
    )
    yield from _table(("preset", "trainings of a condition", "prompts of each", "controls it adds", "battery"), rows)


def _families() -> Iterator[str]:
    yield "What opens as `--model`, and how it is trained. A family is one file in `audit/models/families/`."
    yield ""
    rows = (
        (
            family.title,
            f"`{family.pipeline}`",
            ", ".join(f"`{kind}`" for part, kind in family.components.items() if part in family.text_encoders),
            ", ".join(f"`{layer}`" for layer in family.targets["attention"]),
            "yes" if family.text_targets else "no",
        )
        for family in FAMILIES.values()
    )
    heads = ("family", "as diffusers has it", "text encoders", "LoRA by default on", "text encoders trained on request")
    yield from _table(heads, rows)
    yield "## Training presets"
    yield ""
    yield "`preset` in `[training]` of audit.toml takes over a trainer's usual settings; what stands beside it still"
    yield "counts. Where nothing is said, the preset in the last column of the first table holds."
    yield ""
    yield "Works are trained on in aspect buckets under every preset, as kohya-ss/sd-scripts (library/model_util.py),"
    yield "ostris/ai-toolkit (toolkit/buckets.py) and Nerogar/OneTrainer (modules/dataLoader) do in their examples. The"
    yield "scripts of diffusers cut squares; `--crop square` does so, too. Buckets of a model of 1024 px, the others"
    yield "being these turned:"
    yield ""
    yield "| height | widths |"
    yield "|---|---|"
    widths: dict[int, list[int]] = {}
    for tall, wide in bucket_shapes(1024, multiple=16):
        if wide >= tall:
            widths.setdefault(tall, []).append(wide)
    for tall, wide_ones in widths.items():
        yield f"| {tall} | {', '.join(map(str, wide_ones))} |"
    yield ""
    labels = sorted({family for row in TRAINERS for family in row.families})
    usual = ((f"`{name}`", ", ".join(f"`{p}`" for p in presets_of(name)), f"`{usual_of(name)}`") for name in labels)
    yield from _table(("family in the plan", "presets", "where nothing is said"), usual)
    yield from _table(
        ("preset", "families", "settings", "source", "what it also does, and is not done here"),
        (
            (f"`{r.name}`", ", ".join(r.families), _training(r.settings), r.source, ", ".join(r.lacks) or "nothing")
            for r in TRAINERS
        ),
    )


def _training(settings: TrainSettings) -> str:
    shown = settings.model_dump(mode="json", exclude={"method", "weight_decay", "clip", "works", "schedule"})
    return ", ".join(f"`{name}` {'none' if value is None else value}" for name, value in shown.items())


def _glossary() -> Iterator[str]:
    yield "The words of a report, as its last section has them."
    yield ""
    said = glossary.build(cast(Any, SimpleNamespace(locale=report_locale("en"))), Shelf(Path()))
    yield from _table(("word", "means"), ((w.word, w.meaning) for w in said.words))


def _pictures() -> Iterator[str]:
    plan = json.loads((ROOT / "reports" / "sample" / "plan.json").read_text(encoding="utf-8"))
    yield "All are of one run: the shipped sample, which `cloakcheck demo` made"
    model, works = plan["model"]["name"], len(plan["works"])
    yield f"(`reports/sample/`, preset `{plan['preset']}`, base model `{model}`, {works} works)."
    yield "`python -m scripts.docs_pictures` makes them again in a browser."
    yield ""
    yield from _table(("picture", "shows", "width"), ((f"`{p.name}`", p.shows, f"{p.width} px") for p in PICTURES))


def _schema(record: Any) -> str:
    return json.dumps(record.model_json_schema(), sort_keys=True, separators=(",", ":")) + "\n"


def _argument(row: Treatment) -> str:
    if row.default is None and row.unit is None:
        return ""
    unit = "" if row.unit is None else render(row.unit)
    default = "" if row.default is None else f"; default {row.default:g}"
    return f"{unit}, {row.low:g} to {row.high:g}{default}"


def _metrics() -> Iterator[str]:
    yield "Two metrics of unlike origin at least are always computed; the plan names the one that decides."
    yield "`-csls` after a name corrects it for local scaling."
    yield ""
    rows = (*METRICS.values(), *ENCODERS.values())
    yield from _table(
        ("name", "what sees", "weights", "their SHA-256, where public sources agree"),
        (
            (
                f"`{r.name}`",
                render(r.lineage),
                render(r.published.told()) if r.published else "shipped",
                r.published.sha256 if r.published else "",
            )
            for r in rows
        ),
    )


# --- records ---------------------------------------------------------------------------------------


def _files() -> Iterator[str]:
    yield "Digests are SHA-256 in lower-case hex. A value that could not be measured is null, never zero. Shares are"
    yield 'fractions: 0.35, never "35 %". Where a record holds a message (`said`), its English stands beside it.'
    yield ""
    for title, path, names in RECORDS:
        yield f"## {title}"
        yield ""
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and (not names or node.name in names):
                yield from _record(node)


def _record(node: ast.ClassDef) -> Iterator[str]:
    yield f"### {node.name}"
    yield ""
    yield _flat(ast.get_docstring(node) or "")
    yield ""
    yield from _table(("field", "type", "meaning"), _fields(node))


def _fields(node: ast.ClassDef) -> Iterator[Sequence[str]]:
    for place, statement in enumerate(node.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            after = node.body[place + 1] if place + 1 < len(node.body) else None
            said = after.value.value if _is_text(after) else ""  # type: ignore[union-attr, attr-defined]
            yield f"`{statement.target.id}`", f"`{ast.unparse(statement.annotation)}`", _flat(str(said))


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


if __name__ == "__main__":
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (TARGET / name).write_text(text, encoding="utf-8")
