"""Templates and views -> the text of one self-contained HTML file, written in one step."""

from __future__ import annotations

import base64
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import audit
from audit.errors import StorageError
from audit.records import Results
from audit.report.filters import FILTERS, clean
from audit.report.sections import build

REPORT = "report.html"


def render(results: Results, *, images: Path) -> str:
    """The report as HTML text that loads nothing from outside.

    Args:
        results: a judged Results record.
        images: the run folder's images/ with the files that results name.

    Raises:
        BadResults: `results-not-judged`, when the results hold no verdict.
        StorageError: `templates-missing`, when the installation lacks the page's templates.
    """
    folder = templates_folder()
    style, script = (_asset(folder / name) for name in ("report.css", "report.js"))
    template = environment(folder).get_template("report.html.j2")
    page = build(results, images=images)
    return template.render(page=page, style=style, script=script, policy=policy(style, script))


def write_report(results: Results, *, run_folder: Path) -> Path:
    """Render `run_folder`/report.html from results and `run_folder`/images; nothing half-written stays.

    Raises:
        StorageError: `report-unwritable`, when the file cannot be written; and all that `render` raises.
    """
    text = render(results, images=run_folder / "images")
    target = run_folder / REPORT
    partial = run_folder / f".{REPORT}.{os.getpid()}.partial"
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise StorageError(
            "report-unwritable",
            f"The report could not be written ({reason}), and it needs about {len(text) // 1_000_000 + 1} MB "
            "in the run folder: free some space or make the folder writable, then run `cloakcheck report` on "
            "it.",
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return target


def templates_folder() -> Path:
    """`audit/_templates` in an installed package, `templates/` beside the package in a checkout."""
    package = Path(audit.__file__).parent
    for folder in (package / "_templates", package.parent / "templates"):
        if (folder / "report.html.j2").is_file():
            return folder
    raise StorageError(
        "templates-missing",
        "The report's templates were not found, and an installation puts them beside the program: install "
        "CloakCheck again.",
    )


def environment(folder: Path) -> Environment:
    """The one Jinja environment: escapes everything, and an undefined name is an error."""
    env = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(FILTERS)
    return env


def policy(style: str, script: str) -> str:
    """Content-Security-Policy that allows this one style, this one script and inlined pictures."""
    allowed = [base64.b64encode(hashlib.sha256(t.encode("utf-8")).digest()).decode() for t in (style, script)]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{allowed[0]}'; "
        f"script-src 'sha256-{allowed[1]}'; base-uri 'none'; form-action 'none'"
    )


def _asset(path: Path) -> Markup:
    """Our own style or script, marked as safe to inline; the only text that is not escaped."""
    return Markup(path.read_text(encoding="utf-8"))
