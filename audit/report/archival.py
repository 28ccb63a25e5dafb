"""A PDF that Chromium printed -> the same pages, tagged as PDF/UA-1 and kept as PDF/A-3 ask (ISO 14289-1, 19005-3).

Chromium tags paragraphs, headings, lists, tables and pictures, and embeds its fonts. What it leaves undone is done
here: margins and backgrounds are marked as decoration, lists and drawings without words are tagged as the standards
ask, links say where they lead, and the file brings its colour profile, its metadata and the results it shows.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from audit.report.assets import templates_folder

if TYPE_CHECKING:
    from pypdf import PdfWriter
    from pypdf.generic import DictionaryObject

_BEGINS = re.compile(rb"(?:^|\s)(?:BT|re|m|Do|sh)$")
_DRAWS = re.compile(rb"/(\S+) Do$")
_PAINTS = re.compile(rb"(?:^|\s)(?:ET|f\*?|F|S|s|B\*?|b\*?|n|Do|sh)$")


def link_words(html: str) -> dict[str, str]:
    """Id of a place -> the words of the first link to it, as plain text."""
    found: dict[str, str] = {}
    for place, words in re.findall(r'<a [^>]*href="#([^"]+)"[^>]*>(.*?)</a>', html, re.DOTALL):
        found.setdefault(place, " ".join(unescape(re.sub(r"<[^>]*>", "", words)).split()))
    return found


def archival(pdf: bytes, *, links: Mapping[str, str], attached: Path | None, now: datetime | None = None) -> bytes:
    """The PDF with everything that PDF/UA-1 and PDF/A-3 ask beyond what Chromium writes; pages look the same.

    Args:
        links: id of a place -> the words of a link to it.
        attached: a file that goes in as the data that the pages show, byte for byte.
        now: when the file is made; None for the clock.
    """
    from pypdf import PdfWriter
    from pypdf.generic import (
        ArrayObject,
        DecodedStreamObject,
        DictionaryObject,
        NameObject,
        NumberObject,
        TextStringObject,
        create_string_object,
    )

    # It warns of how Chromium counts its objects, which nobody can act on and no reader of PDF minds.
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    made = (now or datetime.now(UTC)).replace(microsecond=0)
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    writer.pdf_header = "%PDF-1.7"
    root: DictionaryObject = writer.root_object
    title = str(writer.metadata.title or "") if writer.metadata else ""
    producer = str(writer.metadata.producer or "") if writer.metadata else ""
    date = made.strftime("D:%Y%m%d%H%M%S+00'00'")
    writer.metadata = {
        "/Title": title, "/Creator": "CloakCheck", "/Producer": producer, "/CreationDate": date, "/ModDate": date,
    }  # fmt: skip

    for page in writer.pages:
        contents = page.get_contents()
        if contents is not None:
            stream = DecodedStreamObject()
            stream.set_data(decorated(contents.get_data(), forms=_forms(page)))
            page[NameObject("/Contents")] = writer._add_object(stream.flate_encode())
        for note in page.get("/Annots", ()):
            link = note.get_object()
            words = links.get(str(link.get("/Dest", "")).removeprefix("/"), "")
            link[NameObject("/Contents")] = create_string_object(words or str(link.get("/Dest", "link")))
    for form in _all_forms(writer):
        form.set_data(decorated(form.get_data(), forms=_forms(form)))
    _retagged(writer, root)

    meta = DecodedStreamObject()
    meta.set_data(
        (templates_folder() / "pdf.xmp").read_text(encoding="utf-8").format(
            title=escape(title), lang=escape(str(root.get("/Lang", "en"))), made=made.isoformat(),
            producer=escape(producer),
        ).encode("utf-8")
    )  # fmt: skip
    meta[NameObject("/Type")] = NameObject("/Metadata")
    meta[NameObject("/Subtype")] = NameObject("/XML")
    root[NameObject("/Metadata")] = writer._add_object(meta)

    profile = DecodedStreamObject()
    profile.set_data(_srgb())
    profile[NameObject("/N")] = NumberObject(3)
    intent = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/OutputIntent"),
            NameObject("/S"): NameObject("/GTS_PDFA1"),
            NameObject("/OutputConditionIdentifier"): TextStringObject("sRGB IEC61966-2.1"),
            NameObject("/Info"): TextStringObject("sRGB IEC61966-2.1"),
            NameObject("/DestOutputProfile"): writer._add_object(profile.flate_encode()),
        }
    )
    root[NameObject("/OutputIntents")] = ArrayObject([writer._add_object(intent)])

    if attached is not None and attached.is_file():
        data = attached.read_bytes()
        added = writer.add_attachment(attached.name, data).pdf_object
        name = TextStringObject(attached.name)
        added.update(
            {
                NameObject("/F"): name,
                NameObject("/UF"): name,
                NameObject("/Desc"): name,
                NameObject("/AFRelationship"): NameObject("/Data"),
            }
        )
        embedded = added["/EF"]["/F"].get_object()  # type: ignore[index]
        embedded[NameObject("/Subtype")] = NameObject("/application/json")
        params = {NameObject("/Size"): NumberObject(len(data)), NameObject("/ModDate"): TextStringObject(date)}
        embedded[NameObject("/Params")] = DictionaryObject(params)
        root[NameObject("/AF")] = ArrayObject([added.indirect_reference or writer._add_object(added)])
    writer.generate_file_identifiers()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def decorated(content: bytes, *, forms: frozenset[bytes] = frozenset()) -> bytes:
    """A page's content with all that is painted outside every tag marked as an artifact: margins, rules, backgrounds.

    Chromium's writer puts one operator on a line, and opens and closes tags outside text and paths.

    Args:
        forms: names of what is drawn with content of its own, which has tags of its own.
    """
    found: list[bytes] = []
    depth, open_text, marked = 0, False, False
    for line in content.split(b"\n"):
        if line.endswith((b"BDC", b"BMC")):
            depth += 1
        elif line == b"EMC":
            depth -= 1
        drawn = _DRAWS.search(line)
        if depth == 0 and not marked and _BEGINS.search(line) and not (drawn and drawn[1] in forms):
            found.append(b"/Artifact BMC")
            marked, open_text = True, line.endswith(b"BT")
        found.append(line)
        if marked and _PAINTS.search(line) and (line.endswith(b"ET") or not open_text):
            found.append(b"EMC")
            marked = False
    return b"\n".join(found)


def _forms(holder: DictionaryObject) -> frozenset[bytes]:
    """Names of the form XObjects of a page or a form."""
    resources: Any = holder.get("/Resources")
    found: Any = resources.get_object().get("/XObject") if resources is not None else None
    drawn = found.get_object().items() if found is not None else ()
    names = (name for name, x in drawn if x.get_object().get("/Subtype") == "/Form")
    return frozenset(str(name).removeprefix("/").encode("ascii") for name in names)


def _all_forms(writer: PdfWriter) -> list[Any]:
    from pypdf.generic import StreamObject

    return [x for x in writer._objects if isinstance(x, StreamObject) and x.get("/Subtype") == "/Form"]


def _retagged(writer: PdfWriter, root: DictionaryObject) -> None:
    """Figures without words become plain groups; what a list's item holds beside its label becomes its body."""
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject

    tree: Any = root["/StructTreeRoot"]
    # Chromium tags stress by names that PDF 1.7 does not know.
    roles = {NameObject(name): NameObject("/Span") for name in ("/Strong", "/Em")}
    tree[NameObject("/RoleMap")] = DictionaryObject(roles)
    for element in list(_elements(tree)):
        kind = _kind(element)
        if kind == "/Figure" and not element.get("/Alt"):
            element[NameObject("/S")] = NameObject("/NonStruct" if _is_leaf(element) else "/Div")
        if kind == "/L":
            element[NameObject("/K")] = ArrayObject([_item(writer, element, kid) for kid in _kids(element)])


