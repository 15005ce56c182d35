"""What the site shows and the forge does not: titles for names of files, thumbnails, sources."""

import ast
import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).parent.parent
EXAMPLES = DOCS.parent / "examples"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def rewrite(app: Sphinx, page: str, source: list[str]) -> None:
    text = re.sub(r'<a id="(\w+)"></a>', r"(\1)=", source[0])  # so that [C0](#c0) finds it
    to_docs = "../" * page.count("/")
    for name in ("ARCHITECTURE", "CHANGELOG"):
        text = text.replace(f"]({to_docs}../{name}.md", f"]({to_docs}{name.lower()}.md")
    text = re.sub(
        r"\[[\w/]+\.md\]\((?!http)([^)#]+\.md)\)", r"[](\1)", text
    )  # the title of that page
    if page == "gallery":
        text = with_sources_and_thumbnails(text)
    if page == "examples":
        text += programs()
    source[0] = text


PICTURE = re.compile(r"^!\[(.*)\]\((gallery/(\w+)\.\w+)\)$", re.M)


def with_sources_and_thumbnails(text: str) -> str:
    """Put the program below each picture, and all pictures, small, above the first."""
    small = [thumbnail(*found) for found in PICTURE.findall(text)]
    text = PICTURE.sub(lambda found: f"{found[0]}\n\n{source('gallery', found[3])}", text)
    head, first, rest = text.partition("\n## ")
    return "\n\n".join([head, *small, ""]) + first + rest


def thumbnail(said: str, file: str, name: str) -> str:
    options = {"target": f"#{name.replace('_', '-')}", "alt": said, "class": "thumbnail"}
    lines = [f":{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in options.items()]
    return "\n".join([f"```{{image}} {file}", *lines, "```"])


def source(program: str, function: str = "") -> str:
    part = f"\n:pyobject: {function}" if function else ""
    return f"```{{literalinclude}} ../examples/{program}.py{part}\n```"


def programs() -> str:
    """Return the text of every program of a page, below what it says of itself."""
    lines = ["", "## The sources", ""]
    for file in sorted(EXAMPLES.glob("*.py")):
        if file.stem not in ("gallery", "draw_batchnorm"):
            said = (ast.get_docstring(ast.parse(file.read_text())) or "").partition(":")[0]
            lines += [f"### {file.name}", "", f"{said}.", "", source(file.stem), ""]
    return "\n".join(lines)
