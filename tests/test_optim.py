"""Optimizers: twenty steps beside PyTorch, state taken over, refused options."""

import importlib
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim

CASES = [
    ("SGD", {}),
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.5, "dampening": 0.3, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1, "amsgrad": True}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.8, "weight_decay": 0.1, "eps": 1e-4}),
    ("RMSprop", {"centered": True, "maximize": True, "eps": 1e-4}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    ("Adagrad", {"maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.3, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("RAdam", {"weight_decay": 0.3, "decoupled_weight_decay": True, "betas": (0.9, 0.9)}),
    ("RAdam", {"betas": (0.5, 0.3)}),  # its averages are too short to be rectified at all
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.3, 1.7), "step_sizes": (1e-2, 0.3), "maximize": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 5, "weight_decay": 0.1, "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-2, 1e-2), "d": 1.5, "weight_decay": 0.1}),
    ("Adafactor", {"lr": 1.0, "maximize": True}),
]


def ours_and_theirs(torch):
    import torch.optim

    return (mg, optim), (torch, torch.optim)


def parameters(m, dtype="float64"):
    """A matrix, a vector and a 0-d one."""
    values = [[0.5, -1.0], [2.0, 0.3], [0.0, 1.0]], [0.1, -0.2], 0.7
    return [m.tensor(v, dtype=getattr(m, dtype), requires_grad=True) for v in values]


def steps(m, optimizer, params, n, start=0, dtype="float64"):
    """Steps along gradients that are the same for everybody; the second parameter has none at times."""
    for i in range(start, start + n):
        for k, p in enumerate(params):
            g = np.sin(np.arange(float(max(np.prod(p.shape), 1))) * (k + 1) + i).reshape(tuple(p.shape))
            p.grad = None if k == 1 and i % 3 == 1 else m.tensor(g.tolist(), dtype=getattr(m, dtype))
        optimizer.step()


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-6)])
def test_twenty_steps_like_pytorch(torch, name, options, dtype, tolerance):
    found = []
    for m, o in ours_and_theirs(torch):
        params = parameters(m, dtype)
        optimizer = getattr(o, name)(params, **options)
        steps(m, optimizer, params, 20, dtype=dtype)
        state = optimizer.state_dict()["state"]
        kept = [(i, key, value) for i in sorted(state) for key, value in sorted(state[i].items()) if value is not None]
        found.append((params, kept))
    (ours, our_state), (theirs, their_state) = found
    assert [s[:2] for s in our_state] == [s[:2] for s in their_state]
    pairs = [*zip(ours, theirs, strict=True), *((a[2], b[2]) for a, b in zip(our_state, their_state, strict=True))]
    for a, b in pairs:
        assert str(a.dtype) == str(b.dtype).removeprefix("torch.") and tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_hundred_steps_like_pytorch(torch, name, options):
    both = []
    for m, o in ours_and_theirs(torch):
        params = parameters(m)
        steps(m, getattr(o, name)(params, **options), params, 100)
        both.append(params)
    for a, b in zip(*both, strict=True):
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (4, 4)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nesterov": False, "lr": 0.1, "momentum": 0.5, "weight_decay": 0.3, "adjust_lr_fn": "original"},
        {"lr": 0.05, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3, "eps": 0.1, "ns_coefficients": (2.0, -1.5, 0.5)},
    ],
)
def test_muon_like_pytorch(torch, shape, options):
    import torch.optim

    def run(m, o):
        p = m.tensor(np.cos(np.arange(6.0 if 3 in shape else 16.0)).reshape(shape).tolist(), dtype=m.float64)
        optimizer = o.Muon([p.requires_grad_()], **options)
        for i in range(100):
            g = np.sin(np.arange(p.numel()) * 1.3 + i).reshape(shape)
            p.grad = m.tensor(g.tolist(), dtype=m.float64)
            optimizer.step()
        return p.tolist(), optimizer.state[p]["momentum_buffer"].tolist()

    ours, theirs = run(mg, optim), run(torch, torch.optim)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


