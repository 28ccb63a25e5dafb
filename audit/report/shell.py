"""What every page shares: the frame, the list of contents, sections in order, one strict Jinja environment."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Generic, Literal, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from audit.report.assets import templates_folder
from audit.report.locale import ReportLocale, clean, short
from audit.report.pictures import Shelf

Edition = Literal["artist", "court"]
View = TypeVar("View")


@dataclass(frozen=True)
class Section(Generic[View]):
    """One section of a page."""

    slug: str
    """Its anchor, and its folder beside the table that lists it."""
    build: Callable[[View, Shelf], object | None]
    """The view on the results and the pictures -> what the partial sees as `this`; None leaves the section out."""
    title: str = ""
    """A message; '' where the partial brings its own frame."""
    contents: str = ""
    """A message for the list of contents; '' keeps the section out of it."""
    partial: str = ""
    """Template below audit/report/; '' is `sections/<slug>/section.html.j2`."""
    takes_the_rest: bool = False
    """Built after all others, because it fills what the others leave of the budget for pictures."""


@dataclass(frozen=True)
class Frame:
    """What stands around the sections."""

    title: Markup
    finished: str
    """ISO 8601."""
    digest: str
    """Of the results, in full."""
    footer: Markup


def draw(
    frame: Frame,
    sections: Sequence[Section[View]],
    view: View,
    shelf: Shelf,
    *,
    locale: ReportLocale,
    edition: Edition = "artist",
) -> str:
    """The page as HTML text that loads nothing from outside.

    Raises:
        StorageError: `templates-missing`, when the installation lacks the page's templates.
    """
    folder = templates_folder()
    court = edition == "court"
    sheets = [_asset(folder / "report.css")]
    if court:
        sheets += [_asset(folder / "court.css"), _running_header(locale, short(frame.digest))]
    style, script = Markup("\n").join(sheets), Markup("") if court else _asset(folder / "report.js")
    env = environment(folder, locale, edition=edition)
    found = {s.slug: s.build(view, shelf) for s in sorted(sections, key=lambda s: s.takes_the_rest)}
    shown = [
        (s, Markup(env.get_template(s.partial or f"sections/{s.slug}/section.html.j2").render(this=found[s.slug])))
        for s in sections
        if found[s.slug] is not None
    ]
    return env.get_template("page.html.j2").render(
        frame=frame, sections=shown, style=style, script=script, policy=policy(style, script)
    )


@cache
def environment(folder: Path, locale: ReportLocale, *, edition: Edition = "artist") -> Environment:
    """The one Jinja environment: escapes everything, and an undefined name is an error. Kept with what it compiled."""
    env = Environment(
        # Partials of sections lie beside their code.
        loader=FileSystemLoader((folder, Path(__file__).parent)),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(percent=locale.percent, number=locale.number, day=locale.day, short=short)
    env.globals.update(say=locale.markup, many=locale.markup_many, lang=locale.code, court=edition == "court")
    env.globals["m"] = env.get_template("macros.html.j2").module
    return env


def policy(style: str, script: str) -> str:
    """Content-Security-Policy that allows this one style, this one script (or none) and inlined pictures."""
    allowed = [base64.b64encode(hashlib.sha256(t.encode("utf-8")).digest()).decode() for t in (style, script)]
    scripts = f"'sha256-{allowed[1]}'" if script else "'none'"
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{allowed[0]}'; "
        f"script-src {scripts}; base-uri 'none'; form-action 'none'"
    )


def _running_header(locale: ReportLocale, report_id: str) -> Markup:
    """Print margins of the court edition: the report's digest above, the page's number below."""
    head = locale.say("CloakCheck report {digest}", digest=report_id)
    page = locale.say("Page {page} of {pages}", page="\0", pages="\1")
    parts = page.replace("\0", '" counter(page) "').replace("\1", '" counter(pages) "')
    return Markup(f'@page {{ @top-left {{ content: "{head}"; }} @bottom-right {{ content: "{parts}"; }} }}\n')


def _asset(path: Path) -> Markup:
    """Our own style or script, marked as safe to inline; the only text that is not escaped."""
    return Markup(path.read_text(encoding="utf-8"))
