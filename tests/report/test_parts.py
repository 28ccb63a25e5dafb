"""The small parts, each against values worked out by hand."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from audit import records as r
from audit.report.lint import banned_claims, visible_text
from audit.report.locale import report_locale
from audit.report.pictures import CROP, InlinePicture, Shelf
from audit.report.results_view import ResultsView
from audit.report.sections import environment
from audit.report.sections.limits import limits
from audit.report.sections.method.settings import settings
from audit.report.svg import INKS, inline_svg
from tests.report import scenes
from tests.report.readability import grade, syllable_count
from tests.report.soup import taste


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.352, "35 %"), (-0.12, "\u221212 %"), (1.0, "100 %"), (0.0, "0 %"), (0.004, "0.4 %"),
        (-0.004, "\u22120.4 %"), (0.0001, "under 0.1 %"), (None, "not measured"), (0.0099, "1.0 %"),
    ],
)  # fmt: skip
def test_percent(share: float | None, text: str) -> None:
    assert report_locale().percent(share).replace("\xa0", " ") == text


@given(st.floats(-20, 20, allow_nan=False))
def test_percent_is_never_further_off_than_half_a_percent(share: float) -> None:
    text = report_locale().percent(share).replace("\xa0", " ").replace("\u2212", "-")
    number = re.fullmatch(r"(-?[\d.]+) %", text)
    assert abs((float(number[1]) if number else 0.0) - share * 100) <= 0.5001
    assert text != "-0 %"


@pytest.mark.parametrize(("value", "text"), [(-0.0001, "0.000"), (-0.25, "\u22120.250"), (None, "not measured")])
def test_number(value: float | None, text: str) -> None:
    assert report_locale().number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second"),
        (89, "89 seconds"),
        (300, "5 minutes"),
        (7800, "2 hours 10 minutes"),
        (7200, "2 hours"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert report_locale().duration(seconds).replace("\xa0", " ") == text


def test_dates_and_p_values() -> None:
    assert report_locale().minute("2026-11-22T03:05:00Z").replace("\xa0", " ") == "22 November 2026, 03:05 UTC"
    assert report_locale().minute("2026-01-01T00:30:00+02:00").startswith("31\xa0December\xa02025")
    assert report_locale().day("yesterday") == "yesterday"
    assert report_locale().p_value(0.0002) == "below 0.001"
    assert report_locale().p_value(0.03125) == "0.031"
    assert report_locale().join(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    "claim",
    [
        "This infringes your rights.", "The model copied you.", "Your style was stolen.",
        "They are substantially similar.", "This proves it.", "It is 100 % protected.", "That is impossible.",
        "A certified result.", "It is court-admissible.", "It protects against Midjourney.",
        "You are fully protected.",
        "Nobody can steal it: guaranteed.", "We stole nothing, that is not proof.",
    ],
)  # fmt: skip
def test_banned_claims_are_found_even_when_denied(claim: str) -> None:
    assert banned_claims(claim)


def test_the_fixed_limits_are_allowed_only_word_for_word() -> None:
    for full in (False, True):
        assert banned_claims(" ".join(limits(report_locale(), full=full))) == []
    legal = next(s for s in limits(report_locale()) if "legal finding" in s)
    assert banned_claims(legal.replace("It is not a legal finding on", "It is a legal finding on"))
    assert banned_claims("The scale goes from 0 % to 100 %. A protected copy, a test of protection.") == []


def test_visible_text_leaves_names_and_code_out() -> None:
    html = '<style>stolen</style><p>a <bdi>theft</bdi> b</p><img alt="c"><script>proof</script>'
    assert visible_text(html) == "a b c"
    assert visible_text(html, names=True) == "a theft b c"


def pixels(picture: InlinePicture) -> np.ndarray:
    data = base64.b64decode(picture.uri.split(",", 1)[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_crops_are_lossless_and_at_the_place_of_the_change(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(40, 200, (500, 600, 3), dtype=np.uint8)
    after = before.copy()
    after[300:320, 400:420] += 6
    Image.fromarray(before).save(tmp_path / "a.png")
    Image.fromarray(after).save(tmp_path / "b.png")
    crops = Shelf(tmp_path).crops("a.png", "b.png")
    assert crops is not None
    assert crops.difference is not None
    assert (crops.original.width, crops.zoom, crops.whole) == (CROP, 1, False)
    moved = pixels(crops.treated).astype(int) - pixels(crops.original)
    assert (moved == 6).sum() == 20 * 20 * 3
    assert crops.factor == 16
    assert set(np.unique(pixels(crops.difference))) == {128, 128 + 16 * 6}


def test_crops_of_other_size_have_no_difference(tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), "red").save(tmp_path / "a.png")
    Image.new("RGB", (200, 200), "red").save(tmp_path / "b.png")
    crops = Shelf(tmp_path).crops("a.png", "b.png")
    assert crops is not None
    assert crops.difference is None


def test_shelf_opens_only_plain_picture_files(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "outside.png")
    Image.new("RGB", (8, 8), "red").save(folder / "inside.png")
    Image.new("RGB", (8, 8), "red").save(folder / "other.gif")
    (folder / "text.png").write_text("no picture")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    shelf = Shelf(folder)
    assert shelf.open("inside.png") is not None
    outside = ("../outside.png", str(tmp_path / "outside.png"), "link.png")
    for name in (*outside, "text.png", "other.gif", "", "x\0"):
        assert shelf.open(name) is None, name


def test_previews_are_bounded_and_small_ones_keep_their_pixels(tmp_path: Path) -> None:
    small = np.random.default_rng(1).integers(0, 255, (64, 32, 3), dtype=np.uint8)
    Image.fromarray(small).save(tmp_path / "small.png")
    Image.new("RGB", (1000, 500), "red").save(tmp_path / "large.png")
    shelf = Shelf(tmp_path)
    kept, cut = shelf.preview("small.png"), shelf.preview("large.png")
    assert kept is not None
    assert cut is not None
    assert (kept.width, kept.height, kept.pixelated) == (192, 384, True)
    assert np.array_equal(pixels(kept), small)
    assert pixels(cut).shape == (192, 384, 3)
    assert shelf.spent == len(kept.uri) + len(cut.uri)


def test_no_metadata_gets_through(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRETPLACE"
    Image.new("RGB", (400, 400), "red").save(tmp_path / "a.jpg", exif=exif, comment=b"SECRETPLACE")
    preview = Shelf(tmp_path).preview("a.jpg")
    assert preview is not None
    assert b"SECRETPLACE" not in base64.b64decode(preview.uri.split(",", 1)[1])


def test_figures_are_inlined_without_style_and_with_theme_classes() -> None:
    def draw() -> Figure:
        figure = Figure(figsize=(3, 2))
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], marker="s", color=INKS["c1"])
        axes.set_title("<b>$x^2$ \u6c34")
        return figure

    one = inline_svg(draw(), key="one", title="T <", description="D")
    two = inline_svg(draw(), key="two", title="T <", description="D")
    soup = taste(str(one))
    assert not [a for _, a in soup.elements if "style" in a]
    assert not re.search(r"<metadata|<style|<\?xml|DOCTYPE|xmlns|https?:", one)
    assert soup.text("title") == ["T <"]
    assert "<b>$x^2$ \u6c34" in soup.text("text")
    assert any("s-c1" in a.get("class", "") for _, a in soup.elements)
    assert one.replace("one-", "two-") == two
    ids = [a["id"] for _, a in soup.elements if "id" in a]
    assert ids
    assert all(i.startswith("one-") for i in ids)


def test_theme_has_a_light_and_a_dark_value_for_every_ink() -> None:
    css = (Path(__file__).parents[2] / "templates" / "report.css").read_text()
    light, dark = (
        dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", part))
        for part in css.split("@media print")[0].split("@media screen")[:2]
    )
    for name in INKS:
        assert f".f-{name} " in css
        assert name in light
        assert name in dark
    for name in ("base", "clean", *(f"c{i}" for i in range(6))):
        assert light[name] == INKS[name]


def _contrast(one: str, two: str) -> float:
    """WCAG 2.2 contrast ratio of two hex colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_text_colours_in_both_themes() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    css = (Path(__file__).parents[2] / "templates" / "report.css").read_text()
    for part in css.split("@media print")[0].split("@media screen")[:2]:
        theme = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", part))
        for name in ("ink", "muted", "accent", "base", "clean", "real", *(f"c{i}" for i in range(6))):
            assert _contrast(theme[name], theme["paper"]) >= 4.5, name
        assert _contrast(theme["on-accent"], theme["accent"]) >= 4.5


