"""Random programs, run in minigrad and in PyTorch side by side; a program that differs is shrunk and printed as a script.

python tests/fuzz.py --programs 5000 --seed 1 [--minutes 10]

Compared are values, dtypes, shapes, memory layout, gradients of both orders, random streams, and which steps raise.
The steps are in ``fuzz_steps.py``; a program is a list of lines, each run in both libraries before the next is drawn.
"""

from __future__ import annotations

import argparse
import collections
import functools
import inspect
import random
import re
import sys
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from fuzz_draw import draw
from fuzz_steps import KNOWN, LENIENT, REFUSED
from oracle import changed

import minigrad as mg

torch: Any = None  # imported by main, or given by the tests
JITTER = 0.0  # leaves are moved by this share, to learn what rounding does to a result


# ---- what a program's lines call; a script begins with these ------------------------------------------------
def leaf(L, seed, shape, dtype="float64", layout=""):
    """Return a tensor of random numbers; ``layout``: "", "turned" or "stepped" memory."""
    rng = np.random.default_rng(seed)
    a = np.asarray(rng.standard_normal(shape) if dtype[0] == "f" else rng.integers(-2, 4, shape))
    if seed % 5 == 0 and dtype[0] == "f":
        a = np.round(a * 2) / 2 + 0.25  # ties
    a = np.array(a > 0 if dtype == "bool" else a, dtype, order="F" if layout == "turned" else "C")
    if layout == "stepped":
        a = np.repeat(a, 2, -1)[..., ::2]
    return L.from_numpy(jittered(a))


def places(L, seed, shape, size, apart=None):
    """Return random indices below ``size``; along the axis ``apart`` no two are equal."""
    rng = np.random.default_rng(seed)
    if apart is None:
        return L.from_numpy(np.asarray(rng.integers(0, max(size, 1), shape)))
    drawn = rng.random((*shape[:apart], max(size, 1), *shape[apart + 1 :])).argsort(apart)
    return L.from_numpy(drawn.take(range(shape[apart]), apart))


def combined(L, outs):
    """Return a fixed combination of all numbers that ask for a gradient, and of one number more."""
    outs = [y for y in outs if y is not None and y.requires_grad]
    weights = [L.from_numpy(np.cos(np.arange(y.numel())).reshape(tuple(y.shape))).to(y.dtype) for y in outs]
    return sum(((y * w).sum().double() for y, w in zip(outs, weights, strict=True)), L.zeros((), requires_grad=True))


def jittered(a):
    if not JITTER or a.dtype.kind != "f":
        return a
    a[...] = (a * (1 + JITTER * np.sin(1e3 * a.astype("float64")))).astype(a.dtype)
    return a


HELPERS = (leaf, places, combined)
SCRIPT = """import numpy as np, torch, minigrad

jittered = lambda a: a
{helpers}

for L in (torch, minigrad):
    F, log, outs, leaves = L.nn.functional, [], [], []
    L.manual_seed(0)
    try:
        {body}
        print(L.__name__, {name})
    except Exception as error:
        print(L.__name__, type(error).__name__, error)
"""


# ---- running ---------------------------------------------------------------------------------------------------
class Difference(NamedTuple):
    """What was seen: its kind, the variable's name, both sides in words, the last digit of the coarsest floats; the
    reason where it is meant."""

    kind: str
    name: str
    words: str
    epsilon: float
    known: str | None


class Refused(Exception):
    """From here on the two cannot be compared: one of them, or both, said no halfway."""


class Lenient(Exception):
    """PyTorch refuses a value that was overwritten, minigrad does not."""


compiled = functools.lru_cache(20_000)(lambda line: compile(line, "program", "exec"))


def namespace(lib):
    helpers = {f.__name__: f for f in HELPERS}
    return {"L": lib, "F": lib.nn.functional, "log": [], "outs": [], "leaves": [], **helpers}


def attempt(line, names):
    try:
        exec(compiled(line), names)
    except Exception as error:
        return error
    return None


