"""Boxes of a page that open one by one, its search, its steps and its map, in a real browser, the network off."""

import json
import re

import gallery
import pytest
from test_viz_layout import FAULTS

import minigrad as mg
from minigrad import nn, viz


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    mg.manual_seed(0)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 3)
    loss = model(mg.randn(4, 2, 8)).square().sum().named("loss")
    steps = list(viz.backward_steps(loss, retain_graph=True))
    picture = viz.graph(loss, show=("shapes", "gradients", "values"))
    return picture.html(tmp_path_factory.mktemp("page") / "page.html", steps), picture, steps


@pytest.fixture
def open_page(browser):
    said, contexts = [], []

    def open_it(path, **options):
        contexts.append(browser.new_context(offline=True, **{"viewport": {"width": 1200, "height": 800}, **options}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def page(open_page, encoder):
    return open_page(encoder[0])


def seen(page, locator):
    outer, inner = page.locator("#stage").bounding_box(), locator.first.bounding_box()
    return all(
        inner[at] < outer[at] + outer[size] and inner[at] + inner[size] > outer[at]
        for at, size in (("x", "width"), ("y", "height"))
    )


def labels(page):
    return [label.split(",")[0] for label in page.locator(".node").evaluate_all("e => e.map(n => n.ariaLabel)")]


def step_to(page, value):
    page.locator("#step").evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)


# ---- one by one
def heads():
    """An attention whose three layers read one value, watched."""
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), gallery.Attention(4))
    loss = model(mg.randn(2, 3, 4)).square().sum()
    with viz.watch():
        loss.backward()
    return viz.graph(loss)


@pytest.mark.parametrize("name", ["encoder", "heads"])
def test_any_set_of_open_boxes_is_the_picture_closed_there(encoder, name):
    """What is shown at a depth is what the picture itself shows, closed at that depth, arrow by arrow."""
    picture = encoder[1] if name == "encoder" else heads()
    folding = viz.folding.foldable(picture, picture.whole)
    base = viz.repeats.merge_repeats(picture.whole)
    for depth in range(4):
        expected = viz.simplify.close_modules(base, depth)
        opened = {None, *(c.id for c in base.clusters if c.level < depth)}
        shown = {v.id: v for v in folding.base.nodes if v.cluster in opened}
        for c in base.clusters:
            if c.id not in opened and c.parent in opened:
                shown[folding.closed[c.id].id] = folding.closed[c.id]
        name = lambda v: (v.kind, v.plain or v.label, v.shape, v.gradient, v.saved)
        assert sorted(map(str, map(name, shown.values()))) == sorted(map(str, map(name, expected.nodes)))
        arrows = [e for e in folding.arrows if e.source in shown and e.target in shown]
        mine = [(name(shown[e.source]), name(shown[e.target]), e.shape, e.gradient) for e in arrows]
        theirs = [
            (name(expected.nodes[e.source]), name(expected.nodes[e.target]), e.shape, e.gradient)
            for e in expected.edges
        ]
        assert sorted(map(str, mine)) == sorted(map(str, theirs)) and len(mine) > 1


def test_boxes_open_and_close_one_by_one(page):
    page.select_option("#depth", label="1")
    before = labels(page)
    (box,) = [n for n in before if n.startswith("layers.0")]
    page.locator(".node", has_text="layers.0").dblclick()
    after = labels(page)
    assert box not in after and any("self_attn" in n for n in after) and len(after) > len(before) + 5
    assert page.locator("#depth option:checked").text_content() == "2"
    page.locator(".node", has_text="norm1").dblclick()
    assert page.locator("#depth option:checked").text_content() == "mixed"
    assert any(n.startswith("x̂ =") or "layer_norm" in n for n in labels(page)) and any(
        "self_attn" in n for n in labels(page)
    )
    assert page.evaluate(FAULTS) == []
    page.locator(".cluster > text", has_text="norm1").dblclick()
    assert labels(page) == after
    page.locator(".cluster > text", has_text="layers.0").dblclick()
    assert labels(page) == before


def test_boxes_open_and_close_by_keyboard_and_keep_their_place(page):
    page.select_option("#depth", label="1")
    page.locator(".node", has_text="layers.0").focus()
    corner = "e => [e.getBoundingClientRect().x, e.getBoundingClientRect().y]"
    before = page.locator(".node", has_text="layers.0").evaluate(corner)
    page.keyboard.press("Enter")
    active = "() => document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(active).startswith("close layers.0")
    assert page.locator(".cluster", has_text="layers.0").evaluate(corner) == pytest.approx(before, abs=0.5)
    page.keyboard.press("Enter")
    assert page.evaluate(active).startswith("layers.0") and page.locator(".cluster").count() == 1
    page.keyboard.press("Space")
    assert page.locator(".node.on").count() == len(labels(page))


