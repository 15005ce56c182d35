"""PyTorch as the judge: the same expression in both libraries, its gradients, and theirs."""

import re

import numpy as np

import minigrad as mg

# Calls whose gradients a later PyTorch changed, and the first that has the new ones. Ours are the newest's; beside an
# older PyTorch their gradients are not compared. test_versions.py knows the changes by heart.
CHANGED = {r"\b(clamp|clip)": (2, 14), r"\b(fmax|fmin)": (2, 15)}


def version(torch):
    """Return the installed PyTorch's version, ``(2, 15)``."""
    return tuple(map(int, torch.__version__.split(".")[:2]))


def changed(torch, text):
    """Tell whether a later PyTorch than the installed one gives this call other gradients."""
    return any(version(torch) < since and re.search(call, text) for call, since in CHANGED.items())


def arrays(*shapes, seed=0):
    """Return random arrays of these shapes; what is an array already stays as it is."""
    rng = np.random.default_rng(seed)
    return [s if isinstance(s, np.ndarray) else rng.standard_normal(s) for s in shapes]


def orders(lib, function, operands, dtype):
    """Return value, gradients, and the gradients of a random combination of those."""
    xs = [lib.tensor(x.astype(dtype) if x.dtype.kind == "f" else x) for x in operands]
    leaves = [x.requires_grad_() for x in xs if x.is_floating_point()]
    y = function(*xs)
    g = lib.tensor(arrays(tuple(y.shape), seed=1)[0].astype(dtype)).requires_grad_()
    first = lib.autograd.grad(y, leaves, g, create_graph=True)
    weights = [lib.tensor(a.astype(dtype)) for a in arrays(*(tuple(x.shape) for x in leaves), seed=2)]
    total = sum((a * b).sum() for a, b in zip(first, weights, strict=True))
    second = lib.autograd.grad(total, [g, *leaves], allow_unused=True)
    zeros = [x.detach() * 0 for x in [g, *leaves]]  # added, since PyTorch has zeros without memory
    found = [(z if s is None else s.detach() + z).numpy() for s, z in zip(second, zeros, strict=True)]
    return [a.detach().numpy() for a in (y, *first)] + found


def agree(torch, function, *shapes, dtype="float64", rtol=None):
    """Check ``function(F, *operands)`` against PyTorch: values, first and second order, dtypes."""
    operands = arrays(*shapes)
    F, T = mg.nn.functional, torch.nn.functional
    ours = orders(mg, lambda *xs: function(F, *xs), operands, dtype)
    theirs = orders(torch, lambda *xs: function(T, *xs), operands, dtype)
    rtol = rtol or (1e-10 if dtype == "float64" else 2e-4)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, err_msg=f"result {i}")
    assert any(np.abs(a).max() > 1e-3 for a in ours[1 : 1 + len(operands)])  # not a vacuous check
