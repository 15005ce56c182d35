"""Draws a random program, one line at a time, by looking at the variables that PyTorch has so far."""

from __future__ import annotations

import contextlib
import math
import random
import re
from typing import Any

from fuzz_steps import TIPS, table

FAMILIES = table()
DTYPES = ["float64", "float32", "float16"]
SHAPES = [
    (),
    (1,),
    (3,),
    (4,),
    (2, 3),
    (3, 3),
    (1, 4),
    (3, 1),
    (2, 3, 2),
    (2, 1, 3),
    (2, 3, 2, 2),
    (1, 2, 3, 3),
    (0, 3),
    (2, 0),
]
WEIGHTS = [2, 1, 3, 3, 6, 4, 2, 2, 4, 2, 3, 2, 1, 1]


def overlaps(t):
    """Whether elements share memory, as in windows: what a write makes of them is undefined."""
    reach = 0
    for stride, n in sorted((stride, n) for stride, n in zip(t.stride(), t.shape, strict=True) if n > 1):
        if stride <= reach:
            return True
        reach += stride * (n - 1)
    return False


class Skip(Exception):
    """There is nothing yet that the step could work on."""


class Picker(dict):
    """Fills in the names in braces of a step: ``template.format_map(picker)`` calls the method of each."""

    def __init__(self, rng: random.Random, floats: str, pair: Any, emit: Any):
        self.rng, self.pair, self.emit = rng, pair, emit
        self.floats = floats
        self.count, self.last, self.shape, self.dim_, self.part_ = 0, "", (), None, ()
        self.apart = self.recorded = self.bent = False
        self.facts: dict[str, tuple[int, bool]] = {}

    def __missing__(self, field):
        return getattr(self, field)()

    # ---- variables ------------------------------------------------------------------------------------------
    def new(self, letter="t"):
        self.count += 1
        self.newest = f"{letter}{self.count}"
        return self.newest

    def same_new(self):
        return self.newest

    def leaf(self, shape, dtype=None, letter="x"):
        dtype = dtype or (self.floats if self.rng.random() < 0.9 else self.rng.choice(DTYPES))
        layout = self.rng.choice(["", "", "turned", "stepped"]) if len(shape) > 1 else ""
        end = ".requires_grad_()" if dtype[0] == "f" and self.rng.random() < 0.7 else ""
        name = self.new(letter)
        self.emit(f'{name} = leaf(L, {self.rng.randrange(1000)}, {shape}, "{dtype}", "{layout}"){end}')
        return name

    def tame(self, name):
        """Whether a variable may be used further: not too large, in size and in number."""
        t = self.pair.theirs[name]
        if not hasattr(t, "_version") or not hasattr(t, "is_floating_point"):
            return False
        known = self.facts.get(name)
        if known is None or known[0] != t._version:
            fine = t.numel() <= 200 and t.ndim <= 5
            if fine and t.is_floating_point() and t.numel():
                fine = bool(t.detach().abs().max() < 30)  # False for NaN
            known = self.facts[name] = (t._version, fine)
        return known[1]

    def pick(self, wanted, otherwise=None):
        """Return the name of a variable for which ``wanted(tensor)`` is true, recent ones more often."""
        theirs = self.pair.theirs
        names = [n for n in self.pair.names() if n[0] in "tx" and self.tame(n) and wanted(theirs[n])]
        if not names:
            return otherwise() if otherwise else self.leaf((2, 3))
        recent = names[-4:] if self.rng.random() < 0.5 else names
        return self.rng.choice(recent)

    def current(self, name):
        t = self.pair.theirs[name]
        self.last, self.shape, self.dim_ = name, tuple(t.shape), None
        self.dtype_ = str(t.dtype).removeprefix("torch.")
        return name

    def tensor(self):
        return self.pair.theirs[self.last]

    def f(self):
        return self.current(self.pick(lambda t: t.is_floating_point()))

    def a(self):
        return self.current(self.pick(lambda t: True))

    def w(self):
        return self.current(
            self.pick(lambda t: not overlaps(t) and (not (t.is_leaf and t.requires_grad) or self.rng.random() < 0.1))
        )

    def shaped(self):
        """To change its shape: what was retained of the old one PyTorch keeps in the old shape."""
        return self.current(self.pick(lambda t: not t.retains_grad and not (t.is_leaf and t.requires_grad)))

    def i(self):
        return self.current(
            self.pick(lambda t: str(t.dtype) == "torch.int64", lambda: self.leaf(self.any_shape(), "int64"))
        )

    def b(self):
        return self.current(
            self.pick(lambda t: str(t.dtype) == "torch.bool", lambda: self.leaf(self.any_shape(), "bool"))
        )

    def g(self):
        return self.current(self.pick(lambda t: t.requires_grad and t.is_floating_point()))

    def hooked(self):
        """Not a view: of a hook on one PyTorch knows nothing after a write."""
        return self.pick(lambda t: t.requires_grad and t.is_floating_point() and not t._is_view(), self.skip)

    def with_grad(self):
        self.chosen = self.pick(lambda t: t.is_leaf and t.grad is not None, self.skip)
        return self.chosen

    def same_leaf(self):
        return self.chosen

    def x(self):
        return self.pick(lambda t: t.requires_grad and (t.is_leaf or self.rng.random() < 0.1))

    def of_ndim(self, n, more=False):
        def right(t):
            return t.is_floating_point() and t.numel() and (t.ndim >= n if more else t.ndim == n)

        shapes = [s for s in SHAPES if (len(s) >= n if more else len(s) == n) and 0 not in s]
        return self.current(self.pick(right, lambda: self.leaf(self.rng.choice(shapes))))

    f1, f2, f3, f4 = (lambda self, n=n: self.of_ndim(n) for n in (1, 2, 3, 4))

    def m(self):
        return self.of_ndim(2, more=True)

    def square(self):
        name = self.m()
        return f"({name} @ {name}.mT + 2 * L.eye({self.shape[-2]}, dtype={self.dt()}))"

    def rows(self):
        return str(self.shape[-2])

    def same(self):
        return self.last

    def may_go_in(self, t, wholly=False):
        """Whether a tensor may be written into the current one: lies elsewhere, or just there, as partial overlaps are
        undefined; PyTorch lets an integer tensor ask for gradients where one that does is written into it.
        """
        here = self.tensor()
        if t.requires_grad and not here.is_floating_point():
            return False
        there = (t.data_ptr(), t.stride(), t.shape) == (here.data_ptr(), here.stride(), here.shape)
        return (there and not wholly) or t.untyped_storage().data_ptr() != here.untyped_storage().data_ptr()

    def other(self):
        return self.o(writing=True)

    def o(self, shape=None, writing=False, wholly=False):
        shape = self.shape if shape is None else shape

        dtype = self.dtype_ if self.dtype_[0] == "f" else self.floats

        def right(t):
            return (
                tuple(t.shape) == shape
                and str(t.dtype) == "torch." + dtype
                and (not writing or self.may_go_in(t, wholly))
            )

        return self.pick(right, lambda: self.leaf(shape, dtype))

    def y(self):
        def fits(t):
            return all(a == b or 1 in (a, b) for a, b in zip(t.shape[::-1], self.shape[::-1], strict=False))

        return self.c() if self.rng.random() < 0.1 else self.pick(lambda t: t.is_floating_point() and fits(t), self.c)

    def into(self):
        def fits(t):
            lead = len(self.shape) - t.ndim
            return lead >= 0 and all(a in (1, b) for a, b in zip(t.shape, self.shape[lead:], strict=True))

        if self.rng.random() < 0.2:
            return self.c()
        return self.pick(
            lambda t: fits(t) and self.may_go_in(t) and (t.is_floating_point() or self.rng.random() < 0.2), self.c
        )

    def s(self):
        return self.pick(lambda t: t.ndim == 0 and self.may_go_in(t), self.c)

    def layer(self, weight=False):
        names = [n for n in self.pair.names() if n[0] == "m" and (hasattr(self.pair.theirs[n], "weight") or not weight)]
        self.chosen = self.rng.choice(names or self.skip())
        return self.chosen

    def same_layer(self):
        return self.chosen

    def weighted(self):
        return self.layer(weight=True)

    def skip(self):
        raise Skip

    # ---- numbers, sizes, words ------------------------------------------------------------------------------
    def c(self):
        return self.rng.choice(["0.5", "2", "-1.5", "1", "0", "0.25", "3.0", "-1"])

    def ord(self):
        return self.rng.choice(["1", "2", "3", "2.5", "-1", "float('inf')", "-float('inf')"])

    def k(self):
        return str(self.rng.randint(1, 3))

    def keep(self):
        return self.rng.choice(["True", "False"])

    def how(self):
        return repr(self.rng.choice(["mean", "sum", "none"]))

    def dt(self):
        return "L." + (self.dtype_ if self.last and self.dtype_[0] == "f" else self.floats)

    def second(self):
        return str(self.shape[1])

    def last_size(self):
        return str(self.shape[-1] if self.shape else 1)

    def any_shape(self):
        return self.rng.choices(SHAPES, WEIGHTS)[0]

    def random_shape(self):
        return str(self.any_shape())

    def d(self):
        n = max(len(self.shape), 1)
        d = self.rng.randrange(-n, n) if 0 in self.shape or self.rng.random() < 0.97 else n + 1
        self.dim_ = d % n
        return str(d)

    def d0(self):
        return str(self.dim_)

    def ds(self):
        n = len(self.shape)
        if n < 2 or self.rng.random() < 0.4:
            return self.d()
        return str(tuple(self.rng.sample(range(n), self.rng.randint(1, n))))

    def perm(self):
        return ", ".join(map(str, self.rng.sample(range(len(self.shape)), len(self.shape)))) or "()"

    def reps(self):
        return ", ".join(str(self.rng.randint(1, 2)) for _ in self.shape) or "2"

    def view(self):
        n, sizes = math.prod(self.shape), []
        if not n:
            return "0, 2"
        for p in (2, 3):
            if n % p == 0 and self.rng.random() < 0.6:
                sizes.append(p)
                n //= p
        sizes.append(n if self.rng.random() < 0.7 else -1)
        self.rng.shuffle(sizes)
        return ", ".join(map(str, sizes))

    def expand(self):
        sizes = [self.rng.choice([2, 3]) if n == 1 else self.rng.choice([n, -1]) for n in self.shape]
        sizes = [n if m == -1 else m for n, m in zip(self.shape, sizes, strict=True)]
        return str(tuple([self.rng.choice([1, 2]), *sizes] if self.rng.random() < 0.5 or not sizes else sizes))

    # ---- indices --------------------------------------------------------------------------------------------
    def basic(self):
        return self.index(["int", "slice", "slice", "all", "none", "dots"])

    def index(self, kinds=("int", "slice", "all", "list", "tensor", "leaf", "none", "dots", "tuple", "mask")):
        parts, rest, dots = [], list(self.shape), False
        while rest and self.rng.random() < 0.75:
            n, kind = rest.pop(0), self.rng.choice(kinds)
            if kind == "none" or (kind == "dots" and not dots):
                dots |= kind == "dots"
                parts.append("None" if kind == "none" else "...")
                rest.insert(0, n)
            parts.append(self.part_of_index(kind, n))
            if kind == "dots":
                rest.clear() if self.rng.random() < 0.5 else rest.reverse()
        text = ", ".join(p for p in parts if p) or "..."
        self.shape = self.shape_of(text)
        return text

    def part_of_index(self, kind, n):
        r = self.rng
        if kind == "int":
            return str(r.randrange(-n, n)) if n and r.random() < 0.97 else str(n)
        if kind == "slice":
            return r.choice([":", "1:", ":-1", "::2", "1::2", ":1", "5:", "-2:"])
        if kind in ("list", "tuple", "tensor") and n:
            k = r.choice([1, 2, 2, 3])
            values = r.sample(range(n), min(k, n)) if self.apart else [r.randrange(-n, n) for _ in range(k)]
            if kind == "tensor":
                return f"L.tensor({values})"
            return str(values if kind == "list" else tuple(values))
        if kind == "leaf" and n and not self.apart:
            return self.places(r.choice([(2,), (2,), (3,), (), (2, 2), (2, 1)]), n)
        if kind == "mask" and n:
            return f"L.tensor({[r.random() < 0.5 for _ in range(n)]}, dtype=L.bool)"
        return ":"

    def shape_of(self, index):
        try:
            return tuple(eval(f"{self.last}.detach()[{index}]", dict(self.pair.theirs)).shape)
        except Exception:
            return self.shape

    def spot(self):
        """An index that names no element twice: which of two written to it gets the gradient, PyTorch leaves open."""
        self.apart = True
        try:
            return self.index()
        finally:
            self.apart = False

    def places(self, shape, size, apart=None):
        name, along = self.new("i"), "" if apart is None else f", {apart}"
        self.emit(f"{name} = places(L, {self.rng.randrange(1000)}, {shape}, {size}{along})")
        return name

    def mask(self):
        if self.rng.random() < 0.4:
            return f"{self.last} > {self.c()}"
        shape = self.shape
        found = self.pick(lambda t: str(t.dtype) == "torch.bool" and tuple(t.shape) == shape, lambda: "")
        return found or self.leaf(shape, "bool")

    def along(self):
        if 0 in self.shape:
            self.skip()
        if self.dim_ is None:
            self.dim_ = self.rng.randrange(max(len(self.shape), 1))
        return self.shape[self.dim_] if self.dim_ < len(self.shape) else 1

    def line(self):
        n, k = self.along(), self.rng.randint(1, 3)
        self.part_ = tuple(k if i == self.dim_ else m for i, m in enumerate(self.shape))
        return self.places((k,), n)

    def ix(self):
        n = self.along()
        self.part_ = tuple(self.rng.randint(1, m) if m else 0 for m in self.shape)
        return self.places(self.part_, n)

    def lone_line(self):
        n, k = self.along(), self.rng.randint(1, 3)
        self.part_ = tuple(min(k, n) if i == self.dim_ else m for i, m in enumerate(self.shape))
        return self.places((min(k, n),), n, 0)

    def lone_ix(self):
        n = self.along()
        self.part_ = tuple(self.rng.randint(1, m) if m else 0 for m in self.shape)
        return self.places(self.part_, n, self.dim_ if self.dim_ < len(self.shape) else None)

    def flat(self):
        return self.places(self.rng.choice([(2,), (2, 2), ()]), math.prod(self.shape))

    def part(self):
        return self.o(self.part_, writing=True, wholly=True)

    def target(self):
        return self.places(self.shape[:1], self.shape[1])


