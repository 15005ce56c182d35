"""Build the playground, a page that runs minigrad in the browser, and serve it on this machine.

    python playground/build.py                     # write it to runs/playground and serve it
    python playground/build.py --no-serve          # only write it: static files, for any server
    python playground/build.py --local FOLDER      # with Pyodide from a folder: asks nobody else

Python, NumPy and Graphviz come from a CDN, as config.js says. ``playground/local.py`` fetches the
folder for ``--local``.
"""

import argparse
import functools
import http.server
import io
import json
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE = ("index.html", "style.css", "app.js", "plots.js", "worker.js", "config.js")
LOCAL = """// Written by build.py: everything lies beside this page.
export const PYODIDE = new URL("pyodide/", import.meta.url).href;
export const GRAPHVIZ = new URL("pyodide/graphviz.js", import.meta.url).href;
"""
SAMPLE = (4000, 1000)  # images to train on and to test on


def main(argv=None):
    """Write the page, and serve it unless told not to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--out", type=Path, default=Path("runs/playground"), help="default: %(default)s"
    )
    parser.add_argument(
        "--local", type=Path, metavar="FOLDER", help="Pyodide and Graphviz, see local.py"
    )
    parser.add_argument("--data", metavar="FOLDER", help="where the four MNIST files are")
    parser.add_argument("--no-serve", action="store_true", help="only write the files")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    args = parser.parse_args(argv)
    if args.local and not (args.local / "pyodide.mjs").is_file():
        fetch = f"python playground/local.py {args.local}"
        parser.error(f"--local: there is no pyodide.mjs in {args.local}; fetch it: {fetch}")
    build(args.out, args.local, args.data)
    if not args.no_serve:
        serve(args.out, args.port)


def build(out, local=None, data=None):
    """Write all files of the page to ``out``."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "programs").mkdir(parents=True)
    for name in PAGE:
        shutil.copy(HERE / name, out / name)
    (out / "minigrad.zip").write_bytes(_package())
    sample = _sample(data)
    if sample is not None:
        (out / "data.zip").write_bytes(_zipped({"mnist.npz": sample}))
    programs = []
    for path in sorted((HERE / "programs").glob("*.py")):
        shutil.copy(path, out / "programs")
        name = path.read_text(encoding="utf-8").removeprefix("# ").partition(":")[0]
        programs.append({"file": path.name, "name": name})
    (out / "programs.json").write_text(json.dumps(programs))
    if local is not None:
        shutil.copytree(local, out / "pyodide")
        (out / "config.js").write_text(LOCAL)
    package = (out / "minigrad.zip").stat().st_size
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"written to {out}: {total / 1e6:.1f} MB, of it minigrad {package / 1e6:.2f} MB")


def _package():
    """Return minigrad and the page's own module as a zip that a browser unpacks."""
    files = {"playground.py": (HERE / "playground.py").read_bytes()}
    for top, inside in ((ROOT / "minigrad", Path("minigrad")), (ROOT / "nn", Path("minigrad/nn"))):
        for path in sorted(top.rglob("*")):
            is_source = path.suffix in (".py", ".html", ".css", ".js")
            if is_source and not (
                inside == Path("minigrad") and path.relative_to(top).parts[0] == "nn"
            ):
                files[str(inside / path.relative_to(top))] = path.read_bytes()
    return _zipped(files)


def _zipped(files):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return memory.getvalue()


def _sample(data):
    """Return 5,000 MNIST images and their labels as an .npz file, or None where there are none."""
    sys.path.insert(0, str(ROOT))
    from minigrad import datasets

    try:
        parts = [datasets.MNIST(data, train=train) for train in (True, False)]
        images, labels = zip(
            *((part.data[:n], part.targets[:n]) for part, n in zip(parts, SAMPLE, strict=True)),
            strict=True,
        )
    except OSError:
        try:
            parts = [datasets.mnist_sample(train) for train in (True, False)]
        except ModuleNotFoundError as error:
            print(f"without MNIST: {error}", file=sys.stderr)
            return None
        everything = [np.concatenate([np.asarray(part[i]) for part in parts]) for i in (0, 1)]
        images, labels = [(everything[0].reshape(-1, 28, 28) * 255).round()], [everything[1]]
    memory = io.BytesIO()
    np.savez_compressed(
        memory,
        images=np.concatenate(images).astype(np.uint8),
        labels=np.concatenate(labels).astype(np.uint8),
    )
    return memory.getvalue()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serve files, modules and wasm under the types that browsers ask for."""

    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm",
    }  # fmt: skip

    def log_message(self, *_):
        """Say nothing."""


def server(folder, port=0):
    """Return a server of the folder on this machine; port 0: any that is free."""
    handler = functools.partial(_Handler, directory=str(folder))
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def serve(folder, port):
    """Serve until Ctrl-C."""
    with server(folder, port) as page:
        print(f"http://127.0.0.1:{page.server_address[1]}/   (Ctrl-C ends)", flush=True)
        try:
            page.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