def test_the_facts_open_and_close_by_touch(open_page, encoder):
    page = open_page(encoder[0], viewport={"width": 375, "height": 700}, has_touch=True)
    page.select_option("#depth", label="0")
    page.locator(".node", has_text="TransformerEncoder").tap()
    page.locator("#facts button").tap()
    assert page.locator(".cluster", has_text="TransformerEncoder").count() == 1
    page.locator(".node", has_text="layers.0").tap()
    page.locator("#facts button").tap()
    page.locator(".node", has_text="norm1").tap()
    assert page.text_content("#facts button") == "open"


# ---- find
def test_find_looks_into_closed_boxes_and_goes_on(page, encoder):
    page.select_option("#depth", label="0")
    base = viz.repeats.merge_repeats(encoder[1].whole)
    count = sum("weight" in v.label for v in base.nodes)
    page.fill("#find", "weight")
    assert page.text_content("#found") == str(count) and page.text_content("#hit") == "1 /"
    visited = set()
    for _ in range(count):
        hit = page.locator(".node.hit")
        assert hit.count() == 1 and seen(page, hit) and "weight" in hit.text_content()
        visited.add(hit.get_attribute("id"))
        page.keyboard.press("Enter")
    assert len(visited) == count and page.text_content("#hit") == "1 /"
    page.keyboard.press("Shift+Enter")
    assert page.text_content("#hit") == f"{count} /"
    page.fill("#find", "no such thing")
    assert page.text_content("#found") == "0" and page.locator("#depth option:checked").text_content() == "0"


# ---- steps
def test_every_step_lights_a_box_at_every_depth(page, encoder):
    _, _, steps = encoder
    for depth in page.locator("#depth option").all_text_contents():
        page.select_option("#depth", label=depth)
        lit = page.evaluate("""() => {
          const slider = document.getElementById('step'), lit = [];
          for (let v = Number(slider.min) + 1; v <= Number(slider.max); v++) {
            slider.value = v;
            slider.dispatchEvent(new Event('input'));
            if (v) lit.push(document.querySelectorAll('.node.at').length);
          }
          return lit;
        }""")
        assert set(lit) == {1} and len(lit) > len(steps) + 20


def test_steps_are_told_in_the_words_of_the_boxes(page, encoder):
    _, _, steps = encoder
    told = []
    for i in range(1, len(steps) + 1):
        step_to(page, i)
        told.append(page.text_content("#told"))
    assert not any("leaf" in text for text in told if "= leaf" not in text.replace("src", ""))
    text = "\n".join(told)
    for name in ("layers.2.norm2.weight", "layers.0.self_attn.in_proj_weight", "loss"):
        assert name in text
    page.select_option("#depth", label="1")
    step_to(page, 8)
    assert "in the closed box layers.0: TransformerEncoderLayer" in page.text_content("#told")


def test_gradients_appear_as_they_flow(open_page, tmp_path):
    x = mg.tensor([3.0], requires_grad=True)
    y = (x * x).named("y")
    loss = (y * y.exp()).sum().named("loss")
    steps = list(viz.backward_steps(loss, params={"x": x}))
    page = open_page(viz.graph(loss, {"x": x}, show=("gradients",)).html(tmp_path / "page.html", steps))
    back = lambda: [t for t in page.locator('.node text[fill="#8a3700"]').all_text_contents() if t]
    flowing = lambda: page.locator(".edge:not(.silent):has([stroke='#c44e00' i])").count()
    assert len(back()) >= 4 and flowing() == 7
    shown = []
    for i in range(len(steps) + 1):
        step_to(page, i)
        shown.append((len(back()), flowing()))
    assert shown[0] == (0, 0) and shown == sorted(shown) and shown[-1][0] == len(set(shown)) - 1 + shown[1][0] - 1
    words = {text.split(" = ")[0]: float(text.split(" = ")[1]) for text in back()}
    assert words["∂ℓ/∂x"] == pytest.approx(x.grad.item(), rel=1e-2)
    step_to(page, len(steps) - 1)
    assert "∂ℓ/∂x" not in " ".join(back()) and "∂ℓ/∂y" in " ".join(back())
    half = [t for t in back() if "∂ℓ/∂y" in t]
    step_to(page, len(steps) - 2)
    assert [t for t in back() if "∂ℓ/∂y" in t] != half  # only one of its two readers has sent something


def test_the_forward_pass_steps_too(open_page, tmp_path):
    picture = viz.trace(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), mg.ones(1, 2), depth=9)
    page = open_page(picture.html(tmp_path / "page.html"))
    assert "All is computed" in page.text_content("#told") and page.text_content("#at") == "forward 3 / 3"
    assert page.locator(".node.todo").count() == 0
    page.focus("#step")
    page.keyboard.press("Home")
    assert page.text_content("#at") == "forward 0 / 3" and page.locator(".node.todo").count() == 4
    page.keyboard.press("ArrowRight")
    assert "linear: " in page.locator(".node.at").text_content() and page.locator(".node.todo").count() == 3
    assert "forward 1: 0: linear" in page.text_content("#told")


