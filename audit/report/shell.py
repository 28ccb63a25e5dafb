"""What every page shares: the frame, the list of contents, sections in order, one strict Jinja environment."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from audit.report.assets import templates_folder
from audit.report.locale import ReportLocale, clean, short
from audit.report.numbered import numbered
from audit.report.terms import linked

if TYPE_CHECKING:
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
    """A message, also for the list of contents; '' where the partial brings its own frame."""
    partial: str = ""
    """Template below audit/report/; '' is `sections/<slug>/section.html.j2`."""
    only: Edition | None = None
    """The one edition that has it; None for all."""
    folded: bool = False
    """Opened by those who want it; the court edition has it open."""
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
    court_plan: bool = False
    """Whether the plan is a court plan; only such a page may call itself one for a court."""


@dataclass(frozen=True)
class Kit:
    """What a page has beyond a report's style and script."""

    style: str
    """A file of templates/."""
    script: str
    """Another."""
    rules: Markup
    """Style rules of the page's own contents."""


def draw(
    frame: Frame,
    sections: Sequence[Section[View]],
    view: View,
    shelf: Shelf,
    *,
    locale: ReportLocale,
    edition: Edition = "artist",
    kit: Kit | None = None,
    terms: Mapping[str, str] | None = None,
) -> str:
    """The page as HTML text that loads nothing from outside.

    Args:
        terms: word -> id of its place, for links to a glossary.

    Raises:
        StorageError: `templates-missing`, when the installation lacks the page's templates.
    """
    folder = templates_folder()
    court = edition == "court"
    sheets = [_asset(folder / "report.css")]
    if court:
        sheets += [_asset(folder / "court.css"), _running_header(locale, frame.digest)]
    scripts = [] if court else [_asset(folder / "report.js")]
    if kit is not None:
        sheets += [_asset(folder / kit.style), kit.rules]
        scripts += [_asset(folder / kit.script)]
    style, script = Markup("\n").join(sheets), Markup("\n").join(scripts)
    env = environment(folder, locale, edition=edition)
    sections = [s for s in sections if s.only in (None, edition)]
    found = {s.slug: s.build(view, shelf) for s in sorted(sections, key=lambda s: s.takes_the_rest)}
    shown = [
        (s, linked(Markup(env.get_template(_partial(s)).render(this=found[s.slug])), terms or {}))
        for s in sections
        if found[s.slug] is not None
    ]
    page = env.get_template("page.html.j2").render(
        frame=frame, sections=shown, style=style, script=script, policy=policy(style, script)
    )
    return numbered(page, locale.say("Link to this place"), link=not court)


def _partial(section: Section[View]) -> str:
    return section.partial or f"sections/{section.slug}/section.html.j2"


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
    head = locale.say("CloakCheck report, canonical digest {digest}", digest=report_id)
    page = locale.say("Page {page} of {pages}", page="\0", pages="\1")
    parts = page.replace("\0", '" counter(page) "').replace("\1", '" counter(pages) "')
    return Markup(f'@page {{ @top-left {{ content: "{head}"; }} @bottom-right {{ content: "{parts}"; }} }}\n')


def _asset(path: Path) -> Markup:
    """Our own style or script, marked as safe to inline; the only text that is not escaped."""
    return Markup(path.read_text(encoding="utf-8"))
