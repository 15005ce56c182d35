"""Small, realistic faults, put into a copy of the code one at a time: the tests must fail on each.

python tests/mutants.py            # run all, print who caught whom; exit status 1 where one survives
python tests/mutants.py --write    # also write docs/mutants.md
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "mutants.md"


class Mutant(NamedTuple):
    """A fault: in ``file`` the text ``old``, found once, becomes ``new``; ``tests`` must then fail."""

    fault: str
    file: str
    old: str
    new: str
    tests: str = "tests/test_batchnorm.py"


BN, STATS, SWEEP = "nn/batchnorm.py", "nn/running_stats.py", "minigrad/sweep.py"
TAKE_MEAN = "    mean, mean_square, m = _batch_means(x, all_reduce)\n"
VARIANCE = 'var = mean_square(d).named("σ²")'
BY_RUNNING = "            return _by_running(input, self.running_mean"
FORWARD = '"""Normalise (N, C, *) per channel; in training also move the running statistics."""\n'
ENGINE = "tests/test_sweep.py tests/test_tensor.py tests/test_primitives.py"
MUTANTS = (
    Mutant("dx := 0", BN, TAKE_MEAN, "    x = x.detach() + 0 * x\n" + TAKE_MEAN),
    Mutant("dx := −7·dx", BN, TAKE_MEAN, "    x = 8 * x.detach() - 7 * x\n" + TAKE_MEAN),
    Mutant("μ detached inside σ²", BN, VARIANCE, 'var = mean((x - mu.detach()) ** 2).named("σ²")'),
    Mutant("σ² detached", BN, "(d * (var + eps).rsqrt())", "(d * (var.detach() + eps).rsqrt())"),
    Mutant("μ detached", BN, "d = x - mu\n", "d = x - mu.detach()\n"),
    Mutant("eps outside the root", BN, "(d * (var + eps).rsqrt())", "(d / (var.sqrt() + eps))"),
    Mutant("one-pass variance", BN, VARIANCE, 'var = (mean(x * x) - mu * mu).named("σ²")'),
    Mutant("rounding of the mean left in", BN, "    np.subtract(d._data, left._data, out=d._data)", "    pass"),
    Mutant("normalised by the unbiased variance", BN, VARIANCE, 'var = (mean_square(d) * (m / (m - 1))).named("σ²")'),
    Mutant("biased variance remembered", BN, "var * (m / max(m - 1, 1)), m", "var, m"),
    Mutant("momentum reversed", STATS, "array *= 1 - momentum\n            array += momentum * new", "array *= momentum\n            array += (1 - momentum) * new"),
    Mutant(
        "statistics updated in evaluation", BN, BY_RUNNING,
        "            self.remember(*normalize(input.detach(), None, None, self.eps)[1:])\n" + BY_RUNNING,
    ),
    Mutant(
        "counted before validation", BN, FORWARD,
        FORWARD + "        if self.training and self.num_batches_tracked is not None:\n"
        "            self.num_batches_tracked.fill_(self.num_batches_tracked.item() + 1)\n",
    ),
    Mutant("statistics moved before validation", BN, "    if m == 1:\n", "    if m < 1:\n"),
    Mutant("statistics of convolutions per position", BN, "batch = (0, *range(2, x.ndim))", "batch = (0,)"),
    Mutant("keepdims lost", BN, '"keepdims": True', '"keepdims": False'),
    Mutant("nan and inf remembered", STATS, "    if math.isfinite(np.add.reduce(values)):", "    if True:"),
    Mutant("frozen statistics move", BN, "self.training and not self.frozen_stats", "self.training"),
    Mutant(
        "shards merged without their counts", BN, "all_reduce(t.sum(batch, keepdim=True)) / max(m, 1)",
        "all_reduce(t.mean(batch, keepdim=True)) / all_reduce(tensor(1.0))",
        "tests/test_shards.py",
    ),
    Mutant("the last small batch weighs as much as the others", "nn/utils/batchnorm.py", "gap * (m / n)", "gap / len(self.batches)", "tests/test_recalibrate.py"),
    Mutant("a layer is folded whose input is read elsewhere", "nn/utils/fusion.py", "and fed.exclusive and", "and", "tests/test_fusion.py"),
    Mutant("a broadcast is not summed back", SWEEP, "if out.shape != parent.shape:", "if False:", ENGINE),
    Mutant("a cotangent that others hold is added to in place", SWEEP, "elif entry[2] and in_place:", "elif in_place:", ENGINE),
    Mutant("an overwritten value is not noticed", SWEEP, "elif sequence < WRITES.last:", "elif False:", ENGINE),
    Mutant("a graph can be used twice by accident", SWEEP, "                node.saved = FREED\n", "                pass\n", ENGINE),
    Mutant("a gradient's dtype is not its tensor's", SWEEP, "if out.dtype is not parent.dtype and out.dtype != parent.dtype:", "if False:", ENGINE),
)  # fmt: skip
CHECKPOINT, FUNCTION = "minigrad/utils/checkpoint.py", "minigrad/autograd/function.py"
EXPLAIN, FUNC = "tests/test_explain.py", "tests/test_func.py"
AUTOGRAD = (
    Mutant("a checkpoint keeps its inside", CHECKPOINT, "node.saved = _Absent(self, place)", "pass", "tests/test_checkpoint.py"),
    Mutant("a checkpoint draws new random numbers", CHECKPOINT, "default_generator.set_state(self.state)", "pass", "tests/test_checkpoint.py"),
    Mutant("a checkpoint counts a batch twice", CHECKPOINT, "enable_grad(), hold_statistics()", "enable_grad()", "tests/test_checkpoint.py"),
    Mutant("a Function's backward result is added to in place", FUNCTION, "g._data[...]", "g._data", "tests/test_function.py"),
    Mutant("a Function's saved tensor is not watched", FUNCTION, "by = written_since(array, self._moment)", "by = None", "tests/test_function.py"),
    Mutant("a Function's saved output stands outside the graph", FUNCTION, "known() or self._output(i, *outputs[i])", "None", "tests/test_function.py"),
    Mutant("a hook's answer is not checked", "minigrad/tensor.py", "            _check_answer(hook, answer, tensor)\n", "", "tests/test_differentiate.py"),
    Mutant("a hook holds its tensor in a circle", "minigrad/tensor.py", "known = weakref.ref(self)", "known = (lambda x: lambda: x)(self)", "tests/test_differentiate.py"),
    Mutant("a vacuous gradcheck passes", "minigrad/autograd/gradcheck.py", "if any(sizes) and max(found) < 1e-7:", "if False:", "tests/test_gradcheck.py"),
    Mutant("a kink passes for smooth", "minigrad/autograd/gradcheck.py", "_KINK = 1e-3", "_KINK = 1e3", "tests/test_gradcheck.py"),
    Mutant("a cut below is blamed on another", "minigrad/autograd/explain.py", "node is None or node in _below(nodes)", "True", EXPLAIN),
    Mutant("a masked branch is not named", "minigrad/autograd/anomaly.py", "return bool((np.asarray(g)[np.isnan(out)] == 0).all())", "return False", EXPLAIN),
    Mutant("an inner transform forgets the outer", "minigrad/func/transforms.py", "if not self.recording:", "if True:", FUNC),
    Mutant("tied weights come apart", "minigrad/func/stateless.py", "if tie_weights:", "if False:", FUNC),
    Mutant("a hook sees no output gradient", "nn/backward_hooks.py", "            self.grad_output = grads\n", "            pass\n", "tests/test_backward_hooks.py"),
)  # fmt: skip
WALK, PICTURES = "minigrad/viz/walk.py", "tests/test_viz.py tests/test_viz_modules.py"
VIZ = (
    Mutant("a frame forgets the frame around it", WALK, "at = None if scope is None else self._of[id(scope)]", "at = None", PICTURES),
    Mutant("the order of operands is lost", "minigrad/viz/wording.py", "node.primitive.name not in SWAPPED", "False", PICTURES),
    Mutant("1 − x is drawn as x − 1", "minigrad/viz/wording.py", 'said.get("abc".index(m[0]), m[0])', 'said.get(1 - "abc".index(m[0]), m[0])', PICTURES),
    Mutant("an edge shows the gradient of the result", "minigrad/viz/watch.py", "norm(out) for", "norm(g) for", PICTURES),
    Mutant("a gradient that several share is shown on each of their edges", WALK, "if readers[node] == 1 else", "if True else", PICTURES),
    Mutant("watching keeps the graph in a circle", "minigrad/viz/watch.py", "plain = tuple(v if isinstance(v, (np.ndarray, int, float)) else None for v in saved)", "plain = tuple(saved)", PICTURES),
    Mutant("a picture keeps the graph", WALK, "    readers = Counter(", "    made.alive = order\n    readers = Counter(", PICTURES),
    Mutant("the viewBox cuts the top off", "minigrad/viz/layout.py", "return made.stdout", """return made.stdout.replace(b'viewBox="0.00 0.00', b'viewBox="0.00 20.00')""", PICTURES),
    Mutant("blocks that differ are drawn as one", "minigrad/viz/fold.py", " and words[p] == words[c.id]", "", PICTURES),
    Mutant("a repeat is not counted", "minigrad/viz/fold.py", "times.get(twin[c.id], 1) + 1", "times.get(twin[c.id], 0) + 1", PICTURES),
    Mutant("a name is taken for markup", "minigrad/viz/dot.py", 'text.replace("&", "&amp;")', "text", PICTURES),
    Mutant("what several hand back is not added up", "minigrad/viz/watch.py", "        known[1], known[2] = known[1] + entry[1], True", "        known[1], known[2] = entry[1], True", "tests/test_viz_steps.py"),
    Mutant("stopping early uses the graph up", "minigrad/viz/steps.py", "[gradient], None, True, False)", "[gradient], None, retain_graph, False)", "tests/test_viz_steps.py"),
    Mutant("stopping early changes .grad", "minigrad/viz/steps.py", "    yield from steps\n    for node, g, own in found:\n        accumulate(node, g, own)\n", "    for node, g, own in found:\n        accumulate(node, g, own)\n    yield from steps\n", "tests/test_viz_steps.py"),
)  # fmt: skip
MUTANTS = (*MUTANTS, *AUTOGRAD, *VIZ)


def copy_of_the_code(folder: Path) -> None:
    """Copy what the tests need."""
    for name in ("minigrad", "nn", "tests", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "docs").mkdir()
    for name in ("pyproject.toml", "README.md", "docs/autograd.md"):
        shutil.copy(ROOT / name, folder / name)


def failing(folder: Path, tests: str) -> list[str]:
    """Run tests in a copy and return the names of the functions that fail, most often failing first."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", "-rfE", *tests.split()]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if found.returncode not in (0, 1):
        raise RuntimeError(f"pytest could not run:\n{found.stdout[-2000:]}{found.stderr[-2000:]}")
    names = re.findall(r"^(?:FAILED|ERROR) \S+?::(\w+)", found.stdout, re.M)
    return sorted(dict.fromkeys(names), key=lambda name: -names.count(name))