def test_play_and_pause(open_page, encoder):
    page = open_page(encoder[0])
    page.clock.install()
    page.click("#play")
    assert page.get_attribute("#play", "aria-label") == "pause"
    page.clock.run_for(5000)
    at = page.text_content("#at")
    assert int(at.split(" / ")[0]) >= 3
    page.click("#play")
    page.clock.run_for(5000)
    assert page.text_content("#at") == at and page.get_attribute("#play", "aria-label") == "play"
    page.focus("#stage")
    page.keyboard.press("p")
    page.clock.run_for(700 * 250)
    steps = len(encoder[2])
    assert page.text_content("#at") == f"{steps} / {steps}" and page.get_attribute("#play", "aria-label") == "play"


# ---- what is seen
def test_the_map_moves_the_view(page):
    page.select_option("#depth", label="all")
    assert page.locator("#map").is_visible()
    box = page.locator("#map").bounding_box()
    before = page.locator(".view").get_attribute("style")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.95)
    assert page.locator(".view").get_attribute("style") != before
    assert seen(page, page.locator(".node", has_text="output"))
    page.select_option("#depth", label="0")
    page.click("#fit")
    assert page.locator("#map").is_hidden()


@pytest.mark.parametrize("direction", viz.draw.DIRECTIONS)
def test_fit_of_a_long_graph_is_not_empty(open_page, tmp_path, direction):
    y = mg.ones(2, requires_grad=True)
    for _ in range(600):
        y = y.sin()
    picture = viz.graph(y, max_nodes=10_000, direction=direction)
    page = open_page(picture.html(tmp_path / "page.html"))
    assert page.locator(".node").count() == 602
    assert any(seen(page, page.locator(".node").nth(end)) for end in (0, -1))
    page.click("#fit")
    sizes = page.locator(".node").evaluate_all(
        """nodes => { const s = document.getElementById('stage').getBoundingClientRect();
        return nodes.map(n => n.getBoundingClientRect())
          .filter(r => r.right < s.right && r.left > s.left && r.top > s.top && r.bottom < s.bottom).map(r => r.height) }"""
    )
    assert len(sizes) >= 10 and min(sizes) >= 3


def test_a_graph_of_many_boxes_is_laid_out_without_a_line_through_a_box(open_page, tmp_path):
    w = mg.ones(2, 2, requires_grad=True)
    y = mg.ones(2, 2, requires_grad=True)
    for i in range(32):
        y = (y @ w).tanh() + (y * i).sin()
    page = open_page(viz.graph(y).html(tmp_path / "page.html"))
    assert page.locator(".node").count() > 160 and page.evaluate(FAULTS.replace("at += 1", "at += 25")) == []


def test_a_page_of_many_boxes_is_seen_before_they_are_drawn(open_page, tmp_path):
    y = w = mg.ones(2, requires_grad=True)
    for _ in range(800):
        y = (y * w).sin()
    page = open_page(viz.graph(y, max_nodes=10_000).html(tmp_path / "page.html"))
    page.add_init_script("""new MutationObserver(() => {
      if (!window.drawn && document.querySelector('.node')) window.drawn = performance.now();
    }).observe(document, { childList: true, subtree: true })""")
    page.reload()
    page.wait_for_selector(".node")
    assert page.locator(".node").count() == 1602 and page.locator(".view p").count() == 0
    assert page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime < drawn")
    assert page.locator(".node text").first.evaluate("n => n.getBoundingClientRect().height") >= 9


def test_a_page_of_5000_boxes_is_twice_as_long_as_one_of_2500(tmp_path):
    sizes = []
    for n in (1250, 2500):
        y = w = mg.ones(2, requires_grad=True)
        for _ in range(n):
            y = (y * w).sin()
        path = viz.graph(y, max_nodes=10_000).html(tmp_path / "page.html")
        data = re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.S).group(1)
        assert len(json.loads(data)["nodes"]) == 2 * n + 2
        sizes.append(len(data))
    assert sizes[1] < 2.2 * sizes[0]


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (gallery.resnet, "Sequential: input → output"), (gallery.diamond, "x → output"), (gallery.neuron, "x, w, b → out"),
        (lambda: viz.trace(nn.Linear(2, 2), mg.ones(1, 2)), "Linear: input → output"),
        (gallery.inserted_layer, "What changed in Sequential: input → output"),
    ],
)  # fmt: skip
def test_a_title_says_what_is_shown(tmp_path, make, title):
    text = make().html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert title in re.search("<title>(.*?)</title>", text).group(1)


def test_in_the_dark_everything_can_be_told_from_the_ground(open_page, encoder):
    page = open_page(encoder[0], color_scheme="dark")
    page.select_option("#depth", label="all")
    step_to(page, 40)
    colours = page.evaluate("""() => {
      const fill = (s) => getComputedStyle(document.querySelector(s)).fill, stroke = (s) => getComputedStyle(document.querySelector(s)).stroke;
      return [fill('.cluster > text'), fill('.edge > text'), stroke('.edge > path'), fill('#map') && getComputedStyle(document.getElementById('map')).color];
    }""")
    for colour in colours:
        assert max(map(int, re.findall(r"\d+", colour)[:3])) >= 140, colours