class Pair:
    """A program's variables in both libraries; ``step`` runs one more line and returns a difference, if there is one.

    With ``watch`` every step is compared, and ours takes PyTorch's last digits; without it only the end is, so that
    looking at a variable changes nothing. With ``cloned`` PyTorch keeps copies of what backward needs: its gradients
    are right whatever was overwritten.
    """

    def __init__(self, watch=True, cloned=False):
        self.watch, self.cloned = watch, cloned
        self.ours, self.theirs = namespace(mg), namespace(torch)
        mg.manual_seed(0)
        torch.manual_seed(0)
        self.known = dict.fromkeys(self.theirs)
        self.counts = collections.Counter()
        self.made = {}  # the line that made each variable
        self.recorded = False  # a gradient was: of what its rules read, PyTorch may keep something else
        self.raised = False
        self.epsilon = EPSILON["float64"]  # of the coarsest floats so far

    def names(self):
        return [name for name in self.theirs if name not in self.known and name[0] != "_"]

    def step(self, line):
        if changed(torch, line) or self.overlapping(line):  # left out, as if it were not drawn
            return None
        before, self.raised = len(self.theirs), True
        self.recorded |= "create_graph" in line
        ours = attempt(line, self.ours)
        if isinstance(ours, NameError):  # its definition was dropped
            return None
        if refused := reason(REFUSED, f"{type(ours).__name__}: {ours}"):
            self.counts["minigrad refuses: " + refused] += 1
            return None
        theirs = self.attempt_theirs(line)
        if ours is not None or theirs is not None:
            return self.errors(line, ours, theirs)
        self.raised = False
        fresh = [name for name in list(self.theirs)[before:] if name[0] != "_"]
        self.forget_forbidden()
        for name in fresh:
            self.made[name] = line
            self.epsilon = max(self.epsilon, EPSILON.get(str(getattr(self.theirs[name], "dtype", ""))[6:], 0))
        return self.compare(fresh or self.names()) if self.watch else self.compare_layout(fresh)

    def forget_forbidden(self):
        """Drop the views that PyTorch refuses to look at after a write (of split, made under no_grad)."""
        for name in self.names():
            try:
                _ = getattr(self.theirs[name], "grad_fn", None)
            except RuntimeError:
                del self.theirs[name], self.ours[name]

    def attempt_theirs(self, line):
        if not self.cloned:
            return attempt(line, self.theirs)
        with torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda t: t):
            return attempt(line, self.theirs)

    def errors(self, line, ours, theirs):
        if ours is None and (known := reason(LENIENT, f"{line}\n{theirs}")):
            self.counts["PyTorch alone refuses: " + known] += 1
            raise Lenient(known)
        if ours is None or theirs is None:
            if ours is not None and "modified by an inplace" in str(ours) and (self.cloned or self.recorded):
                raise Refused
            words = ["no error" if e is None else f"{type(e).__name__}: {str(e)[:150]}" for e in (ours, theirs)]
            return self.difference("error", "", line, f"minigrad {words[0]} | PyTorch {words[1]}")
        self.counts["both raise"] += 1
        if "backward(" in line or "autograd.grad(" in line or " = m" in line:
            raise Refused  # PyTorch has added to some .grad, or counted a batch, before it noticed
        return None

    def compare(self, names):
        """Return the first difference; one that is known explains others, and comes before them."""
        differences = []
        for name in names:
            same = Comparison(TOLERANCE[self.epsilon], self.watch, name not in ("first", "second"))
            if found := same(self.ours[name], self.theirs[name]):
                differences.append(self.difference(found[0], name, self.made[name], found[1]))
        return next((d for d in differences if d.known), next(iter(differences), None))

    def compare_layout(self, names):
        """Return a difference of strides: what follows from it would be seen only later."""
        for name in names:
            if isinstance(self.theirs[name], torch.Tensor) and isinstance(self.ours[name], mg.Tensor):
                a, b = (FACTS["layout"](names[name]) for names in (self.ours, self.theirs))
                if a != b:
                    return self.difference("layout", name, self.made[name], f"minigrad {a} | PyTorch {b}")
        return None

    def difference(self, kind, name, line, words):
        known = reason(KNOWN, f"{kind}\n{line}\n{words}")
        if kind == "layout" and not known:
            known = self.lie_differently(line)
        if kind == "value" and not known:
            known = self.third_order(line) or self.lost_view(name, line)
        theirs = self.theirs.get(name)
        if kind.startswith("grad: ") and not known and theirs.grad_fn is not None and theirs._version:
            known = "the retained gradient of what was written since"
        return Difference(kind, name, words, self.epsilon, known)

    def lie_differently(self, line):
        """Return why a result may lie in another order than PyTorch's, if it may: NumPy's loops decide it."""
        operands = [self.theirs.get(name) for name in re.findall(r"\b[tx]\d+\b", line.partition(" = ")[2] or line)]
        operands = [t for t in operands if isinstance(t, torch.Tensor)]
        if not all(t.numel() for t in operands):
            return "the layout of what is empty"
        orders = {tuple(FACTS["layout"](t)) for t in operands}
        if len({tuple(t.shape) for t in operands}) > 1:  # broadcasting repeats one of them
            return "operands that are repeated or lie differently"
        return "operands that are repeated or lie differently" if len(orders) > 1 or 0 in sum(orders, ()) else None

    def third_order(self, line):
        """Return why a gradient's gradient's gradient may differ: PyTorch's is wrong where a batch norm is in it."""
        lines = list(self.made.values())
        norms = any(" = m" in made or "batch_norm" in made for made in lines)
        grads = sum("autograd.grad(" in made for made in lines)
        if norms and grads > 2 and "autograd.grad(" in line:
            return "PyTorch's third derivative of a batch norm"
        return None

    def lost_view(self, name, line):
        """Return why PyTorch may give zeros: a view of memory written under no_grad is not the one in the graph."""
        targets = [self.theirs.get(x) for x in re.findall(r"\), \[(\w+)\]", line)]
        views = [t for t in targets if isinstance(t, torch.Tensor) and t._is_view() and t._version]
        if views and not self.theirs[name].any():
            return "a view that PyTorch derives anew after a write under no_grad"
        return None

    def overlapping(self, line):
        """Return whether a line writes to windows that may overlap: no order of such writes is promised."""
        written = WRITTEN.match(line)
        names = [written[1]] if written else []
        if "inplace=True" in line:
            names = re.findall(r"\b[tx]\d+\b", line.partition(" = ")[2])
        return any(".unfold(" in self.made.get(name, "") for name in names)


