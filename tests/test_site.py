"""The site: every public name has one entry; the built pages ask nobody for anything, and their search finds names.

The second half reads what `make docs` built in runs/site.
"""

import functools
import http.server
import re
import socketserver
import sys
import threading
from collections import Counter

import pytest
from conftest import _wanted
from test_import import ROOT

DOCS, SITE = ROOT / "docs", ROOT / "runs" / "site"
sys.path.insert(0, str(DOCS / "_ext"))
import public

BLOCK = re.compile(r"^```\{names\} (\S+)\n(.*?)^```$", re.M | re.S)


@functools.cache
def listed():
    """Return how often each name stands in a block of docs/api, and on which pages."""
    found: dict[str, list[str]] = {}
    for page in sorted((DOCS / "api").glob("*.md")):
        for module, names in BLOCK.findall(page.read_text(encoding="utf-8")):
            for name in names.split():
                found.setdefault(f"{module}.{name}", []).append(page.name)
    return found


def needed(module):
    if module == "minigrad.sklearn":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")


@pytest.mark.parametrize("module", public.MODULES)
def test_every_public_name_stands_on_one_page(module):
    needed(module)
    names = {f"{module}.{name}" for name in public.names(module)}
    here = {name for name in listed() if name.rpartition(".")[0] == module}
    assert not names - here, "enter them in a block of docs/api/*.md"
    assert not here - names, "they are no longer there: take them out of docs/api/*.md"
    assert {name: pages for name, pages in listed().items() if len(pages) > 1} == {}


def test_no_module_of_a_block_is_forgotten():
    assert {name.rpartition(".")[0] for name in listed()} == set(public.MODULES)


def test_public_names_are_those_that_a_user_sees():
    import minigrad as mg

    assert set(public.names("minigrad")) >= {"tensor", "cat", "no_grad", "float32", "pi"}
    assert not set(public.names("minigrad")) & {"nn", "utils", "viz"}  # modules have pages, not entries
    assert "BatchNorm1d" in public.names("minigrad.nn") and "annotations" not in public.names("minigrad.amp")
    assert public.homes()[id(mg.arccos)] == "minigrad.acos"
    assert public.homes()[id(mg.Tensor.abs)] == "minigrad.abs"


# ---- the built site


@pytest.fixture(scope="module")
def site():
    _wanted("the site", (SITE / "objects.inv").exists())
    return SITE


@pytest.fixture(scope="module")
def inventory(site):
    """Return the page of each object by name, as other sites find it."""
    _wanted("sphinx", __import__("importlib").util.find_spec("sphinx") is not None)
    from sphinx.util.inventory import InventoryFile

    with (site / "objects.inv").open("rb") as stream:
        found = InventoryFile.load(stream, "", lambda *parts: "".join(parts))
    kinds = {kind: entries for kind, entries in found.items() if kind.startswith("py:")}
    return {name: item.uri.partition("#")[0] for entries in kinds.values() for name, item in entries.items()}


def test_the_inventory_is_what_is_public(inventory):
    names = {f"{module}.{name}" for module in public.MODULES for name in public.names(module)}
    assert names <= set(inventory), "run: make docs"
    members = {name for name in inventory if name.rpartition(".")[0] in names}  # of classes
    assert set(inventory) - names <= members | set(public.MODULES), "run: make docs"


def test_signatures_of_functions_made_by_tables_are_true(site):
    text = re.sub(r"<[^>]+>", "", (site / "api" / "elementwise.html").read_text(encoding="utf-8"))
    for line in ("minigrad.exp(input, *, out=None)", "minigrad.add(input, other, *, alpha=1, out=None)"):
        assert line in re.sub(r"\s+", " ", text), line


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(Quiet, directory=str(site))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def page(browser, address):
    """A page that may ask its own server alone, and says nothing on its console."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page, said = context.new_page(), []
    outside = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: outside.append(request.url) if not is_own(request.url, address) else None)
    page.route("**/*", lambda route: route.continue_() if is_own(route.request.url, address) else route.abort())
    yield page
    context.close()
    assert outside == [] and said == []


def is_own(url, address):
    return url.startswith((address, "data:", "blob:"))


PAGES = ["index", "api/nn_normalization", "gallery", "coming_from_pytorch", "autograd", "genindex"]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 1200])
def test_a_page_stands_alone_and_fits(page, address, name, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{address}/{name}.html")
    page.wait_for_load_state("networkidle")
    assert page.locator("h1").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    broken = "[...document.images].filter(image => image.complete && !image.naturalWidth).map(image => image.src)"
    assert page.evaluate(broken) == []


def test_no_page_names_another_place_to_load_from(site):
    """Links may lead anywhere; scripts, styles, pictures and fonts come from here."""
    for file in site.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]+)", text)
        loaded += re.findall(
            r"<link\b(?![^>]*rel=\"(?:canonical|search|index|next|prev)\")[^>]*\bhref=\"([^\"]+)", text
        )
        assert not [x for x in loaded if "//" in x.partition("?")[0] and not x.startswith("data:")], file


SEARCHED = {
    "BatchNorm1d": "minigrad.nn.BatchNorm1d",
    "backward": "minigrad.autograd.backward",
    "cross_entropy": "minigrad.nn.functional.cross_entropy",
    "DataLoader": "minigrad.utils.data.DataLoader",
    "compile": "minigrad.compile",
    "set_engine": "minigrad.viz.set_engine",
    "Adam": "minigrad.optim.Adam",
    "einsum": "minigrad.einsum",
    "LSTM": "minigrad.nn.LSTM",
    "gradcheck": "minigrad.autograd.gradcheck",
    "backward_steps": "minigrad.viz.backward_steps",
    "vmap": "minigrad.func.vmap",
}


@pytest.mark.parametrize("word", SEARCHED)
def test_search_finds_a_name_first(page, address, word):
    page.goto(f"{address}/search.html?q={word}")
    first = page.locator("#search-results ul.search li a").first
    first.wait_for(timeout=60_000)
    page.wait_for_function("!document.querySelector('#search-progress') || Search._pulse_status < 0", timeout=60_000)
    assert first.get_attribute("href").endswith(f"#{SEARCHED[word]}")


def test_search_works_without_a_server(browser, site):
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((site / "search.html").as_uri() + "?q=BatchNorm1d")
    first = page.locator("#search-results ul.search li a").first
    first.wait_for(timeout=60_000)
    assert first.get_attribute("href").endswith("#minigrad.nn.BatchNorm1d")
    context.close()


def test_each_entry_stands_on_the_page_of_its_group(site, inventory):
    pages = Counter(inventory[name] for name in listed() if name in inventory)
    assert len(pages) > 40 and max(pages.values()) < 700
    for name, (page,) in listed().items():
        assert inventory[name] == f"api/{page.replace('.md', '.html')}", name
