"""Two models or two runs in one picture, slides, and what a picture tells besides."""

import re

import pytest

import minigrad as mg
from minigrad import nn, viz


def net(*layers):
    return nn.Sequential(*layers)


def mlp(*middle, wide=3, out=1):
    return net(nn.Linear(2, wide), *middle, nn.Linear(wide, out))


def blocks(n):
    return net(*(net(nn.Linear(2, 2), nn.Tanh()) for _ in range(n)))


class Named(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)
        if norm:
            self.norm = nn.BatchNorm1d(2)

    def forward(self, x):
        x = self.first(x)
        return self.second(self.norm(x).relu() if hasattr(self, "norm") else x.relu())


@pytest.mark.parametrize(
    "a, b, told",
    [
        (mlp(nn.Tanh()), mlp(nn.Tanh()), "the same"),
        (mlp(nn.Tanh()), mlp(nn.BatchNorm1d(3), nn.Tanh()), "+ 1: BatchNorm1d"),
        (mlp(nn.BatchNorm1d(3), nn.Tanh()), mlp(nn.Tanh()), "− 1: BatchNorm1d"),
        (mlp(nn.Tanh()), mlp(nn.ReLU()), "− 1: Tanh\n+ 1: ReLU"),
        (mlp(nn.Linear(3, 3)), mlp(nn.Linear(3, 3), nn.Linear(3, 3)), "+ 2: Linear"),
        (mlp(), mlp(out=4), "~ 1: Linear\n~ output"),
        (mlp(), mlp(wide=5), "~ 0: Linear\n~ 1: Linear"),
        (
            net(nn.Linear(2, 4), nn.Linear(4, 2)),
            net(*(nn.Linear(2, n) for n in (2, 4)), nn.Linear(4, 3)),
            "+ 0: Linear\n~ 2: Linear\n~ output",
        ),
        (blocks(12), blocks(13), "+ 12: Sequential"),
        (blocks(3), net(*blocks(1), net(nn.Linear(2, 2), nn.Tanh(), nn.Tanh()), *blocks(1)), "+ 1.2: Tanh"),
        (Named(False), Named(True), "+ norm: BatchNorm1d"),
        (lambda x: x * 2, lambda x: x * 2 + 1, "+ add: a + 1"),
        (lambda x: (x * 2).sum(), lambda x: (x * 3).sum(), "~ mul: x × 3"),
    ],
)
def test_an_inserted_layer_is_one_addition(a, b, told):
    for part in (a, b):
        if isinstance(part, nn.Module):
            part.eval()
    picture = viz.diff(a, b, mg.ones(4, 2))
    assert repr(picture) == told
    signs = {"+": picture.added, "−": picture.removed, "~": picture.changed}
    assert sum(map(len, signs.values())) == (0 if told == "the same" else told.count("\n") + 1)
    assert repr(viz.diff(b, a, mg.ones(4, 2))).count("\n") == told.count("\n")


def test_what_is_the_same_is_drawn_once():
    """All of the second is in the picture, and of the first what is not in the second."""
    a, b = mlp(nn.Tanh()), mlp(nn.BatchNorm1d(3), nn.Tanh())
    x = mg.ones(4, 2)
    old, new = viz.trace(a, x), viz.trace(b, x)
    picture = viz.diff(old, new)
    kept = [v for v in picture.whole.nodes if v.mark != "added"]
    assert len(kept) == len(old.whole.nodes) and len(picture.whole.nodes) == len(new.whole.nodes)
    marks = [e.mark for e in picture.edges]
    assert marks.count("removed") == 1 and marks.count("added") == 2  # around the one box
    box = next(v for v in picture.nodes if v.mark)
    assert box.kind == "module" and "+ 1: BatchNorm1d" in picture.dot and viz.dot.MARKS["added"] in picture.dot
    assert [v.id for v in picture.nodes] == list(range(len(picture.nodes)))
    again = viz.from_json(picture.json())
    assert again.dot == picture.dot and again.mermaid() == picture.mermaid() and "linkStyle" in picture.mermaid()


def run(scale):
    mg.manual_seed(0)
    model = mlp(nn.Tanh())
    loss = model(mg.ones(4, 2)).mean() * mg.tensor(scale)
    with viz.watch():
        loss.backward()
    return viz.graph(loss, model=model), loss, model


def test_two_runs_show_the_ratio_of_what_flowed():
    one, two = run(1.0), run(3.0)
    picture = viz.diff(one[0], two[0])
    ratios = [e.ratio for e in picture.whole.edges if e.ratio is not None]
    assert len(ratios) > 8 and sorted({round(r, 4) for r in ratios}) == [1.0, 3.0]
    assert "(×3)" in picture.dot and "was 1" in picture.dot and repr(picture) == "the same"
    loss, other = one[1].item(), two[1].item()
    assert f"= {other:.4g}" in picture.dot and f"was {loss:.4g}" in picture.dot
    closed = viz.diff(one[0], two[0], depth=0)
    (edge,) = [e for e in closed.edges if e.target == len(closed.nodes) - 1]
    assert edge.ratio == 1.0 and {e.ratio for e in closed.edges} >= {3.0}
    assert {e.ratio for e in viz.diff(one[1], two[1]).whole.edges} >= {*ratios}


def test_faults_of_diff():
    with pytest.raises(TypeError, match=r"viz\.diff: Sequential must run.*viz\.diff\(a, b, x\)"):
        viz.diff(mlp(), mlp())
    with pytest.raises(TypeError, match=r"viz\.diff: expected models.*got int"):
        viz.diff(1, 2)