WRITTEN = re.compile(r"(?:with L\.\w+\(\): )?([tx]\d+)(?:\.data|\.detach\(\)|\[.*\])*(?: .?.?=|\.\w+_\()")


def reason(rows, text):
    return next((why for why, pattern in rows.items() if re.search(pattern, text, re.S)), None)


# ---- comparing --------------------------------------------------------------------------------------------------
EPSILON = {"float64": 2e-16, "float32": 1e-7, "float16": 1e-3}
TOLERANCE = {2e-16: 1e-9, 1e-7: 1e-4, 1e-3: 2e-2}
FACTS = {
    "dtype": lambda t: str(t.dtype).removeprefix("torch."),
    "shape": lambda t: tuple(t.shape),
    "requires_grad": lambda t: t.requires_grad,
    "is_leaf": lambda t: t.is_leaf,
    "layout": lambda t: [stride for stride, n in zip(t.stride(), t.shape, strict=True) if n > 1] if t.numel() else [],
}


NODE = ("requires_grad", "is_leaf")


class Comparison(NamedTuple):
    """How closely two values are compared; calling it gives (kind, words) of the first difference, or None.

    With ``sync`` ours takes PyTorch's last digits, so that rounding never adds up. Of gradients, ``recorded`` False,
    it is not compared how they lie in memory and how much of them is recorded: a rule may say less than PyTorch's.
    """

    tolerance: float
    sync: bool
    recorded: bool = True

    def __call__(self, ours, theirs):
        if isinstance(theirs, torch.Tensor):
            return self.tensors(ours, theirs)
        if isinstance(theirs, (tuple, list)):
            if len(ours) != len(theirs):
                return "length", f"minigrad {len(ours)} | PyTorch {len(theirs)}"
            return next(filter(None, map(self, ours, theirs)), None)
        if isinstance(theirs, torch.nn.Module):
            ours, theirs = ({**dict(m.named_parameters()), **dict(m.named_buffers())} for m in (ours, theirs))
            return self([ours.get(k) for k in theirs], list(theirs.values()))
        if (ours is None) != (theirs is None) and not (theirs is None and not self.recorded and not ours.any()):
            return "None", f"minigrad {ours} | PyTorch {theirs}"
        return None

    def tensors(self, ours, theirs):
        if not isinstance(ours, mg.Tensor):
            if ours is None and not self.recorded and not theirs.any():
                return None
            return "type", f"minigrad {ours!r} | PyTorch {theirs!r}"
        floats = (
            theirs.is_floating_point()
        )  # PyTorch lets integers ask for gradients, where floats are written into them
        for kind, fact in FACTS.items():
            a, b = fact(ours), fact(theirs)
            if a != b and (self.recorded or kind in ("dtype", "shape")) and not (kind in NODE and not floats):
                return kind, f"minigrad {a} | PyTorch {b}"
        if not close(ours.detach().numpy(), plain(theirs), self.tolerance, self.recorded):
            return "value", f"minigrad {ours} | PyTorch {theirs}"
        if self.sync and theirs.is_floating_point() and ours._data.flags.writeable:
            np.copyto(ours._data, plain(theirs))
        if theirs.is_leaf or theirs.retains_grad:
            found = self._replace(recorded=False)(ours.grad, theirs.grad)
            return found and ("grad: " + found[0], found[1])
        return None