NAMES = {"last": "last_size", "shape": "random_shape"}


def draw(rng, floats, without_data, pair, emit):
    """Give ``emit`` the lines of one random program."""
    picker = Picker(rng, floats, pair, emit)
    emit(f"L.manual_seed({rng.randrange(100)})")
    for _ in range(rng.randint(1, 3)):
        picker.leaf(picker.any_shape())
    names, shares = list(FAMILIES), [share for share, _ in FAMILIES.values()]
    for _ in range(rng.randint(5, 40)):
        family = rng.choices(names, shares)[0]
        template = rng.choice(FAMILIES[family][1])
        if not (without_data and ".data" in template) and (pair.watch or not re.search(TIPS, template)):
            picker.recorded |= "create_graph" in template
            picker.bent |= "g * 2" in template
            with contextlib.suppress(Skip):
                emit(filled(picker, family, template))
    ask_for_gradients(picker, emit)


def filled(picker, family, template):
    if family == "layer":
        ndim, template = template.split(": ", 1)
        operand = picker.of_ndim(int(ndim)) if ndim != "0" else picker.f()
        if "BatchNorm" in template and picker.dtype_ == "float16":
            picker.skip()  # of a small batch nothing but rounding is left
        name = picker.new("m")
        picker.emit(f"{name} = {fill(picker, template)}")
        # of channels-last memory with lengths of one, PyTorch's batch norm has other gradients (2.13)
        return f"{picker.new()} = {name}({operand}{'.contiguous()' if 'BatchNorm' in template else ''})"
    text = fill(picker, template)
    is_value = family not in ("write", "module", "autograd") and "{new}" not in template and "seed(" not in text
    return f"{picker.new()} = {text}" if is_value else text