def test_a_slide_has_large_letters_and_no_bytes():
    picture = viz.trace(mlp(nn.Tanh()), mg.ones(4, 2))
    slide = picture.slide()
    assert "keeps" in picture.dot and " f32" in picture.dot and "fontsize=11" in picture.dot
    assert not re.search(r"keeps| f32|\bB\b|fontsize=(9|11)\b", slide.dot) and "fontsize=20" in slide.dot
    assert slide.whole.letters == slide.letters and "saved" in picture.show
    assert viz.from_json(slide.json()).dot == slide.dot


EDGES = {
    "light": ("rgb(26, 127, 55)", "rgb(179, 38, 30)"),
    "dark": ("rgb(74, 194, 107)", "rgb(255, 138, 128)"),
}


@pytest.mark.parametrize("there_is_dot", [True, False])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_both(browser, tmp_path, monkeypatch, there_is_dot, scheme):
    if not there_is_dot:
        monkeypatch.setenv("PATH", "")
    picture = viz.diff(mlp(nn.Tanh()), mlp(nn.BatchNorm1d(3), nn.Tanh()), mg.ones(4, 2))
    context = browser.new_context(offline=True, color_scheme=scheme)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(picture.html(tmp_path / "diff.html").as_uri())
    box = page.locator("svg:visible .node", has_text="+ 1: BatchNorm1d")
    looks = box.locator("ellipse, polygon, path").first.evaluate("e => getComputedStyle(e).stroke")
    assert box.count() == 1 and looks == "rgb(26, 127, 55)"
    lines = page.locator("svg:visible .edge path").evaluate_all("all => all.map((e) => getComputedStyle(e).stroke)")
    green, red = EDGES[scheme]
    assert lines.count(green) == 2 and lines.count(red) == 1
    size = lambda: page.locator("svg:visible .node text").first.evaluate(
        "e => parseFloat(getComputedStyle(e).fontSize)"
    )
    before = size()
    page.goto(picture.slide().html(tmp_path / "slide.html").as_uri())
    assert size() == pytest.approx(before * 20 / 11, abs=0.2)
    assert "keeps" not in " ".join(page.locator("svg:visible text").all_text_contents())
    context.close()
    assert said == []


def kinds(picture):
    return [(v.kind, v.label.partition(" ")[0]) for v in picture.nodes if v.kind in ("operation", "derivative")]


def test_derivatives_are_told_from_the_forward_pass():
    x = mg.tensor([2.0], requires_grad=True)
    y = (x * x * x).sum()
    (slope,) = mg.autograd.grad(y, x, create_graph=True)
    (curve,) = mg.autograd.grad(slope, x, create_graph=True)
    (other,) = mg.autograd.grad(y, x, create_graph=True)
    assert set(kinds(viz.graph(y))) == {("operation", "mul:"), ("operation", "sum")}
    assert set(kinds(viz.graph(slope))) == {("operation", "mul:"), ("derivative", "∂")}
    assert {sign for kind, sign in kinds(viz.graph(curve)) if kind == "derivative"} == {"∂", "∂²"}
    assert {sign for kind, sign in kinds(viz.graph([slope, other])) if kind == "derivative"} == {"∂"}
    penalty = (slope**2).sum() + y
    names = [v.label for v in viz.graph(penalty).nodes if v.kind == "operation"]
    assert names[-3:] == ["pow: a ^ 2", "sum", "add: a + b"]
    assert ":::derivative" in viz.graph(slope).mermaid()


def test_constants_of_one_element_show_their_value():
    x, c, row = mg.ones(3, requires_grad=True), mg.tensor(2.5), mg.tensor([0.5])
    number = lambda picture: [v.number for v in picture.nodes if v.kind == "constant"]
    assert number(viz.graph(((x + c) - row).sum())) == [2.5, 0.5]
    assert number(viz.graph((x + mg.ones(3)).sum())) == [None]
    y = (x + c).sum()
    c.fill_(7.0)  # what was read is no longer there
    assert number(viz.graph(y)) == [None]
    assert "= 2.5" in viz.trace(lambda x: x + mg.tensor(2.5), mg.ones(2)).dot


def test_lines_are_shown_at_their_operations():
    x = mg.ones(3, requires_grad=True)
    with mg.autograd.record_lines():
        y = (x * 2).exp()  # this line
        picture = viz.trace(lambda x: x * 3, mg.ones(2))
    lines = [v.line for v in viz.graph(y).nodes if v.kind == "operation"]
    assert len(lines) == 2 and all(line.endswith("y = (x * 2).exp()  # this line") for line in lines)
    assert all(re.match(r"test_viz_diff\.py:\d+: ", line) for line in lines)
    assert "this line" in viz.graph(y).dot and viz.from_json(viz.graph(y).json()).nodes[1].line == lines[0]
    assert "tooltip" not in viz.graph((x * 2).exp()).dot and len(picture.nodes) == 3


class Partly(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x):
        y = self.body(x)
        return {"loss": y.sum(), "best": y.argmax(), "seen": y.detach() * 2}


def test_what_takes_no_part_in_training_is_told():
    model, x = Partly(), mg.ones(1, 2)
    told = ["not read: head.weight, head.bias", "without gradient: output best, output seen"]
    assert viz.trace(model, x).note.splitlines() == told
    assert str(viz.summary(model, x)).splitlines()[-2:] == told and told[0] in viz.summary(model, x).html()
    whole = viz.summary(mlp(), x)
    assert whole.not_read == whole.without_gradient == () and str(whole).endswith("multiply-adds")
    assert viz.trace(lambda a: a * 2, x).note == ""
    frozen = mlp().requires_grad_(False)
    assert viz.trace(frozen, x).note == ""
