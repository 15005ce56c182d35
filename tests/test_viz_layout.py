"""Pages that lay themselves out, where the program dot is missing, in a real browser."""

import re
import subprocess
import sys

import gallery
import pytest

import minigrad as mg
from minigrad import nn, viz

# what a line of the drawing runs through though it should not, and what stands upon something else
FAULTS = """() => {
  const svg = document.querySelector('.view:not([hidden]) svg'), faults = [];
  const box = (e, less = 1) => {
    const b = e.getBBox();
    return { l: b.x + less, r: b.x + b.width - less, t: b.y + less, b: b.y + b.height - less, name: e.parentNode.textContent };
  };
  const shapes = [...svg.querySelectorAll('.node')].map((g) => [g, box(g.firstElementChild)]);
  const frames = [...svg.querySelectorAll('.cluster > rect')].map((e) => [e, box(e, -0.5)]);
  const titles = [...svg.querySelectorAll('.cluster > text')].map((e) => [e, box(e, 0)]);
  const sideways = ['LR', 'RL'].includes(JSON.parse(document.getElementById('data').textContent).direction);
  const within = ({ x, y }, b) => b.l < x && x < b.r && b.t < y && y < b.b;
  for (const path of svg.querySelectorAll('.edge > path:first-child')) {
    const length = path.getTotalLength(), points = [];
    for (let at = 0; at <= length; at += 1) points.push(path.getPointAtLength(at));
    const ends = [path.getPointAtLength(0), path.getPointAtLength(length)];
    if (length < 4) faults.push('a line without length');
    const along = ({ x, y }) => (sideways ? x : y);
    if (points.some((p, i) => i > 2 && Math.abs(along(p) - along(points[i - 3])) < 0.05)) faults.push('a line across the flow');
    for (const [g, b] of shapes) {
      const near = (p) => b.l - 3 <= p.x && p.x <= b.r + 3 && b.t - 3 <= p.y && p.y <= b.b + 3;
      if (ends.some(near)) continue;
      if (points.some((p) => within(p, b))) faults.push('through ' + b.name);
    }
    for (const [, b] of frames) {
      if (!ends.some((p) => within(p, b)) && points.some((p) => within(p, b))) faults.push('through the frame ' + b.name);
    }
    for (const [, b] of titles) if (points.some((p) => within(p, b))) faults.push('over the title ' + b.name);
  }
  const apart = (a, b) => a.r <= b.l || b.r <= a.l || a.b <= b.t || b.b <= a.t;
  const labels = [...svg.querySelectorAll('.edge > text')].map((e) => [e, box(e, 1.5)]);
  const solid = [...shapes, ...titles, ...labels];
  solid.forEach(([e, a], i) => solid.slice(0, i).forEach(([f, b]) => {
    if (!apart(a, b)) faults.push(`${a.name} upon ${b.name}`);
  }));
  const whole = svg.viewBox.baseVal;
  for (const [, b] of [...solid, ...frames]) if (b.l < -1 || b.t < -1 || b.r > whole.width + 1 || b.b > whole.height + 1) faults.push(b.name + ' outside');
  return faults;
}"""


@pytest.fixture(autouse=True)
def no_dot(monkeypatch):
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def open_page(browser, tmp_path):
    said, context = [], browser.new_context(offline=True, viewport={"width": 1200, "height": 800})

    def open_it(picture, steps=()):
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(picture.html(tmp_path / "page.html", steps).as_uri())
        return page

    yield open_it
    context.close()
    assert said == []


class Crossed(nn.Module):
    """Two layers that read each other's parts, so that their frames close a cycle."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x):
        shared = self.b.weight * 2
        return self.b(self.a(x) @ shared) + self.a(x)


@pytest.mark.parametrize("direction", viz.draw.DIRECTIONS)
@pytest.mark.parametrize("name", ["linear_batchnorm", "residual", "shared_weight", "neuron", "crossed", "attention"])
def test_no_line_runs_through_what_it_does_not_belong_to(open_page, name, direction):
    models = {"crossed": Crossed(), "attention": nn.TransformerEncoderLayer(4, 2, 8)}
    if name in models:
        picture = viz.trace(models[name], mg.ones(3, 2 if name == "crossed" else 4), depth=9)
    else:
        picture = getattr(gallery, name)()
    for part in (picture, picture.whole):
        part.direction = direction
    page = open_page(picture)
    for option in page.locator("#depth option").all_text_contents():
        page.select_option("#depth", label=option)
        assert page.locator(".view:not([hidden]) .node").count() > 2
        assert page.evaluate(FAULTS) == []


def test_without_dot_the_page_does_what_it_does_with_it(open_page, tmp_path):
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    layer = nn.Linear(2, 3)
    loss = (layer(x).tanh() * 2).sum().named("<the> & loss")
    steps = list(viz.backward_steps(loss))
    picture = viz.graph(loss, {"x": x}, show=("shapes", "gradients", "values"))
    picture.title = picture.whole.title = "a title"
    page = open_page(picture, steps)
    page.select_option("#depth", label="all")
    words = " ".join(page.locator(".view:not([hidden]) text").all_text_contents())
    for word in ("<the> & loss", "a title", "Linear · 9 parameters", "‖∂ℓ/∂weight‖", "length 2", "x"):
        assert word in words
    page.focus("#step")
    page.keyboard.press("End")
    assert page.locator(".view:not([hidden]) .node.got").count() > 3
    page.fill("#find", "weight")
    assert page.text_content("#found") == "2"
    box = page.locator(".view:not([hidden]) .node", has_text="tanh")
    box.click()
    assert page.locator(".view:not([hidden]) .edge.on").count() > 3
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.findall(r"https?://(?!www\.w3\.org)", text)


def test_notebooks_show_the_page(browser):
    picture = viz.graph((mg.ones(2, requires_grad=True) * 3).sum())
    data = picture._repr_mimebundle_()
    assert "image/svg+xml" not in data and data["text/plain"] == repr(picture)
    page = browser.new_page()
    page.set_content(data["text/html"])
    frame = page.frame_locator("iframe")
    assert frame.locator(".view:not([hidden]) .node").count() == 4 and "apt install graphviz" in page.text_content("p")
    page.close()


def test_the_layout_alone(tmp_path):
    """It is plain script, without a page."""
    node = subprocess.run(["/usr/bin/env", "-i", "/bin/sh", "-c", "command -v node"], capture_output=True, text=True)
    if not node.stdout:
        pytest.skip("node is not installed")
    script = """
    const { readFileSync } = require("fs");
    const scripts = process.argv.slice(1).map((path) => readFileSync(path, "utf8"));
    const layout = new Function(`${scripts.join("\\n")}; return layout`)();
    const nodes = [0, 1, 2].map((id) => ({ id, width: 40, height: 20, box: id === 1 ? 7 : null }));
    const edges = [{ source: 0, target: 1 }, { source: 1, target: 2 }, { source: 0, target: 2, width: 30, height: 9 }];
    const plan = layout(nodes, edges, [{ id: 7, parent: null, width: 50, height: 12 }], "TB");
    console.log(JSON.stringify([[...plan.nodes.keys()], plan.edges.map((e) => e.label !== null), plan.boxes.has(7)]));
    """
    paths = [f"{viz.__path__[0]}/{name}" for name in viz.page.SCRIPTS[:3]]
    out = subprocess.run([node.stdout.strip(), "-e", script, *paths], capture_output=True, text=True)
    assert out.stdout.strip() == "[[0,2,1],[false,false,true],true]", out.stderr + sys.version
