"""The page in a real browser, the network off."""

import json
import re

import pytest

import minigrad as mg
from minigrad import nn, viz


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3))
    x = mg.randn(8, 4)
    loss = nn.functional.cross_entropy(model(x), mg.tensor([0, 1, 2, 0, 1, 2, 0, 1])).named("loss")
    steps = list(viz.backward_steps(loss, params=model.named_parameters(), retain_graph=True))
    picture = viz.graph(loss, {"x": x}, show=("shapes", "gradients", "values"))
    picture.title = "a small </script> net"
    return picture.html(tmp_path_factory.mktemp("page") / "page.html", steps), model, steps


def test_the_page_stands_alone(made):
    text = made[0].read_text(encoding="utf-8")
    outside = set(re.findall(r"https?://[^\s\"'<>]+", text))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert text.count("</script>") == 2 and "a small &lt;/script&gt; net" in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S).group(1))
    assert {b["level"] for b in data["boxes"]} == {0, 1} and len(data["steps"]) == len(made[2])
    assert "among <code>show" not in text
    ids = re.findall(r'id="([\w-]+)"', text)
    assert len(ids) == len(set(ids))


def test_what_is_folded_or_not_a_number_is_told(tmp_path):
    model = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in range(3)))
    loss = model(mg.ones(1, 2)).sum() / mg.tensor(0.0) * 0
    steps = list(viz.backward_steps(loss))
    path = viz.graph(loss, show=("gradients", "values")).html(tmp_path / "page.html", steps)
    refuse = lambda word: pytest.fail(f"{word} is no JSON")
    data = json.loads(
        re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.S).group(1), parse_constant=refuse
    )
    assert [v["name"] for v in data["leaves"] if "." in v["name"]] == [
        f"{i}.0.{name}" for i in range(3) for name in ("weight", "bias")
    ]
    (tanh,) = [n for n in data["nodes"] if n["label"] == "tanh"]
    assert len(tanh["ages"]) == 2 and tanh["times"] == 3 and {s["node"] for s in data["steps"]} > {*tanh["ages"]}
    assert data["nodes"][-1]["number"] == "nan"


@pytest.fixture
def page(browser, made):
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 800})
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: request.url.startswith("data:") or asked.append(request.url))
    page.goto(made[0].as_uri())
    yield page
    assert said == [] and asked == [made[0].as_uri()]
    context.close()


def inside(page, selector):
    outer, inner = page.locator("#stage").bounding_box(), page.locator(selector).first.bounding_box()
    return all(
        outer[at] <= inner[at] and inner[at] + inner[size] <= outer[at] + outer[size] + 1
        for at, size in (("x", "width"), ("y", "height"))
    )


def test_it_opens_legible_and_fit_shows_everything(page):
    letters = page.locator(".view:not([hidden]) .node text").first.bounding_box()["height"]
    assert letters >= 11 and inside(page, ".view:not([hidden]) .node")
    page.click("#fit")
    assert inside(page, ".view:not([hidden]) svg")


def test_the_step_is_brought_into_sight(page, made):
    page.select_option("#depth", label="all")
    page.focus("#step")
    page.keyboard.press("End")
    for _ in made[2]:
        assert inside(page, ".view:not([hidden]) .node.at")
        page.keyboard.press("ArrowLeft")


def test_the_slider_at_its_end_shows_the_gradients(page, made):
    _, model, steps = made
    assert "Nothing has flowed" in page.text_content("#told")
    page.focus("#step")
    page.keyboard.press("End")
    told = page.text_content("#told")
    assert page.text_content("#at") == f"{len(steps)} / {len(steps)}"
    norms = [float(n) for n in re.findall(r"‖([^‖]+)‖", told)]
    assert "0.weight ‖" in told and "1.bias ‖" in told
    assert sorted(norms) == pytest.approx(sorted(p.grad.norm().item() for p in model.parameters()), rel=1e-3)
    assert page.locator(".view:not([hidden]) .node.got").count() > 10
    page.keyboard.press("Home")
    assert page.locator(".view:not([hidden]) .node.got").count() == 0


