"""Messages of the command line as the page says them: what to press, where a command line says what to type."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from audit.base.messages import Said, catalogue
from audit.report.locale import clean

PAGE = ".page"
"""At the end of a message's id: the same message for who has no command line before him."""


def on_page(said: Said) -> Said:
    """A message, and those within it, in the page's own words where the catalogue has such."""
    values = {name: _value(value) for name, value in said.values.items()}
    own = "" if said.text or said.id.endswith(PAGE) else f"{said.id}{PAGE}"
    return said.model_copy(update={"id": own if own in catalogue() else said.id, "values": values})


def coded(text: str) -> Markup:
    """A text for a page, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(clean(text)))))


def _value(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_value(one) for one in value)
    return on_page(value) if isinstance(value, Said) else value
