"""The API pages: a block of names in docs/api becomes their entries, a block of code its graph.

    ```{names} minigrad              ```{graph} Linear
    abs add addcdiv                  viz.trace(nn.Linear(4, 3), mg.ones(2, 4))
    ```                              ```

An entry has the true signature, the docstring, and what docs/ops.md says of the operation.
"""

import functools
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import public
from sphinx.application import Sphinx
from sphinx.util import logging

import minigrad as mg
from minigrad import nn, viz

DOCS = Path(__file__).parent.parent
BLOCK = re.compile(r"^```\{(names|graph)\} (\S+)\n(.*?)^```$", re.M | re.S)
log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", write_entries)
    app.connect("env-get-outdated", with_entries)
    app.connect("missing-reference", find_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def with_entries(app: Sphinx, env: Any, *_: Any) -> list[str]:
    """Return the pages that are read again each time: what they show stands in the code."""
    return [page for page in env.found_docs if page.startswith("api/")]


def write_entries(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace the blocks of a page by what they stand for."""
    if page.startswith("api/"):
        pictures = Path(app.doctreedir) / "graphs"
        kinds = {"names": entries, "graph": functools.partial(graph, pictures)}
        source[0] = BLOCK.sub(lambda block: kinds[block[1]](block[2], block[3]), source[0])


# ---- entries


def entries(module: str, text: str) -> str:
    """Return the entries of names, after a line of links to them."""
    place, listed = public.home(module), text.split()
    links = [f":obj:`{name} <{module}.{name}>`" for name in listed]
    lines = ["``````{eval-rst}", *([*links, ""] if len(listed) > 3 else [])]
    for name in listed:
        lines += entry(place, module, name)
    return "\n".join([*lines, "``````"])


def entry(place: Any, module: str, name: str) -> list[str]:
    """Return the lines of reStructuredText that describe a name."""
    full = f"{module}.{name}"
    if not hasattr(place, name):
        log.warning("docs/api: there is no %s", full)
        return []
    value = inspect.getattr_static(place, name)
    told = public.homes().get(id(value), full)
    if inspect.isclass(place):
        return ["", *method(value, full, told)]
    if told != full:
        head = heading(value, full)
        return ["", *head, "", f"   The same as :obj:`{told}`."]
    if not public.is_described(value):
        shown = re.sub(r" object at 0x\w+", "", " ".join(repr(value).split()))
        return ["", f".. py:data:: {full}", "", f"   ``{shown}``"]
    lines = ["", *heading(value, full), "", *indented(described(value))]
    if inspect.isclass(value):
        for member, made in members(value):
            lines += ["", *indented(method(made, f"{full}.{member}", f"{full}.{member}"))]
        return lines
    return [*lines, "", *indented(checked(full))]


def heading(value: Any, full: str) -> list[str]:
    kind = "class" if inspect.isclass(value) else "function"
    if inspect.isclass(value) and issubclass(value, Exception):
        kind = "exception"
    return [f".. py:{kind}:: {full}{signature(value)}"]


def method(value: Any, full: str, told: str) -> list[str]:
    """Return the entry of what stands in a class."""
    text = described(value) if told == full else [f"The same as :obj:`{told}`, of this tensor."]
    if isinstance(value, (property, functools.cached_property)) or not callable(unbound(value)):
        return [f".. py:property:: {full}", "", *indented(text)]
    taken = signature(unbound(value), skip=not isinstance(value, staticmethod))
    kinds = {classmethod: "classmethod", staticmethod: "staticmethod"}
    option = [f"   :{kinds[type(value)]}:"] if type(value) in kinds else []
    return [f".. py:method:: {full}{taken}", *option, "", *indented(text)]


def unbound(value: Any) -> Any:
    return value.__func__ if isinstance(value, (classmethod, staticmethod)) else value


def members(value: type) -> Iterator[tuple[str, Any]]:
    """Yield what a class adds to its bases that have an entry: public and with a docstring."""
    if value is mg.Tensor:  # on a page of its own
        return
    told = {b for b in value.__mro__[1:] if id(b) in public.homes()}
    plain = set() if value is nn.Module else {"extra_repr"}  # every layer has its own
    elsewhere = {inner for base in told for inner in base.__mro__}
    seen: set[str] = set()
    for base in value.__mro__:
        if base in elsewhere or not base.__module__.startswith("minigrad"):
            continue
        for name, made in vars(base).items():
            if (
                name[0] != "_"
                and name not in seen | plain
                and inspect.getdoc(made)
                and is_member(made)
            ):
                seen.add(name)
                yield name, made


def is_member(made: Any) -> bool:
    kinds = (property, functools.cached_property, classmethod, staticmethod)
    return inspect.isfunction(made) or isinstance(made, kinds)


def signature(value: Any, skip: bool = False) -> str:
    """Return the parameters and their defaults, without types."""
    try:
        parameters = list(inspect.signature(value).parameters.values())[skip:]
    except (TypeError, ValueError):
        return "(...)"
    plain = [
        p.replace(
            annotation=p.empty, default=p.default if p.default is p.empty else Shown(p.default)
        )
        for p in parameters
    ]
    return str(inspect.Signature(plain))


class Shown:
    """A default as it is written."""

    def __init__(self, default: Any) -> None:
        self.text = getattr(default, "__name__", None) or repr(default)

    def __repr__(self) -> str:
        return self.text


# ---- text


def described(value: Any) -> list[str]:
    """Return a docstring as reStructuredText."""
    text = inspect.getdoc(value) or ""
    return EXAMPLE.sub(lambda part: part["example"] or escaped(part["text"]), text).splitlines()


# an example, up to the next empty line, or what stands before one
EXAMPLE = re.compile(
    r"(?P<example>^ *>>>.*?(?:\n(?= *\n)|\Z))|(?P<text>.+?(?=^ *>>>|\Z))", re.M | re.S
)
CODE = re.compile(r":\w+:`[^`]+`|(`+)(?!`).+?(?<!`)\1(?!`)|https?://[^\s;,)]+[^\s;,).]", re.S)


def escaped(text: str) -> str:
    """Return text in which only code, references and addresses are markup."""
    parts, end = [], 0
    for found in CODE.finditer(text):
        parts += [plain(text[end : found.start()]), markup(found[0])]
        end = found.end()
    return "".join([*parts, plain(text[end:]), "\n"])


def markup(word: str) -> str:
    """Return what is between backticks as code, and an address as a link with a name."""
    if word[0] == "`":
        code = word.strip("`")
        return plain(code) if "`" in code else f"``{code.strip()}``"
    if word.startswith("http"):
        page = re.sub(r"^https?://(?:www\.)?|/$", "", word)
        return f"`{'PyTorch' if page.startswith('docs.pytorch.org') else page} <{word}>`__"
    return word


def plain(text: str) -> str:
    return re.sub(r"([*|\\]|_(?=\W|$)|`)", r"\\\1", text)


def indented(lines: list[str]) -> list[str]:
    return [f"   {line}" if line else "" for line in lines]


# ---- what is checked


@functools.cache
def sheet() -> dict[str, dict[str, str]]:
    """Return the lines of docs/ops.md by the operation's short name."""
    table = [line for line in (DOCS / "ops.md").read_text().splitlines() if line.startswith("| ")]
    head, _, *rows = ([cell.strip() for cell in line.strip("| ").split(" | ")] for line in table)
    return {cells[0].split(".")[1]: dict(zip(head, cells, strict=True)) for cells in rows}


def checked(full: str) -> list[str]:
    """Return what the op sheet says of a function that is one of its operations."""
    module, _, name = full.rpartition(".")
    row = sheet().get(name)
    if row is None or module not in (
        "minigrad",
        "minigrad.linalg",
        "minigrad.special",
        "minigrad.nn.functional",
    ):
        return []
    if row["order 1"] == "0":
        order = "the gradient is zero everywhere"
    else:
        order = "first and second order checked by finite differences"
    facts = [f"Gradient: {order}"]
    if row["NumPy call"] != "–":
        facts.append("NumPy: " + row["NumPy call"].replace("`", "``"))
    if row["compared with PyTorch"] == "yes":
        facts.append("compared with PyTorch")
    return [f"{'; '.join(facts)} (:doc:`op sheet </ops>`)."]


# ---- graphs


def graph(folder: Path, name: str, code: str) -> str:
    """Run a block, draw what it gives, and return the code and the picture."""
    *before, last = code.strip().splitlines()
    scope = {"mg": mg, "nn": nn, "viz": viz}
    exec("\n".join(before), scope)
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"{name}.svg"
    eval(last, scope).render(picture)
    place = os.path.relpath(picture, DOCS / "api")
    return f"```python\n{code}```\n\n![The graph of {name}]({place})"


# ---- references


def find_name(app: Sphinx, env: Any, node: Any, content: Any) -> Any:
    """Resolve a short name in a docstring: in the class at hand, then in any module."""
    if node.get("refdomain") != "py":
        return None
    objects = env.get_domain("py").objects
    target = node["reftarget"]
    near = (node.get("py:class"), node.get("py:module"), *public.MODULES)
    for place in filter(None, near):
        for full in (f"{place}.{target}", f"minigrad.{place}.{target}"):
            if full in objects:
                node["reftarget"] = full
                domain = env.get_domain("py")
                return domain.resolve_xref(
                    env, node["refdoc"], app.builder, "obj", full, node, content
                )
    return None
