"""What the printed PDF gets beyond Chromium's own tags."""

from __future__ import annotations

from audit.report.archival import decorated, link_words

PAGE = b"""q
0 0 10 10 re
f
BT
/F4 10 Tf
<0026> Tj
ET
/P <</MCID 0 >>BDC
BT
<0027> Tj
ET
EMC
0 0 m
5 5 l
S
/X1 Do
/X2 Do
Q"""


def test_what_no_tag_holds_is_marked_as_an_artifact_and_nothing_else() -> None:
    lines = decorated(PAGE, forms=frozenset({b"X2"})).split(b"\n")
    assert lines == [
        b"q",
        b"/Artifact BMC", b"0 0 10 10 re", b"f", b"EMC",
        b"/Artifact BMC", b"BT", b"/F4 10 Tf", b"<0026> Tj", b"ET", b"EMC",
        b"/P <</MCID 0 >>BDC", b"BT", b"<0027> Tj", b"ET", b"EMC",
        b"/Artifact BMC", b"0 0 m", b"5 5 l", b"S", b"EMC",
        b"/Artifact BMC", b"/X1 Do", b"EMC",
        b"/X2 Do", b"Q",
    ]  # fmt: skip
    assert sum(line.endswith((b"BMC", b"BDC")) for line in lines) == lines.count(b"EMC")


def test_a_link_is_told_by_its_words() -> None:
    html = (
        '<a href="#see">See <b>it</b> &amp; more</a> <a class="nr" href="#see">no</a> <a href="#n1-1">Table&nbsp;1</a>'
    )
    assert link_words(html) == {"see": "See it & more", "n1-1": "Table 1"}
