"""The commands that the pages of the project name, each run as it stands there.

python tests/commands.py            # run all; exit status 1 where one fails
python tests/commands.py --list     # only name them, and where they stand
"""

import argparse
import ast
import functools
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
_START = r"(?:\.venv/bin/)?(?:python3?|pip|make|git|apt|brew|winget|\. \.venv)[ /]"

# What is not run as it stands: what is run instead (nothing where that is empty), and why.
# A name that ends in "..." is the beginning of commands.
INSTEAD = {
    # needs another machine, or another name
    "apt install graphviz": ("apt-get --version", "changes the machine: .ci/run installs graphviz by itself"),
    "brew install graphviz": ("", "for macOS"),
    "winget install graphviz": ("", "for Windows"),
    "python -m minigrad.nn doctor package.module:model": (
        "python -m minigrad.nn doctor minigrad.nn:Identity",
        "the name is a placeholder",
    ),
    "python -m minigrad.nn doctor": (
        "python -m minigrad.nn doctor minigrad.nn:Identity",
        "asks for the name of a model",
    ),
    "python benchmarks/chains.py minigrad|torch": ("python benchmarks/chains.py minigrad 10", "one of the two, short"),
    "python benchmarks/optimizers.py minigrad|torch": (
        "python benchmarks/optimizers.py minigrad 10000",
        "one of the two, short",
    ),
    "python benchmarks/worker.py PEER NET OPTIMIZER THREADS": (
        "python benchmarks/worker.py minigrad_eager fig1_bn sgd 1 </dev/null",
        "the names are placeholders",
    ),
    "pip install 'minigrad[sklearn]'": ("", "the extra is installed by .ci/run; the package is the checkout"),
    "pip install 'minigrad[onnx]'": ("", "the extra is installed by .ci/run; the package is the checkout"),
    # serve a page until Ctrl-C
    "make playground": ('make playground ARGS="--no-serve"', "serves until Ctrl-C"),
    'make playground ARGS="--local runs/pyodide"': ("", "needs that folder: tests/test_playground.py builds it"),
    "python playground/local.py runs/pyodide": (
        "python playground/local.py --help",
        "a hundred megabytes: .ci/run fetches them by itself",
    ),
    # would run for half an hour and more
    "make bench": ("", "half an hour; the Makefile's other line, with --quick, is run"),
    "python benchmarks/run.py": ("", "half an hour; the next line there, with --quick, is run"),
    "python benchmarks/run.py --repeats ...": (
        "python benchmarks/run.py --quick --peers minigrad_eager --repeats 2 --seconds 0.1",
        "half an hour, and it writes the page of figures, which names it with the options of that day",
    ),
    "python benchmarks/run.py --json out.json --write": (
        "mkdir -p runs && python benchmarks/run.py --quick --peers minigrad_eager --json runs/bench.json",
        "half an hour, and it writes a page of figures",
    ),
    "make lab": (
        'make lab ARGS="--only C10 --out runs/lab-one"',
        "minutes: what --ci chooses of it is a step of .ci/run",
    ),
    'make lab ARGS="--full"': (
        'make lab ARGS="--full --only C10 --out runs/lab-full"',
        "half an hour: one claim of it is run",
    ),
    "python examples/batchnorm_lab run --full --jobs 2": (
        "python examples/batchnorm_lab run --full --jobs 2 --only C10 --out runs/lab-full",
        "half an hour: one claim of it is run",
    ),
    "python tests/fuzz.py --programs 5000 --seed 1": (
        "python tests/fuzz.py --programs 100 --seed 1",
        "many minutes; some hundreds are in the suite",
    ),
    "make distributed": (
        'make distributed ARGS="--epochs 1 --out runs/mnist-distributed"',
        "trains as long as make mnist: one epoch shows that it runs",
    ),
    "pip install minigrad mpi4py": ("", "for a cluster with an MPI of its own"),
    "pip install 'minigrad[mpi]'": ("", "the extra is installed by .ci/run; the package is the checkout"),
    "python benchmarks/distributed.py": (
        "python benchmarks/distributed.py --quick",
        "minutes; the next line, with --quick, is run",
    ),
    "make oracle": ("", "downloads gigabytes; the suite beside PyTorch's light build is a step of .ci/run"),
    # is run by .ci/run as a step of its own
    "make mnist": ("", "a step of .ci/run"),
    "python examples/mnist.py": ("", "what make mnist runs, a step of .ci/run"),
    ".venv/bin/python examples/mnist.py": ("", "what make mnist runs, a step of .ci/run"),
    'make mnist ARGS="--model cnn"': (
        'make mnist ARGS="--model cnn --epochs 1 --out runs/mnist-make"',
        "trains as long as python examples/mnist.py --model cnn, which is run: one epoch shows that it runs",
    ),
    'make test ARGS="-k batchnorm"': (
        'make test ARGS="-k batchnorm tests/test_batchnorm.py"',
        "a part of the suite, a step of .ci/run",
    ),
    "python examples/batchnorm_lab run --quick": (
        "python examples/batchnorm_lab run --quick --only C10",
        "ten minutes: what --ci chooses of it is a step of .ci/run, and the suite tries every claim on few images",
    ),
    "make test": ("", "a step of .ci/run, with the oracle required"),
    ".venv/bin/python -m pytest": (".venv/bin/python -m pytest -q tests/test_docs.py", "the same suite as make test"),
    "make lint": ("", "a step of .ci/run"),
    "make docs": ("", "a step of .ci/run"),
    "make typecheck": ("", "a step of .ci/run"),
    "make mutants": ("", "a step of .ci/run"),
    "make mutants ARGS=--write": ("", "the step make mutants; the page it writes is checked by a test"),
    "python tests/mutants.py": ('python tests/mutants.py --only "two keys"', "all of them are the step make mutants"),
    "python tests/mutants.py --write": ('python tests/mutants.py --only "two keys"', "see make mutants ARGS=--write"),
    "make commands": ("make commands ARGS=--list", "this program itself"),
    "python tests/commands.py": ("python tests/commands.py --list", "this program itself"),
    "python tests/check_wheel.py dist": ("", "what make typecheck runs, a step of .ci/run"),
    "make clean": ("make clean VENV=runs/no-venv", "would remove the environment that the others need"),
}


