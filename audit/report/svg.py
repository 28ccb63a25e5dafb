"""A matplotlib figure -> inline SVG that a strict content policy accepts and that follows the theme.

The library is loaded when the first figure is drawn: `verify` and a command that ends in an error do without it.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INKS: dict[str, str] = {
    "ink": "#1f1c19",
    "muted": "#6a635b",
    "rule": "#d8d2c8",
    "paper": "#fdfcfa",
    "zone": "#efebe4",
    "base": "#716b64",
    "clean": "#b4470d",
    "c0": "#3a3fc2",
    "c1": "#0d7a63",
    "c2": "#a3327d",
    "c3": "#7a6300",
    "c4": "#0a76a6",
    "c5": "#8a4b2f",
}
"""Colour names -> the light theme's colours. report.css gives each name a second value for the dark theme,
so figures are drawn with these exact values and every use of one becomes a class."""

_NAMES = {colour: name for name, colour in INKS.items()}
_SVG = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_KEPT = {
    "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap",
    "stroke-linejoin", "stroke-opacity", "fill-opacity", "opacity", "text-anchor", "font-size", "font-weight",
}  # fmt: skip


def inline_svg(figure: Figure, *, key: str, title: str, description: str) -> Markup:
    """The figure as one `<svg>` element: no style attributes, no metadata, ids that start with `key`.

    The answer depends on the figure and the arguments alone, so equal results give equal bytes. Text stays
    text: it can be selected, searched and takes the page's font.
    """
    root = ET.fromstring(_draw(figure))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{_SVG}metadata", f"{_SVG}style"):
                parent.remove(child)
    _name_ids(root, key)
    for element in root.iter():
        _unstyle(element)
        element.tag = element.tag.removeprefix(_SVG)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    title_id, description_id = f"{key}-title", f"{key}-desc"
    root.attrib |= {
        "role": "img",
        "class": "figure",
        "aria-labelledby": f"{title_id} {description_id}",
        "stroke-linejoin": "round",
    }
    for index, (tag, name, text) in enumerate((("title", title_id, title), ("desc", description_id, description))):
        element = ET.Element(tag, {"id": name})
        element.text = text
        root.insert(index, element)
    text = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    return Markup(re.sub(r">\s+<", "><", text))


def _draw(figure: Figure) -> str:
    import matplotlib
    from matplotlib.text import Text

    data = io.StringIO()
    # A dollar sign in a name is no formula. Labels that exist remember the setting of their making; ticks
    # that are made while drawing take it from the options.
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "report", "text.parse_math": False}),
        warnings.catch_warnings(),
    ):
        # Names in scripts that matplotlib's font lacks are measured wrongly but shown rightly.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(data, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return data.getvalue()


def _name_ids(root: ET.Element, key: str) -> None:
    used: dict[str, str] = {}
    for element in root.iter():
        target = element.attrib.pop(_XLINK, None)
        if target is not None:
            element.set("href", target)
        for name, value in element.attrib.items():
            for found in re.findall(r"^#(.+)$|url\(#([^)]+)\)", value):
                old = found[0] or found[1]
                new = used.setdefault(old, f"{key}-{len(used) + 1}")
                element.set(name, element.attrib[name].replace(f"#{old}", f"#{new}"))
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in used:
            element.set("id", used[old])


def _unstyle(element: ET.Element) -> None:
    """Turn the style attribute into presentation attributes and theme classes."""
    rules = [rule.split(":", 1) for rule in element.attrib.pop("style", "").split(";") if ":" in rule]
    for name, value in ((n.strip(), v.strip()) for n, v in rules):
        if name == "font":
            size = re.search(r"([\d.]+)px", value)
            if size:
                element.set("font-size", size.group(1))
        elif name in _KEPT:
            element.set(name, value.removesuffix("px"))
    classes = []
    for name in ("fill", "stroke"):
        ink = _NAMES.get(element.get(name, ""))
        if ink is not None:
            classes.append(f"{name[0]}-{ink}")
    if element.tag == f"{_SVG}text" and "fill" not in element.attrib:
        classes.append("f-ink")
    if classes:
        element.set("class", " ".join(classes))
