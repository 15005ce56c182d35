"""No edge runs over the title of a frame, in any picture of the gallery, as a browser draws them."""

import gallery
import pytest

import minigrad as mg
from minigrad import nn, viz

CROSSED = """() => {
  const points = [...document.querySelectorAll('.edge path')].flatMap((e) => {
    const length = e.getTotalLength();
    return Array.from({ length: Math.ceil(length) }, (_, i) => e.getPointAtLength(i));
  });
  const titles = [...document.querySelectorAll('.cluster text')], crossed = [];
  for (const e of titles) {
    const text = e.textContent, first = text.search(/[^\\u00a0]/), last = text.replace(/\\u00a0+$/, '').length - 1;
    const [l, r, box] = [e.getStartPositionOfChar(first).x, e.getEndPositionOfChar(last).x, e.getBBox()];
    const over = ({ x, y }) => l < x && x < r && box.y + 1 < y && y < box.y + box.height - 1;
    if (points.some(over)) crossed.push(text.trim());
  }
  return [titles.length, crossed];
}"""


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


PICTURES = [make for make in gallery.PICTURES if make().clusters]


@pytest.mark.parametrize("make", PICTURES, ids=lambda make: make.__name__)
def test_no_edge_runs_over_a_title(page, dot, make):
    picture = make()
    page.set_content(picture.drawn("svg").decode().partition("?>")[2])
    assert page.evaluate(CROSSED) == [len(picture.clusters), []]


def test_a_title_wider_than_what_is_in_its_frame(page, dot):
    class ALayerWithAVeryLongNameAndLittleInIt(nn.Module):
        def forward(self, x):
            return x.exp()

    model = nn.Sequential(ALayerWithAVeryLongNameAndLittleInIt(), nn.Tanh())
    picture = viz.trace(model, mg.ones(1), depth=9)
    svg = picture.drawn("svg").decode()
    page.set_content(svg.partition("?>")[2])
    assert page.evaluate(CROSSED) == [3, []]