def test_reading_grade_against_hand_counts() -> None:
    assert [syllable_count(w) for w in ("cat", "style", "picture", "protection", "learned", "noises")] == [
        1, 1, 2, 3, 1, 2,
    ]  # fmt: skip
    assert grade(["The cat sat on the mat."]) == pytest.approx(0.39 * 6 + 11.8 - 15.59)


def test_steps_made_elsewhere_and_where_the_prediction_was_read_stand_in_the_page() -> None:
    results = scenes.run(protection={scenes.CLOAK: 0.5})
    view = ResultsView(results)
    assert environment.build(view, Shelf(Path())).reused is None
    made_with = r.StepEnvironment(
        tool_version="0.1", commit="", device="cuda", accelerator="A Card", precision="bf16", threads=4,
        packages={**results.provenance.packages, "diffusers": "0.0.1"},
    )  # fmt: skip
    reused = r.ReusedSteps(
        step="adapter", count=3, first_made="2026-01-01T00:00:00Z", last_made="2026-01-02T00:00:00Z", plans=(),
        environment=made_with,
    )  # fmt: skip
    unrecorded = reused.model_copy(update={"environment": made_with.model_copy(update={"packages": {}})})
    provenance = results.provenance.model_copy(update={"reused_elsewhere": (reused, unrecorded)})
    model = results.plan.model.model_copy(update={"prediction_source": "probe"})
    plan = results.plan.model_copy(update={"model": model})
    view = ResultsView(results.model_copy(update={"provenance": provenance, "plan": plan}))
    table = environment.build(view, Shelf(Path())).reused
    assert table is not None
    assert table.rows[0][:2] == ("adapter", "3")
    assert "A Card" in table.rows[0]
    assert [row[-1] for row in table.rows] == ["diffusers 0.0.1", "not recorded"]
    assert ("What the base model predicts", "v_prediction (found by a test of its answers)") in settings(view)[0].rows