def plain(t):
    t = t.detach()
    return (t + t.new_zeros(()) if t._is_zerotensor() else t).numpy()


def close(a, b, tolerance, nan=True):
    """Tell whether two arrays are near; with ``nan`` False anything is near to NaN: PyTorch's gradients say nothing there."""
    if a.dtype.kind != "f":
        return bool((a == b).all())
    with np.errstate(all="ignore"):
        scale = max(1.0, float(np.abs(b[np.isfinite(b)]).max(initial=0)))
        near = np.abs(a.astype("float64") - b) <= tolerance * scale
        return bool((near | (a == b) | (np.isnan(b) & (np.isnan(a) | (not nan)))).all())


SHIFTS = (0, 1, -1, 2, -3, 5, -8)


def ill_conditioned(lines, name, epsilon):
    """Tell whether the last digits of the leaves move PyTorch's own result about as far as the two are apart."""
    global JITTER
    ours, *theirs = namespace(mg), *(namespace(torch) for _ in SHIFTS)
    for names, shift in zip([ours, *theirs], (0, *SHIFTS), strict=True):
        JITTER = shift * epsilon
        names["L"].manual_seed(0)
        for line in lines:
            attempt(line, names)
            module = names.get(line.partition(" = ")[0]) if line[0] == "m" else None
            for p in module.parameters() if module is not None and shift else ():
                p.data.copy_(names["L"].from_numpy(jittered(p.detach().numpy())))
    JITTER = 0.0
    mine, value, *moved = (numbers(names.get(name)) for names in (ours, *theirs))
    if any(v.shape != value.shape for v in moved):
        return True
    if mine.shape != value.shape or (np.isfinite(mine) != np.isfinite(value)).any():
        return False
    with np.errstate(all="ignore"):
        by = np.nanmax([np.abs(v - value) for v in moved], initial=0)
        return bool(np.nanmax(np.abs(mine - value), initial=0) <= 100 * by)


def numbers(value):
    """Return all numbers of a variable and of its gradient, in one row."""
    if hasattr(value, "parameters"):
        value = list(value.parameters())
    if isinstance(value, (tuple, list)):
        return np.concatenate([numbers(v) for v in value] or [np.zeros(0)])
    if not isinstance(value, (torch.Tensor, mg.Tensor)):
        return np.zeros(0)
    array = plain(value) if isinstance(value, torch.Tensor) else value.detach().numpy()
    grad = value.grad if value.is_leaf or value.retains_grad else None
    return np.concatenate([array.astype("float64").reshape(-1), numbers(grad)])


def run(lines, watch, cloned=False, counts=None):
    """Run a program; return (difference or None, how many lines it took)."""
    pair = Pair(watch, cloned or any(".data" in line for line in lines))
    try:
        for i, line in enumerate(lines):
            if difference := pair.step(line):
                return difference, i + 1
        difference = pair.compare(pair.names())
    except Lenient:
        return run(lines, watch, cloned=True, counts=counts) if not cloned else (None, len(lines))
    except Refused:
        return None, len(lines)
    finally:
        if counts is not None:
            counts.update(pair.counts)
    return difference, len(lines)