def fill(picker, template):
    for name, method in NAMES.items():
        template = template.replace("{" + name + "}", "{" + method + "}")
    return template.format_map(picker)


def ask_for_gradients(picker, emit):
    """End with first and second order gradients of some results, and the next random numbers."""
    theirs, rng = picker.pair.theirs, picker.rng
    tensors = [n for n in picker.pair.names() if n[0] in "tx" and hasattr(theirs[n], "requires_grad")]
    asking = [n for n in tensors if theirs[n].requires_grad and picker.tame(n)]
    results = [n for n in asking if not theirs[n].is_leaf]
    for name in results if rng.random() < 0.5 else results[-3:]:
        emit(f"outs += [{name}]")
    for name in asking:
        if theirs[name].is_leaf:
            emit(f"leaves += [{name}]")
    for name in picker.pair.names():
        if name[0] == "m":
            emit(f"leaves += {name}.parameters()")
    emit("stream = L.rand(3)")
    emit("first = L.autograd.grad(combined(L, outs), leaves, create_graph=True, allow_unused=True)")
    # Left out: what a second sweep leaves at an inner tensor, or makes of a hook that changes gradients, depends on the
    # rules' formulas; three digits are too few;
    # PyTorch's third derivatives of batch norm are wrong (2.13).
    normed = any("BatchNorm" in type(theirs[n]).__name__ for n in picker.pair.names())
    retained = any(theirs[n].retains_grad for n in tensors if n in theirs)
    if picker.pair.epsilon < 1e-4 and not (retained or picker.bent) and not (normed and picker.recorded):
        emit("second = L.autograd.grad(combined(L, first), leaves, allow_unused=True)")