LBFGS = [
    {"lr": 0.01},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 7},
    {"line_search_fn": "strong_wolfe", "lr": 5.0, "max_eval": 4},
    {"line_search_fn": "strong_wolfe", "max_eval": 1},
    {"lr": 0.1, "max_iter": 4, "history_size": 2, "max_eval": 3},
    {"lr": 0.001, "tolerance_grad": 1.0, "tolerance_change": 1e-3},
    {"lr": 0.01, "tolerance_grad": 1e4},
]


def valley(m, o, options):
    """Rosenbrock's function, in a matrix and a 0-d parameter; the last one has no gradient."""
    params = [m.tensor(v, dtype=m.float64, requires_grad=True) for v in ([[-1.2, 1.0], [2.0, 0.3]], 0.7, [1.0])]
    optimizer = o.LBFGS(params, **options)
    losses = []

    def closure():
        optimizer.zero_grad()
        v = params[0].reshape(-1)
        loss = (100 * (v[1:] - v[:-1] ** 2) ** 2 + (1 - v[:-1]) ** 2).sum() + (params[1] - v[0]) ** 2
        loss.backward()
        losses.append(loss.item())
        return loss

    return optimizer, closure, losses


def tensors_of(value):
    """PyTorch's state as minigrad's."""
    if isinstance(value, dict):
        return {key: tensors_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [tensors_of(item) for item in value]
    return mg.tensor(value.detach().numpy()) if type(value).__module__ == "torch" else value


@pytest.mark.parametrize("options", LBFGS)
def test_lbfgs_like_pytorch(torch, options):
    import torch.optim

    (ours, close, seen), (theirs, close_theirs, expected) = (valley(m, o, options) for m, o in ours_and_theirs(torch))
    for _ in range(6):
        assert ours.step(close).item() == pytest.approx(theirs.step(close_theirs).item(), rel=1e-9)
    assert len(seen) == len(expected)  # as many evaluations
    np.testing.assert_allclose(seen, expected, rtol=1e-7, atol=1e-12)
    (state,), (their_state,) = ours.state.values(), theirs.state.values()
    assert state.keys() == their_state.keys()
    for key in {"d", "prev_flat_grad", "old_dirs"} & state.keys():
        assert np.shape(state[key]) == tuple(np.shape(their_state[key]))
    again, close_again, later = valley(mg, optim, {})
    for p, q in zip(again.param_groups[0]["params"], theirs.param_groups[0]["params"], strict=True):
        p.data = mg.tensor(q.detach().numpy())
    again.load_state_dict(tensors_of(theirs.state_dict()))
    again.step(close_again)
    del expected[:]
    theirs.step(close_theirs)
    np.testing.assert_allclose(later, expected, rtol=1e-7, atol=1e-12)


LINES = [
    lambda t: (t - 3) ** 2,
    lambda t: -t / (t**2 + 0.01),
    lambda t: 1e3 * t**8 - t,
    lambda t: (-t + 1e-3 * t**4) + 0.1 * (6 * t).sin(),
    lambda t: (5 * (t - 1)).exp() - 3 * t,
    lambda t: -(1 + t).log() + 0.01 * t**6,
    lambda t: (t - 0.3).abs() + 1e-4 * t**2 - 0.5 * t,
    lambda t: (1e-4 + (t - 0.9) ** 2).sqrt() - 0.1 * t,
    lambda t: -t + (30 * (t - 0.1)).clamp(max=80).exp(),
    lambda t: -t + 100 * (t - 0.02).clamp(min=0) ** 0.5,
    lambda t: -(t - 0.999).clamp(max=0) * -1 * 1e-2 - t * 1e-3 + (40 * (t - 1)).tanh(),
]


@pytest.mark.parametrize("line", range(len(LINES)))
@pytest.mark.parametrize("t", [1e-3, 0.1, 1.0, 7.0, 500.0])
def test_line_searches_like_pytorch(torch, line, t):
    from torch.optim.lbfgs import _strong_wolfe

    from minigrad.optim.line_search import Point, strong_wolfe

    visited = []

    def at(t, d=None):
        x = torch.tensor([float(t)], dtype=torch.float64, requires_grad=True)
        value = LINES[line](x).sum()
        value.backward()
        visited.append(float(t))
        return value.item(), x.grad

    d = torch.ones(1, dtype=torch.float64)
    f, g = at(0.0)
    loss, _, length, evaluations = _strong_wolfe(lambda x, t, d: at(t), None, t, d, f, g, g.dot(d))
    theirs, visited[:] = visited[1:], []

    def evaluate(t):
        value, grad = at(t)
        return Point(t, value, grad.numpy(), grad.numpy()[0])

    with np.errstate(all="ignore"):
        point, used = strong_wolfe(evaluate, evaluate(0.0)._replace(t=0), t, 1.0, 25)
    np.testing.assert_allclose(visited[1:], theirs, rtol=1e-9)
    assert used == evaluations and (point.t, point.loss) == pytest.approx((float(length), loss), rel=1e-9, nan_ok=True)


def test_lbfgs_is_taken_over_bit_for_bit(tmp_path):
    whole, close_whole, expected = valley(mg, optim, {"line_search_fn": "strong_wolfe", "max_iter": 4})
    first, close_first, seen = valley(mg, optim, {"line_search_fn": "strong_wolfe", "max_iter": 4})
    second, close_second, later = valley(mg, optim, {})
    whole.step(close_whole)
    whole.step(close_whole)
    first.step(close_first)
    mg.save(first.state_dict(), tmp_path / "o")
    second.load_state_dict(mg.load(tmp_path / "o"))
    for p, q in zip(second.param_groups[0]["params"], first.param_groups[0]["params"], strict=True):
        p.data = q.detach().clone()
    second.step(close_second)
    assert seen + later == expected
    with pytest.raises(ValueError, match=r"'d' of parameter 0 has shape \(6,\), the parameter \(4,\)"):
        optim.LBFGS([mg.ones(2), mg.ones(1), mg.ones(1)]).load_state_dict(first.state_dict())


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("options", [{}, {"lr": 0.1, "betas": (0.8, 0.99), "eps": 1e-3, "maximize": True}])
def test_sparse_adam_like_pytorchs_of_sparse_gradients(torch, options):
    import torch.optim

    values = np.cos(np.arange(12.0)).reshape(6, 2)
    a, b = mg.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    ours, theirs = optim.SparseAdam([a], **options), torch.optim.SparseAdam([b], **options)
    for i in range(100):
        rows = sorted({i % 6, (i * i) % 6})
        g = np.sin(np.arange(2.0 * len(rows)) + i).reshape(-1, 2)
        full = np.zeros((6, 2))
        full[rows] = g
        a.grad = mg.tensor(full)
        b.grad = torch.sparse_coo_tensor(torch.tensor(rows)[None], torch.tensor(g), (6, 2))
        ours.step()
        theirs.step()
    np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-12)
    assert ours.state_dict()["state"][0]["step"] == theirs.state_dict()["state"][0]["step"] == 100


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_taken_over_goes_on_bit_for_bit(name, options, tmp_path):
    whole, halves = parameters(mg, "float32"), parameters(mg, "float32")
    make = lambda params: getattr(optim, name)(params, **options)
    steps(mg, make(whole), whole, 8, dtype="float32")
    first = make(halves)
    steps(mg, first, halves, 5, dtype="float32")
    mg.save(first.state_dict(), tmp_path / "o")
    second = make(halves)
    second.load_state_dict(mg.load(tmp_path / "o"))
    steps(mg, second, halves, 3, start=5, dtype="float32")
    for a, b in zip(whole, halves, strict=True):
        assert a.tolist() == b.tolist()


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_of_pytorch_can_be_taken_over(torch, name, options):
    (m, o), (tm, to) = ours_and_theirs(torch)
    ours, theirs = parameters(m), parameters(tm)
    there = getattr(to, name)(theirs, **options)
    steps(tm, there, theirs, 3)
    here = getattr(o, name)(ours)
    saved = there.state_dict()
    arrays = lambda kept: {k: None if v is None else mg.tensor(v.numpy()) for k, v in kept.items()}
    here.load_state_dict({**saved, "state": {i: arrays(kept) for i, kept in saved["state"].items()}})
    for a, b in zip(ours, theirs, strict=True):
        a.data = mg.tensor(b.detach().numpy())
    steps(m, here, ours, 4, start=3)
    steps(tm, there, theirs, 4, start=3)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda o, p: o.SGD([], lr=1), ValueError, "optimizer got an empty parameter list"),
        (lambda o, p: o.SGD(p, lr=1), TypeError, "should be an iterable of Tensors or dicts"),
        (lambda o, p: o.SGD([{"params": {p}}]), TypeError, "need to be organized in ordered collections"),
        (lambda o, p: o.SGD([p, 1.0]), TypeError, "can only optimize Tensors, but one of the params is"),
        (lambda o, p: o.SGD([p], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda o, p: o.SGD([p], momentum=-1), ValueError, "Invalid momentum value: -1"),
        (lambda o, p: o.SGD([p], weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
        (lambda o, p: o.SGD([p], nesterov=True), ValueError, "Nesterov momentum requires"),
        (lambda o, p: o.Adam([p], lr=float("nan")), ValueError, "Invalid learning rate: nan"),
        (lambda o, p: o.Adam([p], eps=-1.0), ValueError, "Invalid epsilon value: -1"),
        (lambda o, p: o.Adam([p], betas=(1.0, 0.9)), ValueError, "Invalid beta parameter at index 0: 1.0"),
        (lambda o, p: o.AdamW([p], betas=(0.9, -0.1)), ValueError, "Invalid beta parameter at index 1: -0.1"),
        (lambda o, p: o.RMSprop([p], alpha=-1.0), ValueError, "Invalid alpha value: -1"),
        (lambda o, p: o.Adagrad([p], lr_decay=-1), ValueError, "Invalid lr_decay value: -1"),
        (lambda o, p: o.Adagrad([p], initial_accumulator_value=-1), ValueError, "Invalid initial_accumulator_value v"),
        (lambda o, p: o.Adagrad([p], eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda o, p: o.Adadelta([p], rho=1.5), ValueError, "Invalid rho value: 1.5"),
        (lambda o, p: o.Adadelta([p], eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda o, p: o.Adamax([p], betas=(0.9, 1.0)), ValueError, "Invalid beta parameter at index 1: 1.0"),
        (lambda o, p: o.Adamax([p], eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda o, p: o.NAdam([p], momentum_decay=-1), ValueError, "Invalid momentum_decay value: -1"),
        (lambda o, p: o.NAdam([p], betas=(2.0, 0.9)), ValueError, "Invalid beta parameter at index 0: 2.0"),
        (lambda o, p: o.RAdam([p], betas=(2.0, 0.9)), ValueError, "Invalid beta parameter at index 0: 2.0"),
        (lambda o, p: o.RAdam([p], weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
        (lambda o, p: o.Rprop([p], etas=(0.5, 0.9)), ValueError, "Invalid eta values: 0.5, 0.9"),
        (lambda o, p: o.ASGD([p], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda o, p: o.SparseAdam([p], lr=0), ValueError, "Invalid learning rate: 0"),
        (lambda o, p: o.SparseAdam([p], eps=0), ValueError, "Invalid epsilon value: 0"),
        (lambda o, p: o.Adafactor([p], lr=-1), ValueError, "Learning rate should be >= 0 but is: -1"),
        (lambda o, p: o.Adafactor([p], beta2_decay=1), ValueError, "beta2_decay should be <= 0 but is: 1"),
        (lambda o, p: o.Adafactor([p], eps=(-1, 1)), ValueError, "epsilon1 should be >= 0 but is: -1"),
        (lambda o, p: o.Adafactor([p], eps=(None, -1)), ValueError, "epsilon2 should be >= 0 but is: -1"),
        (lambda o, p: o.Adafactor([p], d=0.5), ValueError, "Clipping threshold d should be >= 1 but is: 0.5"),
        (lambda o, p: o.Adafactor([p], weight_decay=-1), ValueError, "weight_decay should be >= 0 but is: -1"),
        (lambda o, p: o.Muon([p]), ValueError, "Muon only supports 2D parameters whereas we found a parameter with"),
        (lambda o, p: o.Muon([p], lr=-1), ValueError, "Learning rate should be >= 0 but is: -1"),
        (lambda o, p: o.Muon([p], momentum=-1), ValueError, "momentum should be >= 0 but is: -1"),
        (lambda o, p: o.Muon([p], weight_decay=-1), ValueError, "weight decay should be >= 0 but is: -1"),
        (lambda o, p: o.Muon([p], adjust_lr_fn="x"), ValueError, "Adjust learning rate function x is not supported"),
        (lambda o, p: o.LBFGS([{"params": [p]}, {"params": [p.clone().detach()]}]), ValueError,
         "LBFGS doesn't support per-parameter options"),
        (lambda o, p: o.LBFGS([p], line_search_fn="x").step(lambda: (p * p).sum().backward() or 1.0), RuntimeError,
         "only 'strong_wolfe' is supported"),
        (lambda o, p: o.LBFGS([p]).step(), TypeError, "missing 1 required positional argument: 'closure'"),
        (lambda o, p: o.Adam([p], lr=p.detach()), ValueError, "Tensor lr must be 1-element"),
        (lambda o, p: o.Adam([p * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (lambda o, p: o.SGD([{"params": [p]}, {"params": [p]}]), ValueError, "more than one parameter group"),
        (lambda o, p: o.SGD([p]).add_param_group([p]), TypeError, "param_group must be a dict, but got <class 'list'>"),
        (lambda o, p: o.SGD([("a", p), p.clone().detach()]), ValueError, "Some param names are missing"),
        (lambda o, p: o.SGD([("a", p)]).add_param_group({"params": p.clone().detach()}), ValueError,
         "all optimizer param groups should be with/without names"),
        (lambda o, p: o.SGD([p], fused=True, foreach=True), RuntimeError, "`fused` and `foreach` cannot be `True`"),
        (lambda o, p: o.SGD([p]).load_state_dict(o.SGD([{"params": []}, {"params": p}]).state_dict()),
         ValueError, "loaded state dict has a different number of parameter groups"),
        (lambda o, p: o.SGD([p]).load_state_dict(o.SGD([p, p.clone().detach()]).state_dict()),
         ValueError, "loaded state dict contains a parameter group that doesn't match the size"),
    ],
)  # fmt: skip
def test_errors_like_pytorch(torch, call, error, words):
    for m, o in ours_and_theirs(torch):
        with pytest.raises(error, match=words):
            call(o, m.ones(2, requires_grad=True))


def test_what_is_missing_is_said_with_what_there_is(torch):
    import torch.optim

    missing = {name for name in dir(torch.optim) if name[0] != "_" and not hasattr(optim, name)}
    assert missing == {"swap_in_optimizer_params_and_state"}
    schedules = torch.optim.lr_scheduler.__all__
    assert not [name for name in schedules if not hasattr(optim.lr_scheduler, name)]
    assert not [name for name in torch.optim.swa_utils.__all__ if not hasattr(optim.swa_utils, name)]
    with pytest.raises(AttributeError, match=r"has no attribute 'Adan'; did you mean 'Adam'\? docs/layers.md lists"):
        optim.Adan  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'swap_in_optimizer_params_and_state'. docs/layers.md"):
        optim.swap_in_optimizer_params_and_state  # noqa: B018


def test_a_parameter_twice_in_a_group_warns(torch):
    for m, o in ours_and_theirs(torch):
        p = m.ones(2, requires_grad=True)
        with pytest.warns(UserWarning, match="parameter group with duplicate parameters"):
            o.SGD([p, p])


def test_groups_and_parameters_without_a_gradient():
    a, b = mg.ones(2, requires_grad=True), mg.ones(2, requires_grad=True)
    optimizer = optim.SGD([{"params": [a], "lr": 1.0}, {"params": b}], lr=0.5, weight_decay=0.5)
    a.sum().backward()
    optimizer.step()
    assert a.tolist() == [-0.5, -0.5] and b.tolist() == [1, 1] and b.grad is None and b not in optimizer.state
    with pytest.raises(ValueError, match="Invalid learning rate"):
        optimizer.add_param_group({"params": mg.zeros(1), "lr": -1})
    assert len(optimizer.param_groups) == 2


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "NAdam"])
def test_each_group_steps_by_its_own_numbers(torch, name):
    results = []
    for m, o in ours_and_theirs(torch):
        a, b = (m.tensor([1.0, -2.0], requires_grad=True) for _ in range(2))
        optimizer = getattr(o, name)([{"params": [a], "lr": 0.1}, {"params": [b], "lr": 0.01}])
        for _ in range(3):
            optimizer.zero_grad()
            ((a**2).sum() + (b**2).sum()).backward()
            optimizer.step()
        results.append([*a.tolist(), *b.tolist()])
    np.testing.assert_allclose(*results, rtol=1e-6)
    assert results[0][0] != results[0][2]


def test_repr_like_pytorch(torch):
    ours, theirs = (
        repr(o.SGD([{"params": m.ones(1)}, {"params": m.ones(1), "lr": 2}], lr=0.5)) for m, o in ours_and_theirs(torch)
    )
    assert ours == theirs


NAMES = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"]
NAMES += ["Adafactor"]
PYTORCH_ONLY = {"foreach": False, "fused": False, "capturable": True, "differentiable": False}


def described(signature):
    return [(p.name, p.default, p.kind) for p in signature.parameters.values()]


@pytest.mark.parametrize("name", [*NAMES, "Muon", "SparseAdam", "LBFGS"])
def test_keywords_and_repr_like_pytorch(torch, name):
    import inspect

    ours, theirs = (inspect.signature(getattr(o, name).__init__) for _, o in ours_and_theirs(torch))
    assert described(ours) == described(theirs)
    ours, theirs = (repr(getattr(o, name)([m.ones(2, 2)], lr=0.5)) for m, o in ours_and_theirs(torch))
    assert ours == theirs


@pytest.mark.parametrize("name", NAMES)
def test_keywords_and_state_like_pytorch(torch, name):
    import inspect

    ours = inspect.signature(getattr(optim, name).__init__)
    options = {key: value for key, value in PYTORCH_ONLY.items() if key in ours.parameters}
    named = lambda m: zip("abc", parameters(m), strict=True)
    for source in (parameters, named, lambda m: [{"params": named(m)}]):
        states = [getattr(o, name)(source(m), lr=0.5, **options).state_dict() for m, o in ours_and_theirs(torch)]
        ours, theirs = ({i: sorted(entries) for i, entries in state.pop("state").items()} for state in states)
        assert ours == theirs and states[0] == states[1]
    plain, other = (parameters(mg, "float32") for _ in range(2))
    steps(mg, getattr(optim, name)(plain), plain, 3, dtype="float32")
    optimizer = getattr(optim, name)(zip("abc", other, strict=True), **options)
    steps(mg, optimizer, other, 3, dtype="float32")
    assert [p.tolist() for p in plain] == [p.tolist() for p in other]
    fresh = getattr(optim, name)(parameters(mg))
    fresh.load_state_dict(optimizer.state_dict())
    assert fresh.param_groups[0]["param_names"] == ["a", "b", "c"]


def test_a_step_that_would_be_differentiated_is_refused():
    for name in NAMES[:-1]:
        with pytest.raises(ValueError, match="differentiable=True: a step writes into the parameters"):
            getattr(optim, name)([mg.ones(1)], differentiable=True)


def test_zero_grad_and_closure():
    p = mg.ones(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5)

    def closure():
        optimizer.zero_grad(set_to_none=False)
        loss = (p * p).sum()
        loss.backward()
        return loss

    with mg.no_grad():
        assert optimizer.step(closure).item() == 2.0
    assert p.tolist() == [0, 0] and p.grad.tolist() == [2, 2]
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert p.grad is None


def test_state_dict_is_a_copy_and_foreign_state_is_refused():
    p, q = mg.ones(2, requires_grad=True), mg.ones(3, requires_grad=True)
    optimizer = optim.Adam([p], lr=0.5)
    p.grad = mg.ones(2)
    optimizer.step()
    state = optimizer.state_dict()
    optimizer.step()
    assert state["state"][0]["step"].item() == 1 and state["state"][0]["exp_avg"].tolist()[0] == pytest.approx(0.1)
    other = optim.Adam([q], lr=0.25)
    with pytest.raises(ValueError, match=r"'exp_avg' of parameter 0 has shape \(2,\), the parameter \(3,\)"):
        other.load_state_dict(state)
    assert other.param_groups[0]["lr"] == 0.25 and not other.state
    again = optim.Adam([p])
    again.load_state_dict(state)
    again.step()
    assert state["state"][0]["step"].item() == 1  # loading took copies, too


def test_a_step_between_forward_and_backward_is_noticed():
    p = mg.ones(2, requires_grad=True)
    loss = (p * p).sum()
    p.grad = mg.ones(2)
    optim.SGD([p], lr=0.5).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_inf_and_nan_pass_without_a_warning():
    p = mg.tensor([1.0, 1.0], requires_grad=True)
    p.grad = mg.tensor([3e38, float("inf")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in NAMES:
            optimizer = getattr(optim, name)([p], lr=10.0)
            optimizer.step()
            optimizer.step()
    assert np.isnan(p.tolist()[1])


def test_steps_after_the_first_allocate_no_arrays():
    import tracemalloc

    p = mg.ones(1000, 1000, requires_grad=True)
    p.grad = mg.ones(1000, 1000)
    for name in ("SGD", "Adam", "AdamW", "RMSprop"):
        optimizer = getattr(optim, name)([p], weight_decay=0.1)
        optimizer.step()
        tracemalloc.start()
        optimizer.step()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1e6, name


def test_a_rate_that_is_a_tensor_and_changes_is_seen():
    for name in NAMES:
        p, q = mg.ones(2, requires_grad=True), mg.ones(2, requires_grad=True)
        p.grad, q.grad = mg.ones(2), mg.ones(2)
        ours, plain = getattr(optim, name)([p]), getattr(optim, name)([q])
        rate = ours.param_groups[0]["lr"] = mg.tensor(0.5)
        for value in (0.5, 0.25):
            rate.fill_(value)
            plain.param_groups[0]["lr"] = value
            ours.step()
            plain.step()
            assert p.tolist() == q.tolist(), name


# ---- hooks ----------------------------------------------------------------------------------------
def test_hooks_like_pytorch(torch):
    def seen(lib):
        found, note = [], lambda name: lambda opt, *rest: found.append((name, type(opt).__name__, len(rest)))
        optimizer_module = importlib.import_module(f"{lib.__name__}.optim.optimizer")
        w = lib.tensor([1.0, 2.0]).requires_grad_()
        w.grad = lib.ones(2)

        class Own(lib.optim.SGD):
            def step(self, closure=None):
                found.append("own")
                return super().step(closure)

        sgd, own = lib.optim.SGD([w], lr=0.1, momentum=0.5), Own([w], lr=0.1)
        handles = [
            sgd.register_step_pre_hook(note("pre")),
            sgd.register_step_post_hook(note("post")),
            own.register_step_post_hook(note("post of own")),
            optimizer_module.register_optimizer_step_pre_hook(note("everywhere pre")),
            optimizer_module.register_optimizer_step_post_hook(note("everywhere post")),
        ]
        sgd.step()
        found.append(sgd.step(lambda: lib.tensor(3.0)).item())
        adam = lib.optim.Adam([w])
        adam.step()
        for handle in handles:
            handle.remove()
        sgd.step()
        double = sgd.register_step_pre_hook(lambda opt, args, kwargs: ((*args[:1], lambda: lib.tensor(5.0)), kwargs))
        found.append(sgd.step().item())
        double.remove()
        bad = sgd.register_step_pre_hook(lambda *_: 3)
        with pytest.raises(RuntimeError, match="must return None or a tuple of"):
            sgd.step()
        bad.remove()
        sgd.register_state_dict_pre_hook(note("state pre"))
        sgd.register_state_dict_post_hook(lambda opt, state: {**state, "more": 1})
        sgd.register_state_dict_post_hook(note("state post"), prepend=True)
        sgd.register_load_state_dict_pre_hook(lambda opt, state: found.append(sorted(state)))
        sgd.register_load_state_dict_pre_hook(lambda opt, state: {**state, "extra": 1}, prepend=True)
        sgd.register_load_state_dict_post_hook(note("loaded"))
        sgd.load_state_dict(sgd.state_dict())
        return [*found, w.tolist()]

    for ours, theirs in zip(seen(mg), seen(torch), strict=True):
        assert ours == theirs or np.allclose(ours, theirs)


def test_a_step_that_calls_its_base_class_calls_hooks_once():
    calls, w = [], mg.zeros(1, requires_grad=True)

    class Own(optim.SGD):
        def step(self, closure=None):
            return super().step(closure)

    with optim.optimizer.register_optimizer_step_post_hook(lambda *_: calls.append(1)):
        Own([w]).step()
    assert calls == [1]