@functools.cache
def commands() -> dict[str, str]:
    """Return every command, in the order of the pages, and where it stands."""
    found: dict[str, str] = {}
    for page in [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for command in _of_page(page.read_text(encoding="utf-8")):
            found.setdefault(command, str(page.relative_to(ROOT)))
    for command in _of_makefile((ROOT / "Makefile").read_text(encoding="utf-8")):
        found.setdefault(command, "Makefile")
    folders = (ROOT / "examples", ROOT / "benchmarks", ROOT / "tests", ROOT / "nn", ROOT / "minigrad")
    for file in sorted(file for folder in folders for file in folder.rglob("*.py")):
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        for command in _of_docstring(docstring):
            found.setdefault(command, str(file.relative_to(ROOT)))
    return found


def _of_page(text: str) -> list[str]:
    """Return the lines of shell blocks, and what stands in backticks and begins as a command."""
    found = []
    for kind, block, inline in re.findall(r"^```(\w*)\n(.*?)^```|`([^`\n]+)`", text, re.M | re.S):
        if kind in ("sh", "bash", "shell", "console"):
            found += [_bare(line) for line in block.splitlines()]
        elif re.match(_START, inline):
            found.append(_bare(inline))
    return [command for command in found if command]


def _of_makefile(text: str) -> list[str]:
    """Return every target that `make help` lists, without and with the options its line names."""
    found = []
    for target, line in re.findall(r"^([a-z]+):.*?## (.*)$", text, re.M):
        found += [f"make {target}", *(f"make {target} {options}" for options in re.findall(r'ARGS="[^"]*"', line))]
    return found


def _of_docstring(text: str) -> list[str]:
    lines = re.findall(rf"(?:^\s*|``|: )({_START}[\w./-][^`\n]*)", text, re.M)
    return [_bare(line) for line in lines]


def _bare(line: str) -> str:
    """Return the command without its comment and without what may be left out, which is in brackets."""
    return re.sub(r" \[[^]]*\]", "", re.split(r"(?:^|\s)#", line.strip().removeprefix("$ "))[0]).strip()


def instead(command: str) -> tuple[str, str]:
    """Return what is run for a command, and why where that is not the command itself."""
    for name, entry in INSTEAD.items():
        if command == name or (name.endswith("...") and command.startswith(name[:-3])):
            return entry
    return command, ""


def run(command: str) -> tuple[int, float, str]:
    """Run a command at the root, in the environment of this Python; return status, seconds, output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    begun = time.perf_counter()
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return done.returncode, time.perf_counter() - begun, done.stdout


def main() -> int:
    """Run every command and say what became of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="only name them")
    parser.add_argument("--only", metavar="WORD", default="", help="commands with this word")
    args = parser.parse_args()
    failed = 0
    for command, page in commands().items():
        if args.only not in command:
            continue
        short, why = instead(command)
        note = f"  [{f'instead: {short}' if short else 'not here'}: {why}]" if why else ""
        if args.list or not short:
            print(f"{page}: {command}{note}", flush=True)
            continue
        status, seconds, output = run(short)
        print(f"{'failed' if status else 'right':<7}{seconds:6.1f} s  {page}: {command}{note}", flush=True)
        if status:
            failed += 1
            print(f"  exit status {status}\n" + "\n".join(f"  | {line}" for line in output.splitlines()[-30:]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