def _item(writer: PdfWriter, listed: DictionaryObject, kid: Any) -> Any:
    """A list's item whose content is its body: what was the item keeps its content and goes into a new one."""
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject

    old = kid.get_object()
    if not isinstance(old, DictionaryObject) or old.get("/S") != "/LI":
        return kid
    labels = [k for k in _kids(old) if _kind(k) == "/Lbl"]
    rest = [k for k in _kids(old) if _kind(k) != "/Lbl"]
    if all(_kind(k) == "/LBody" for k in rest):
        return kid
    item = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/StructElem"),
            NameObject("/S"): NameObject("/LI"),
            NameObject("/P"): listed.indirect_reference or listed,
            NameObject("/K"): ArrayObject([*labels, kid]),
        }
    )
    place = writer._add_object(item)
    old[NameObject("/S")] = NameObject("/LBody")
    old[NameObject("/K")] = ArrayObject(rest)
    for inside in (old, *(k.get_object() for k in labels)):
        inside[NameObject("/P")] = place
    return place


def _kind(kid: Any) -> str:
    from pypdf.generic import DictionaryObject

    found = kid.get_object()
    return str(found.get("/S", "")) if isinstance(found, DictionaryObject) else ""


def _elements(node: Any) -> Iterator[DictionaryObject]:
    """Every structure element below a node, parents first."""
    from pypdf.generic import DictionaryObject

    waiting = [node]
    while waiting:
        found = waiting.pop().get_object() if waiting[-1] is not None else waiting.pop()
        if not isinstance(found, DictionaryObject):
            continue
        if "/S" in found:
            yield found
        waiting += reversed(_kids(found))


def _kids(element: DictionaryObject) -> list[Any]:
    kids = element.get("/K")
    if kids is None:
        return []
    kids = kids.get_object()
    return list(kids) if isinstance(kids, list) else [element.raw_get("/K")]


def _is_leaf(element: DictionaryObject) -> bool:
    from pypdf.generic import DictionaryObject

    return not any(isinstance(k.get_object(), DictionaryObject) and "/S" in k.get_object() for k in _kids(element))


def _srgb() -> bytes:
    """The sRGB profile that Pillow's colour library makes."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