def test_depth_and_find(page):
    page.select_option("#depth", label="1")
    texts = page.locator(".view:not([hidden]) .node").all_text_contents()
    assert any("1: BatchNorm1d" in t for t in texts) and not any("x̂" in t for t in texts)
    page.fill("#find", "x̂ =")
    assert page.text_content("#found") == "1" and page.locator("#depth option:checked").text_content() == "mixed"
    assert "x̂" in page.locator(".node.found").text_content() and inside(page, ".node.found")
    page.fill("#find", "")
    assert page.locator("#depth option:checked").text_content() == "1"
    page.fill("#find", "x̂ =")
    page.select_option("#depth", label="all")
    assert page.text_content("#found") == "1"
    assert "x̂" in page.locator(".view:not([hidden]) .node.found").text_content()
    page.fill("#find", "3.weight")
    assert page.text_content("#found") == "1"


def test_pointing_tells_and_clicking_lights_the_paths(page):
    page.select_option("#depth", label="all")
    box = page.locator(".view:not([hidden]) .node", has_text="x̂ =")
    box.hover()
    told = page.text_content("#facts")
    assert "x̂ = a / √(σ² + ε)" in told and "norm of gradient" in told and page.locator("#facts svg rect").count() >= 16
    box.click()
    on = page.locator(".view:not([hidden]) .node.on")
    assert any("μ" in t for t in on.all_text_contents()) and any("loss" in t for t in on.all_text_contents())
    off = page.locator(".view:not([hidden]) .node:not(.on)").count()
    assert off >= 3 and page.locator(".view:not([hidden]) .edge.on").count() > 5
    page.keyboard.press("Escape")
    assert on.count() == 0


def test_what_is_found_or_at_is_told_from_what_has_a_gradient(page):
    page.select_option("#depth", label="all")
    page.focus("#step")
    page.keyboard.press("End")
    page.fill("#find", "tanh")
    line = "e => { const s = getComputedStyle(e.querySelector('ellipse')); return [s.stroke, s.strokeWidth, s.strokeDasharray] }"
    looks = [page.locator(f".view:not([hidden]) .node.{c}:has(ellipse)").first.evaluate(line) for c in ("found", "at")]
    plain = page.locator(".view:not([hidden]) .node.got:not(.found):not(.at):has(ellipse)").first.evaluate(line)
    assert looks[0] != looks[1] and plain not in looks and looks[0][2] == looks[1][2] == "none"


def test_by_keyboard(page):
    before = page.locator(".view:not([hidden])").get_attribute("style")
    page.focus("#stage")
    for key in ("+", "ArrowLeft"):
        page.keyboard.press(key)
        after = page.locator(".view:not([hidden])").get_attribute("style")
        assert after != before
        before = after
    page.keyboard.press("]")
    assert page.text_content("#at").startswith("1 /")
    page.focus("#stage")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator(".view:not([hidden]) .node.on").count() > 1
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"


def test_dragging_moves_and_does_not_choose(page):
    page.click("#fit")
    style = page.locator(".view:not([hidden])").get_attribute("style")
    box = page.locator(".view:not([hidden]) .node", has_text="x̂ =").bounding_box()
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*at)  # the box moves with the pointer, so the pointer is let go on it
    page.mouse.down()
    page.mouse.move(at[0] + 60, at[1] + 30, steps=3)
    page.mouse.up()
    assert page.locator(".view:not([hidden])").get_attribute("style") != style
    assert page.locator(".node.on").count() == 0


def test_on_a_phone_that_lies(browser, made):
    page = browser.new_page(viewport={"width": 844, "height": 390})
    page.goto(made[0].as_uri())
    for step in ("Home", "End"):
        page.focus("#step")
        page.keyboard.press(step)
        assert page.locator("#stage").bounding_box()["height"] >= 280 and page.locator("#told").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 844
    page.close()


def test_on_a_phone(browser, made):
    context = browser.new_context(viewport={"width": 375, "height": 700}, has_touch=True, color_scheme="dark")
    page = context.new_page()
    page.goto(made[0].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert page.locator("#stage").bounding_box()["height"] >= 420
    page.focus("#step")
    page.keyboard.press("End")
    page.locator(".node").first.tap()
    assert page.text_content("#facts h2") and page.locator("#stage").bounding_box()["height"] >= 380
    assert page.locator(".view:not([hidden]) .node text").first.bounding_box()["height"] >= 11
    context.close()