def run(mutant: Mutant | None, tests: str) -> list[str]:
    """Return the tests that fail with the fault in place; without one, with the code as it is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_of_the_code(folder)
        if mutant is not None:
            file = folder / mutant.file
            text = file.read_text(encoding="utf-8")
            if text.count(mutant.old) != 1:
                raise ValueError(
                    f"{mutant.fault}: {mutant.old!r} is found {text.count(mutant.old)} times in {mutant.file}"
                )
            file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        return failing(folder, tests)


def table(caught: dict[Mutant, list[str]]) -> str:
    """Return who caught whom, in Markdown."""
    head = "| fault | where | tests that fail | first of them |\n| --- | --- | ---: | --- |"
    rows = [
        f"| {m.fault} | `{m.file}` | {len(names)} | {', '.join(f'`{n}`' for n in names[:3]) or '**none**'} |"
        for m, names in caught.items()
    ]
    return "\n".join([head, *rows])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="faults whose name or file holds one of these words"
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once (default: %(default)s)")
    args = parser.parse_args()
    chosen = [m for m in MUTANTS if not args.only or any(word in m.fault + m.file for word in args.only)]
    if not chosen:
        parser.error(f"no fault is called {' or '.join(args.only)}")
    if args.write and len(chosen) < len(MUTANTS):
        parser.error("--write needs all faults, not --only some")
    suites = sorted({test for m in chosen for test in m.tests.split()})
    if broken := run(None, " ".join(suites)):
        print(f"these fail without any fault: {', '.join(broken)}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(args.jobs) as pool:
        caught = {}
        for mutant, names in zip(chosen, pool.map(lambda m: run(m, m.tests), chosen), strict=True):
            caught[mutant] = names
            print(f"{'caught  ' if names else 'SURVIVED'} {mutant.fault}: {', '.join(names[:3])}", flush=True)
    survivors = [m.fault for m, names in caught.items() if not names]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} caught")
    if args.write:
        text = "# Faults the tests are proven to catch\n\nMade by `make mutants ARGS=--write`: each fault is put into a copy of the code, and the tests must fail.\n\n"
        PAGE.write_text(text + table(caught) + "\n", encoding="utf-8")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
