"""Templates and views -> the text of one self-contained HTML file, written in one step."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from audit.base.errors import StorageError
from audit.records import Results
from audit.report.assets import templates_folder
from audit.report.custody import Custody
from audit.report.locale import SOURCE, Voice, clean, short, voice
from audit.report.sections import build

Edition = Literal["artist", "court"]
FILES: dict[Edition, str] = {"artist": "report.html", "court": "report-court.html"}
WARN_BYTES = 25_000_000
"""What mail servers commonly take; a standard audit stays below 10 MB."""


def render(
    results: Results,
    *,
    images: Path,
    edition: Edition = "artist",
    lang: str = SOURCE,
    custody: Custody | None = None,
) -> str:
    """The report as HTML text that loads nothing from outside.

    Args:
        results: a judged Results record.
        images: the run folder's images/ with the files that results name.
        edition: `court` has no script, everything open, and numbered paragraphs, figures and tables.
        lang: code of one of `voice.languages()`.
        custody: for the page of a bundle: what it leaves out, and what became of the add-ons.

    Raises:
        BadInput: `language-unknown`.
        BadResults: `results-not-judged`, when the results hold no verdict.
        StorageError: `templates-missing`, when the installation lacks the page's templates.
    """
    folder, speaking = templates_folder(), voice(lang)
    court = edition == "court"
    page = build(results, images=images, voice=speaking, for_print=court, custody=custody)
    sheets = [_asset(folder / "report.css")]
    if court:
        sheets += [_asset(folder / "court.css"), _running_header(speaking, page.opening.report_id)]
    style, script = Markup("\n").join(sheets), Markup("") if court else _asset(folder / "report.js")
    template = environment(folder, speaking, edition=edition).get_template("report.html.j2")
    return template.render(page=page, style=style, script=script, policy=policy(style, script))


def write_report(results: Results, *, run_folder: Path, edition: Edition = "artist", lang: str = SOURCE) -> Path:
    """Render a report from results and `run_folder`/images into `run_folder`; nothing half-written stays.

    Raises:
        StorageError: `report-unwritable`, when the file cannot be written; and all that `render` raises.
    """
    text = render(results, images=run_folder / "images", edition=edition, lang=lang)
    target = run_folder / FILES[edition]
    partial = run_folder / f".{target.name}.{os.getpid()}.partial"
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        size = partial.stat().st_size
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
    if size > WARN_BYTES:
        print(f"cloakcheck: {target.name} has {size // 1_000_000} MB, more than mail will carry.", file=sys.stderr)
    return target


@cache
def environment(folder: Path, speaking: Voice, *, edition: Edition = "artist") -> Environment:
    """The one Jinja environment: escapes everything, and an undefined name is an error. Kept with what it compiled."""
    env = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(percent=speaking.percent, number=speaking.number, day=speaking.day, short=short)
    env.globals.update(say=speaking.markup, many=speaking.markup_many, lang=speaking.code, court=edition == "court")
    return env


def policy(style: str, script: str) -> str:
    """Content-Security-Policy that allows this one style, this one script (or none) and inlined pictures."""
    allowed = [base64.b64encode(hashlib.sha256(t.encode("utf-8")).digest()).decode() for t in (style, script)]
    scripts = f"'sha256-{allowed[1]}'" if script else "'none'"
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{allowed[0]}'; "
        f"script-src {scripts}; base-uri 'none'; form-action 'none'"
    )


def _running_header(v: Voice, report_id: str) -> Markup:
    """Print margins of the court edition: the report's digest above, the page's number below."""
    head = v.say("CloakCheck report {digest}", digest=report_id)
    page = v.say("Page {page} of {pages}", page="\0", pages="\1")
    parts = page.replace("\0", '" counter(page) "').replace("\1", '" counter(pages) "')
    return Markup(f'@page {{ @top-left {{ content: "{head}"; }} @bottom-right {{ content: "{parts}"; }} }}\n')


def _asset(path: Path) -> Markup:
    """Our own style or script, marked as safe to inline; the only text that is not escaped."""
    return Markup(path.read_text(encoding="utf-8"))
