"""The page of a run in training, in a real browser, and what TensorBoard reads."""

import json
import socket
import sys
import threading
import urllib.error
import urllib.request

import pytest

import minigrad as mg
from minigrad import nn, optim, viz


def net():
    mg.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))


def trained(model, live, steps):
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x = mg.randn(8, 2)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(x) - 1).pow(2).mean()
        loss.backward()
        optimizer.step()
        live.log(loss, rate=0.1)
    return loss


def is_free(url):
    port = int(url.rpartition(":")[2].strip("/"))
    with socket.socket() as s:  # without SO_REUSEADDR: nothing lingers
        s.bind(("127.0.0.1", port))
    return True


def got(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_training(browser, scheme, tmp_path):
    model = net()
    context = browser.new_context(viewport={"width": 1000, "height": 800}, color_scheme=scheme)
    page, said, asked = context.new_page(), [], set()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: request.url.startswith("data:") or asked.add(request.url))
    with viz.live(model, title="a </script> net") as live:
        page.goto(live.url)
        assert page.text_content("h1") == page.title() == "a </script> net" and page.locator("table").is_hidden()
        loss = trained(model, live, 30)
        page.locator("#state", has_text="30 steps").wait_for()
        trained(model, live, 5)
        page.wait_for_selector("#layers tr")
        captions = page.locator("figcaption").all_text_contents()
        assert captions[0].startswith("loss") and captions[1] == "rate0.1000"
        names = page.locator("#layers td:first-child").all_text_contents()
        assert names == ["0.weight", "0.bias", "2.weight", "2.bias"]
        assert page.locator("#layers svg").count() >= 8 and page.locator("polyline").count() == 2
        assert page.evaluate("document.documentElement.scrollWidth") <= 1000
    page.locator("#state", has_text="35 steps, the run has ended").wait_for()
    assert asked == {live.url, live.url + "state"} and said == [] and is_free(live.url)
    path = live.save(tmp_path / "run.html")
    asked.clear()
    page.goto(path.as_uri())
    assert page.text_content("#state") == "35 steps, the run has ended" and asked == {path.as_uri()} and said == []
    assert page.locator("#layers tr").count() == 4 and loss.item() > 0
    context.close()


def test_the_port_is_free_after_an_error_and_ctrl_c():
    for error in (ValueError, KeyboardInterrupt):
        before = threading.active_count()
        with pytest.raises(error), viz.live(net()) as live:
            got(live.url)
            waiting = socket.create_connection(("127.0.0.1", live._server.server_port))  # asks for nothing
            raise error
        assert is_free(live.url) and threading.active_count() == before
        waiting.close()
        live.close()
        with pytest.raises(urllib.error.URLError):
            got(live.url)
    again = viz.live(net(), port=live._server.server_port)
    with pytest.raises(OSError), viz.live(net(), port=again._server.server_port):
        pass
    again.close()


def test_another_site_reads_nothing():
    with viz.live(net()) as live:
        port = live._server.server_port
        assert json.loads(got(live.url + "state", Host=f"localhost:{port}"))["steps"] == 0
        for url, headers, code in ((live.url, {"Host": f"evil.example:{port}"}, 403), (live.url + "x", {}, 404)):
            with pytest.raises(urllib.error.HTTPError, match=str(code)) as caught:
                got(url, **headers)
            caught.value.close()
        assert live._server.server_address[0] == "127.0.0.1"
        assert "connect-src 'self'" in got(live.url) and "default-src 'none'" in got(live.url)


def test_statistics_are_taken_only_for_who_looks(monkeypatch):
    looked = []
    monkeypatch.setattr(viz.live.__globals__["Live"], "_look", lambda self: looked.append(self.steps))
    with viz.live(net()) as live:
        for _ in range(5):
            live.log(1.0)
        assert looked == []
        got(live.url + "state")
        while not live._asked:
            pass
        live.log(1.0)
        assert looked == [6]
        live._heard_at = 0.0


def test_curves_stay_short_and_keep_their_shape():
    with viz.live(net()) as live:
        for step in range(10_000):
            live.log(step)
        curve = live.state()["curves"]["loss"]
    assert 1000 <= len(curve["values"]) < 2000 and curve["latest"] == 9999
    assert curve["values"] == curve["steps"] == sorted(curve["values"])
    assert sum(curve["values"]) / len(curve["values"]) == pytest.approx(4999.5, rel=2e-3)


def test_faults_of_live():
    with pytest.raises(TypeError, match=r"viz\.live: expected a module, got int"):
        viz.live(3)
    with viz.live(net()) as live:
        live.log(mg.tensor([2.0]), accuracy=float("nan"))
        before = repr(live)
        for value in (mg.ones(2), "0.5", None):
            with pytest.raises(ValueError, match=r"viz\.live: accuracy is one number a step"):
                live.log(1.0, accuracy=value)
        assert repr(live) == before and "loss 2, accuracy nan, http://127.0.0.1:" in before
        assert json.loads(got(live.url + "state"))["curves"]["accuracy"]["latest"] == "nan"


# ---- TensorBoard -------------------------------------------------------------------------------
def events(folder):
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    return [event for path in folder.iterdir() for event in EventFileLoader(str(path)).Load()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_what_was_written(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.util.tensor_util import make_ndarray

    model, x = net(), mg.ones(4, 2)
    with viz.SummaryWriter(tmp_path) as writer:
        writer.add_graph(model, x)
        writer.add_scalar("loss", mg.tensor(0.5), 3)
        writer.add_scalars("accuracy", {"train": 0.25, "test": 0.125}, 4)
        writer.add_histogram("weight", mg.tensor([1.0, 2.0, 3.0, float("nan")]), 5)
        for call in (writer.add_scalar, writer.add_histogram):
            with pytest.raises(ValueError, match="wrong"):
                call("wrong", mg.ones(2) if call == writer.add_scalar else mg.ones(0))
        with pytest.raises(ValueError, match="example inputs"):
            writer.add_graph(model)
        assert writer.get_logdir() == str(tmp_path)
    found = {v.tag: (event.step, make_ndarray(v.tensor)) for event in events(tmp_path) for v in event.summary.value}
    graph = GraphDef.FromString(found.pop("__run_graph__")[1].item())  # the loader's name for the graph
    assert {tag: (step, value.item()) for tag, (step, value) in found.items() if tag != "weight"} == {
        "loss": (3, 0.5),
        "accuracy/train": (4, 0.25),
        "accuracy/test": (4, 0.125),
    }
    step, bins = found["weight"]
    assert step == 5 and bins[:, 2].sum() == 3 and bins[0, 0] == 1.0 and bins[-1, 1] == 3.0
    names = [node.name for node in graph.node]
    assert len(names) == len({*names}) == len(viz.trace(model, x).whole.nodes)
    assert all(name in names for node in graph.node for name in node.input)
    weight = next(node for node in graph.node if node.name.startswith("Sequential/0.Linear/weight"))
    assert [d.size for d in weight.attr["_output_shapes"].list.shape[0].dim] == [3, 2]


def test_without_tensorboard_the_error_says_how_to_have_it(monkeypatch, tmp_path):
    for name in ("tensorboard", "tensorboard.compat.proto", "tensorboard.summary.writer.event_file_writer"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'minigrad\[tensorboard\]'"):
        viz.SummaryWriter(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
