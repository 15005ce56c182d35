"""Install the wheel of a folder, and the checkout as README says, into environments of their own, use both, type-check both.

A user's script must be seen alike by mypy, pyright and jedi, whichever of the two is installed: tests/typed_script.py.

python tests/check_wheel.py dist
"""

import argparse
import json
import re
import subprocess
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent.resolve()
SCRIPT = """
import minigrad as mg
from minigrad import nn, optim
import minigrad.nn.functional as F

model: nn.Module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
optimizer = optim.SGD(model.parameters(), lr=0.1)
loss: mg.Tensor = F.cross_entropy(model(mg.randn(8, 3)), mg.randint(0, 2, (8,)))
loss.backward()
optimizer.step()
"""
TYPED = (ROOT / "tests" / "typed_script.py").read_text()
COMPLETIONS = {  # what jedi must offer at the end of a line
    "y = x + 1\ny.": {"sum", "backward", "reshape"},
    "mg.exp(x).": {"sum", "backward"},
    "x.sum().": {"item", "backward"},
    "x.max(0).": {"values", "indices"},
    "nn.Lin": {"Linear"},
    "nn.Linear(2, 3)(x).": {"sum", "backward"},
    "nn.Sequential(nn.Linear(2, 3))(x).": {"sum", "backward"},
    "nn.Linear(2, 3).": {"weight", "parameters"},
    "mg.ex": {"exp", "expand"},
}
JEDI = """
import json, sys, jedi
environment = jedi.create_environment(sys.argv[1], safe=False)
for end in json.load(sys.stdin):
    code = "import minigrad as mg\\nfrom minigrad import nn\\nx = mg.randn(2, 3)\\n" + end
    print(json.dumps([c.name for c in jedi.Script(code, environment=environment).complete()]))
"""


def main(folder: str) -> None:
    """Raise where something does not work, or is not typed as tests/typed_script.py says."""
    (wheel,) = Path(folder).glob("*.whl")
    with tempfile.TemporaryDirectory() as work:
        here = Path(work)
        tools = environment(here / "tools", "mypy", "pyright[nodejs]", "jedi")
        (here / "user").mkdir()
        copy_of_the_checkout(here / "checkout")
        seen = {
            "wheel": use(here, tools, environment(here / "wheel", str(wheel.resolve()))),
            "editable": use(here, tools, environment(here / "editable", "-e", str(here / "checkout"))),
        }
        assert seen["wheel"] == seen["editable"], "the two installs are not typed alike"
        check_code(tools, here / "wheel", "-p", "minigrad")
        behind = []
        for stub in sorted((here / "checkout" / "minigrad").rglob("*.pyi")):
            stub.unlink()
            parts = stub.relative_to(here / "checkout").with_suffix("").parts
            behind.append("-m" + ".".join(parts).removesuffix(".__init__"))
        check_code(tools, here / "editable", "--follow-imports=silent", *behind)
    print(f"{wheel.name} and an editable install: work and are typed alike outside the checkout")


def check_code(tools: str, place: Path, *what: str) -> None:
    """Have mypy check the project's own code, as it is installed."""
    run = [tools, "-m", "mypy", "--python-executable", place / "bin/python", "--config-file", ROOT / "pyproject.toml"]
    subprocess.run([*run, *what], cwd=place, check=True)


def environment(place: Path, *packages: str) -> str:
    """Make an environment with some packages; return its Python."""
    venv.create(place, with_pip=True)
    pip = [place / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *packages], check=True)
    return str(place / "bin/python")


def copy_of_the_checkout(place: Path) -> None:
    """Copy what a fresh clone would have: no link and no build is there yet."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes((ROOT / name).read_bytes())


def use(here: Path, tools: str, python: str) -> dict[str, dict[int, list[str]]]:
    """Run the script on what is installed; return what each tool sees in the typed one, by line."""
    user = here / "user"
    (user / "use.py").write_text(SCRIPT)
    subprocess.run([python, "use.py"], cwd=user, check=True)
    seen = {}
    for strict in (False, True):
        (user / "typed.py").write_text("# pyright: strict\n" + TYPED if strict else "\n" + TYPED)
        for tool in (mypy, pyright):
            seen[f"{tool.__name__} strict={strict}"] = found = tool(tools, python, user, strict)
            compare(found, f"{tool.__name__}, strict={strict}, {python}")
    ends = json.dumps([*COMPLETIONS])
    answer = subprocess.run(
        [tools, "-c", JEDI, python], cwd=user, input=ends, capture_output=True, text=True, check=True
    )
    for (end, wanted), line in zip(COMPLETIONS.items(), answer.stdout.splitlines(), strict=True):
        assert wanted <= set(json.loads(line)), f"jedi offers no {wanted - set(json.loads(line))} after {end!r}"
    return seen


def compare(found: dict[int, list[str]], by: str) -> None:
    """Raise AssertionError where a tool sees in a line what its comment does not say."""
    lines = ["", *TYPED.splitlines()]
    said = {i: [line.rpartition("  # ")[2]] for i, line in enumerate(lines, 1) if "  # " in line}
    wrong = [f"{lines[i - 1]}: {found.get(i)}" for i in sorted(said.keys() | found) if said.get(i) != found.get(i)]
    assert not wrong, "\n".join([by, *wrong])


def short(kind: str) -> str:
    """Write a type without its modules, as both tools would."""
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", kind).removeprefix("def ")


def mypy(tools: str, python: str, user: Path, strict: bool) -> dict[int, list[str]]:
    flags = ["--strict"] * strict
    run = [tools, "-m", "mypy", "--python-executable", python, *flags, "--no-error-summary", "typed.py"]
    out = subprocess.run(run, cwd=user, capture_output=True, text=True, check=False).stdout
    found: dict[int, list[str]] = {}
    for line, kind, text in re.findall(r"^typed\.py:(\d+): (note|error): (.*)$", out, re.M):
        if kind == "error" or text.startswith("Revealed"):
            found.setdefault(int(line), []).append("error" if kind == "error" else short(text.split('"')[1]))
    return found


def pyright(tools: str, python: str, user: Path, strict: bool) -> dict[int, list[str]]:
    run = [tools, "-m", "pyright", "--pythonpath", python, "--outputjson", "typed.py"]
    out = subprocess.run(run, cwd=user, capture_output=True, text=True, check=False).stdout
    found: dict[int, list[str]] = {}
    for seen in json.loads(out)["generalDiagnostics"]:
        line = seen["range"]["start"]["line"] + 1
        kind = "error" if seen["severity"] == "error" else short(seen["message"].split('"')[-2])
        if seen["severity"] != "warning" and found.get(line) != ["error"]:
            found[line] = [kind]
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", help="where the wheel is")
    main(parser.parse_args().folder)