def judged(lines, watch, counts=None):
    """As ``run``; differences that rounding explains, or that are known, are none."""
    difference, n = run(lines, watch, counts=counts)
    if difference is None:
        return None, n
    if difference.known:
        if counts is not None:
            counts["known: " + difference.known] += 1
        return None, n
    if difference.kind.endswith("value") and ill_conditioned(lines[:n], difference.name, difference.epsilon):
        if counts is not None:
            counts["rounding"] += 1
        return None, n
    return difference, n


# ---- drawing, shrinking, printing -----------------------------------------------------------------------------
class Found(Exception):
    """Ends the drawing of a program: there is a difference, or nothing more to compare."""


def one(seed, counts):
    """Draw and run the program of this seed; return (lines, watch) where it differs, else None."""
    rng = random.Random(seed)
    floats = rng.choices(["float64", "float32", "float16"], [6, 3, 1])[0]
    watch = floats != "float64" or rng.random() < 0.5
    without_data = rng.random() < 0.8  # what is written through .data is not dated in PyTorch, in minigrad it is
    pair, lines = Pair(watch, cloned=not without_data), []

    def emit(line):
        lines.append(line)
        if pair.step(line):
            raise Found
        counts["steps"] += not pair.raised

    try:
        draw(rng, floats, without_data, pair, emit)
        if not watch and pair.compare(pair.names()):
            raise Found
    except (Found, Lenient):
        return (lines, watch) if judged(lines, watch, counts)[0] else None
    except Refused:
        pass
    finally:
        counts.update(pair.counts)
        counts["programs"] += 1
    return None


def shrunk(lines, watch):
    """Drop lines while the program still differs in the same way; return lines and difference."""
    difference, n = judged(lines, watch)
    lines, size = lines[:n], max(n // 2, 1)
    while size:
        i = 0
        while i < len(lines):
            fewer = lines[:i] + lines[i + size :]
            found, n = judged(fewer, watch)
            if found is not None and found.kind == difference.kind:
                lines, difference = fewer[:n], found
            else:
                i += size
        size = size // 2
    return lines, difference


def script(lines, difference):
    """Return a program as a script that prints the variable in question of both libraries."""
    helpers = "\n\n".join(inspect.getsource(f) for f in HELPERS)
    text = "\n".join(lines)
    return SCRIPT.format(helpers=helpers, body=text.replace("\n", "\n        "), name=difference.name or "'no error'")


def report(lines, difference):
    """Return a script with what it shows above it."""
    words = difference.words.replace("\n", "\n# ")
    return f"# {difference.kind} of {difference.name}: {words}\n{script(lines, difference)}"


def signature(lines, difference):
    """Return what two programs have in common that show one fault."""
    return difference.kind + ": " + "; ".join(re.sub(r"\d+|'[^']*'", "", s) for s in lines if "= leaf(" not in s)


def differing(seed, programs, seconds=None, counts=None, progress=False):
    """Draw and run programs; give (lines, difference) of each that differs, shrunk."""
    counts, start = collections.Counter() if counts is None else counts, time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(programs):
            if seconds is not None and time.perf_counter() - start > seconds:
                return
            if program := one(seed * 1_000_003 + i, counts):
                yield shrunk(*program)
            if progress and i % 50 == 49:
                print(f"\r{i + 1} programs, {counts['steps']} steps", end="", file=sys.stderr, flush=True)


def main(arguments=None):
    """Run the command; return the exit status: 1 where a program differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=1000, help="how many at most (default: 1000)")
    parser.add_argument("--seed", type=int, default=None, help="of the first program (default: drawn, and printed)")
    parser.add_argument("--minutes", type=float, default=None, help="stop after so long")
    parser.add_argument(
        "--differences", type=int, default=10, help="stop after so many of different kinds (default: 10)"
    )
    options = parser.parse_args(arguments)
    global torch
    import torch

    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}")
    counts, kinds = collections.Counter(), set()
    seconds = options.minutes and options.minutes * 60
    for lines, difference in differing(seed, options.programs, seconds, counts, progress=True):
        kind = signature(lines, difference)
        if kind not in kinds:
            kinds.add(kind)
            print("\n" + report(lines, difference), flush=True)
        if len(kinds) >= options.differences:
            break
    print("\n" + "\n".join(f"{n:8} {name}" for name, n in counts.most_common()))
    return bool(kinds)


if __name__ == "__main__":
    sys.exit(main())
