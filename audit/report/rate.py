"""The page for raters: one file that runs offline, shows pairs of pictures and saves the answers.

Nothing in it says which picture is whose: pictures stand in an order of chance, and who is on which side follows from
the plan, which the page does not hold.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from audit.base.errors import BadInput
from audit.records import SCHEMA_VERSION, RatingSheet
from audit.report.assets import templates_folder
from audit.report.locale import SOURCE, report_locale
from audit.report.pictures import Shelf
from audit.report.shell import environment, policy

SIDE = 640
"""Greatest side of a picture, px."""


@dataclass(frozen=True)
class PairFiles:
    """One item of the sheet.

    Attributes:
        prompt: what both pictures were asked for.
        works: files of held-out works beside it.
    """

    prompt: str
    works: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """An item as one rater sees it: files of the pictures on the left and on the right."""

    item: int
    left: str
    right: str


def render_rating(
    sheet: RatingSheet,
    items: Sequence[PairFiles],
    trials: Sequence[Sequence[Trial]],
    *,
    images: Path,
    lang: str = SOURCE,
) -> str:
    """The page as HTML text.

    Args:
        items: in the sheet's order.
        trials: each rater's, in that rater's order.
        images: the run folder's images/.

    Raises:
        BadInput: `language-unknown`; `rate-picture-gone`, a file cannot be read.
    """
    locale = report_locale(lang)
    shelf = Shelf(images, side=SIDE)
    pictures: dict[str, int] = {}
    for trial in trials[0]:
        for name in (trial.left, trial.right):
            pictures.setdefault(name, len(pictures))
    works: dict[str, int] = {}
    for item in items:
        for name in item.works:
            works.setdefault(name, len(works))
    data = {
        "version": SCHEMA_VERSION,
        "sheet": sheet.digest(),
        "pictures": [_inlined(shelf, name) for name in pictures],
        "works": [_inlined(shelf, name) for name in works],
        "items": [{"prompt": item.prompt, "works": [works[name] for name in item.works]} for item in items],
        "orders": [[[t.item, pictures[t.left], pictures[t.right]] for t in own] for own in trials],
    }
    folder = templates_folder()
    style = Markup("\n").join(_asset(folder / name) for name in ("report.css", "rate.css"))
    script = _asset(folder / "rate.js")
    return (
        environment(folder, locale)
        .get_template("rate.html.j2")
        .render(
            style=style,
            script=script,
            policy=policy(style, script),
            raters=range(1, len(trials) + 1),
            pairs=len(items),
            data=_json(data),
        )
    )


def _inlined(shelf: Shelf, name: str) -> str:
    picture = shelf.preview(name)
    if picture is None:
        raise BadInput("rate-picture-gone", file=name)
    return str(picture.uri)


def _json(value: object) -> Markup:
    """JSON that no text within it can end the element of."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _asset(path: Path) -> Markup:
    return Markup(path.read_text(encoding="utf-8"))
