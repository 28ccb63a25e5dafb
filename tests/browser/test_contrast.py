"""Graphics by the colours that a browser really paints: 3 to 1 against the paper (WCAG 2.2, 1.4.11)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Opener
from tests.browser.test_report import OPEN_ALL

pytestmark = pytest.mark.slow

FAINT_SHAPES = """() => {
  const parts = (c) => {
    const n = c.match(/[\\d.]+/g).map(Number);
    return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1];
  };
  const paper = parts(getComputedStyle(document.body).backgroundColor);
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => c.slice(0, 3).map(v => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const against = (paint, opacity) => {
    if (!paint.startsWith('rgb')) return 0;
    const c = parts(paint), share = c[3] * opacity;
    const mixed = [0, 1, 2].map(i => share * c[i] + (1 - share) * paper[i]);
    const [high, low] = [light(mixed), light(paper)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const found = [];
  let seen = 0;
  for (const e of document.querySelectorAll('svg :is(rect, line, path, circle, polyline, polygon, use)')) {
    if (e.closest('defs, clipPath, pattern, .plate') || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    let opacity = 1;
    for (let up = e; up && up.tagName !== 'BODY'; up = up.parentElement)
      opacity *= Number(getComputedStyle(up).opacity);
    const fill = e.tagName === 'line' ? 0 : against(style.fill, opacity * Number(style.fillOpacity));
    const edge = against(style.stroke, opacity * Number(style.strokeOpacity));
    // What is painted in the paper's own colour parts marks from each other and is none itself.
    if (Math.max(fill, edge) <= 1.001) continue;
    seen += 1;
    if (Math.max(fill, edge) < 3) {
      const size = e.getBoundingClientRect();
      found.push([e.closest('section')?.id, e.tagName, e.getAttribute('class'), style.fill, style.stroke,
        Math.max(fill, edge).toFixed(2), size.width.toFixed(0), size.height.toFixed(0)].join(' '));
    }
  }
  return [seen, [...new Set(found)]];
}"""
"""How many shapes there are, and those that neither by their fill nor by their edge stand out from the page."""


@pytest.mark.parametrize(
    ("name", "width", "scheme", "media"),
    [
        *((name, 1280, "light", "screen") for name in ("sample", "held", "score-closer")),
        *((name, 1280, "dark", "screen") for name in ("sample", "held", "score-closer")),
        ("inconclusive", 390, "dark", "screen"),
        ("held", 1280, "light", "print"), ("court", 1280, "dark", "print"), ("score-closer", 1280, "dark", "print"),
    ],
)  # fmt: skip
def test_every_shape_of_a_figure_stands_out(opener: Opener, name: str, width: int, scheme: str, media: str) -> None:
    page, _ = opener(name, width=width, scheme=scheme)
    page.emulate_media(media=media)
    page.evaluate(OPEN_ALL)
    assert_stands_out(page)


def assert_stands_out(page: Page) -> None:
    seen, faint = page.evaluate(FAINT_SHAPES)
    assert seen > 10
    assert faint == []
