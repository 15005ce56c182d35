"""Tensor against PyTorch: values, dtypes, gradients, printing, writing in place, errors."""

import copy
import pickle

import numpy as np
import pytest
from oracle import text

import minigrad as mg
from minigrad.utils.tree import tree_map

A = np.array([[0.5, -1.5, 2.0], [3.0, 0.25, -0.75]], dtype=np.float32)

EXPRESSIONS = [
    lambda m, x: x + 1,
    lambda m, x: 1 - x,
    lambda m, x: x * x / 3,
    lambda m, x: 2 / x,
    lambda m, x: x**3,
    lambda m, x: x**2.0,
    lambda m, x: 2**x,
    lambda m, x: -x,
    lambda m, x: abs(x),
    lambda m, x: x @ x.T,
    lambda m, x: x.sum(),
    lambda m, x: x.sum(0),
    lambda m, x: x.sum(dim=(0, 1), keepdim=True),
    lambda m, x: x.mean(-1),
    lambda m, x: x.var(0),
    lambda m, x: x.std(1, keepdim=True),
    lambda m, x: x.var(),
    lambda m, x: x.var(1, correction=0),
    lambda m, x: x.max(),
    lambda m, x: x.max(1).values,
    lambda m, x: x.min(0).values,
    lambda m, x: x.amax(0),
    lambda m, x: x.norm(),
    lambda m, x: x.exp().log1p(),
    lambda m, x: x.sigmoid(),
    lambda m, x: x.tanh(),
    lambda m, x: x.relu(),
    lambda m, x: x.softmax(1),
    lambda m, x: x.log_softmax(0),
    lambda m, x: x.logsumexp(1),
    lambda m, x: x.cumsum(1),
    lambda m, x: x.clamp(-0.5, 1.0),
    lambda m, x: x.clamp(min=0.4),
    lambda m, x: m.maximum(x, x.flip(0)),
    lambda m, x: m.where(x > 0, x, x * 2),
    lambda m, x: x.reshape(3, 2),
    lambda m, x: x.view(-1),
    lambda m, x: x.flatten(),
    lambda m, x: x.permute(1, 0),
    lambda m, x: x.transpose(0, 1),
    lambda m, x: x.T,
    lambda m, x: x.unsqueeze(1).expand(2, 4, 3),
    lambda m, x: x[None].squeeze(0),
    lambda m, x: x[0],
    lambda m, x: x[:, 1:],
    lambda m, x: x[[0, 1, 1]],
    lambda m, x: x[x > 0],
    lambda m, x: x[..., -1],
    lambda m, x: m.cat([x, x * 2], dim=1),
    lambda m, x: m.stack([x, x * 2], dim=-1),
    lambda m, x: x.split(2, dim=1)[1],
    lambda m, x: x.chunk(2)[0],
    lambda m, x: x.unbind(1)[2],
    lambda m, x: x.gather(1, m.tensor([[0, 2], [1, 1]])),
    lambda m, x: x.narrow(1, 1, 2),
    lambda m, x: x.masked_fill(x > 1, 0.0),
    lambda m, x: m.lerp(x, x * 3, 0.25),
    lambda m, x: x.double() * 2,
    lambda m, x: m.sqrt(x * x + 1).rsqrt(),
    lambda m, x: m.erf(x),
    lambda m, x: x.addcmul(x, x, value=0.5),
]


@pytest.mark.parametrize("i", range(len(EXPRESSIONS)))
def test_expressions_like_pytorch(torch, i):
    f = EXPRESSIONS[i]
    ours, theirs = mg.tensor(A, requires_grad=True), torch.tensor(A, requires_grad=True)
    a, b = f(mg, ours), f(torch, theirs)
    assert a.shape == tuple(b.shape) and str(b.dtype) == f"torch.{a.dtype}"
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-6, atol=1e-6)
    seed = np.random.default_rng(i).standard_normal(a.shape).astype(a.dtype)
    a.backward(mg.tensor(seed))
    b.backward(torch.tensor(seed))
    assert ours.grad.dtype == np.float32
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-5, atol=1e-5)


VALUES = {
    "f32": np.float32([1.5, -2]),
    "f64": np.array([1.5, -2]),
    "i64": np.array([3, 2]),
    "u8": np.uint8([3, 2]),
    "bool": np.array([True, False]),
    "f64_0d": np.array(2.5),
    "i64_0d": np.array(2),
    "bool_0d": np.array(True),
    "float": 1.5,
    "int": 2,
    "True": True,
}


@pytest.mark.parametrize("a", VALUES)
@pytest.mark.parametrize("b", VALUES)
@pytest.mark.parametrize("op", ["__add__", "__mul__", "__truediv__"])
def test_dtypes_combine_as_in_pytorch(torch, a, b, op):
    import operator

    function = {"__add__": operator.add, "__mul__": operator.mul, "__truediv__": operator.truediv}[op]

    def result(m):
        x, y = (m.tensor(v) if isinstance(v, np.ndarray) else v for v in (VALUES[a], VALUES[b]))
        return function(x, y)

    if not isinstance(VALUES[a], np.ndarray) and not isinstance(VALUES[b], np.ndarray):
        return
    ours, theirs = result(mg), result(torch)
    assert str(theirs.dtype) == f"torch.{ours.dtype}"
    np.testing.assert_allclose(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: mg.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (lambda: mg.tensor([1.0, 2.0], requires_grad=True), "tensor([1., 2.], requires_grad=True)"),
        (lambda: mg.tensor(2.5), "tensor(2.5000)"),
        (lambda: mg.tensor([1, 2]), "tensor([1, 2])"),
        (lambda: mg.tensor([True]), "tensor([True])"),
        (lambda: mg.tensor([[0.12345, 10.0], [1.0, 2.0]]), "tensor([[ 0.1235, 10.0000],\n        [ 1.0000,  2.0000]])"),
        (lambda: mg.tensor([1.0], dtype=mg.float64), "tensor([1.], dtype=minigrad.float64)"),
        (lambda: mg.tensor([1.0], requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward0>)"),
    ],
)
def test_printing(make, text):
    assert repr(make()) == text


def test_writing_outside_the_graph_goes_to_the_memory():
    p = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    memory = p.detach().numpy()
    p.sum().backward()
    with mg.no_grad():
        p -= 0.5 * p.grad
        p.mul_(2).add_(p.grad, alpha=0.5)
    p.data[0] = 0
    p.data.clamp_(max=4.0)
    p.detach()[2].fill_(9)
    assert memory.tolist() == [0.0, 3.5, 9.0] and p.is_leaf and p.requires_grad
    p.data = mg.zeros(3)
    assert p.tolist() == [0, 0, 0] and p.is_leaf


def test_writing_inside_the_graph_is_a_new_value(torch):
    def run(m):
        w = m.tensor([1.0, 2.0], requires_grad=True)
        x = m.zeros(3)
        x[1:] = w * 2
        x[0] = w[0] * w[1]
        y = x * x
        y += w.sum()
        y.mul_(3)
        y.sum().backward()
        return w.grad.tolist()

    assert run(mg) == run(torch)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda m: m.ones(2) + m.ones(3),
            RuntimeError,
            r"The size of tensor a \(2\) must match the size of tensor b \(3\)",
        ),
        (
            lambda m: m.ones(2, 3) @ m.ones(4, 5),
            RuntimeError,
            r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 4x5\)",
        ),
        (lambda m: m.ones(6).reshape(4), RuntimeError, r"shape '\[4\]' is invalid for input of size 6"),
        (lambda m: m.ones(4)[7], IndexError, "index 7 is out of bounds for dimension 0 with size 4"),
        (
            lambda m: m.ones(4).sum(3),
            IndexError,
            r"Dimension out of range \(expected to be in range of \[-1, 0\], but got 3\)",
        ),
        (lambda m: m.tensor([1, 2]).mean(), RuntimeError, "could not infer output dtype"),
        (lambda m: bool(m.ones(2)), RuntimeError, "Boolean value of Tensor with more than one value is ambiguous"),
        (lambda m: float(m.ones(2)), ValueError, "only one element tensors can be converted to Python scalars"),
        (lambda m: int(m.ones(0)), ValueError, "only one element tensors can be converted to Python scalars"),
        (lambda m: m.ones(2).item(), RuntimeError, "a Tensor with 2 elements cannot be converted to Scalar"),
        (lambda m: len(m.tensor(1.0)), TypeError, "len\\(\\) of a 0-d tensor"),
        (lambda m: m.tensor(["a"]), (TypeError, ValueError), "dimension|numbers"),
        (
            lambda m: m.cat([m.ones(2, 2), m.ones(3, 3)]),
            RuntimeError,
            "Sizes of tensors must match except in dimension 0",
        ),
        (lambda m: m.tensor([1, 2]).add_(1.5), RuntimeError, "can't be cast to the desired output type"),
        (lambda m: m.ones(2).add_(m.ones(3, 2)), RuntimeError, "doesn't match the broadcast shape"),
    ],
)
def test_errors_like_pytorch(torch, call, error, words):
    for m in (mg, torch):
        with pytest.raises(error, match=words):
            call(m)


def test_a_failed_write_changes_nothing():
    x = mg.tensor([1, 2])
    with pytest.raises(RuntimeError):
        x.add_(1.5)
    assert x.tolist() == [1, 2] and x._version == 0


SIZES = [
    lambda L, x, s: s + (1,),
    lambda L, x, s: (1,) + s,
    lambda L, x, s: s + s,
    lambda L, x, s: s * 2,
    lambda L, x, s: 2 * s,
    lambda L, x, s: s[1:],
    lambda L, x, s: s[::-1],
    lambda L, x, s: s[0],
    lambda L, x, s: s[-1],
    lambda L, x, s: s.numel(),
    lambda L, x, s: s[1:].numel(),
    lambda L, x, s: L.Size([]).numel(),
    lambda L, x, s: L.Size(),
    lambda L, x, s: L.Size((1, 2)),
    lambda L, x, s: L.Size(L.tensor([2, 3])),
    lambda L, x, s: s == (2, 3, 4),
    lambda L, x, s: s.index(3),
    lambda L, x, s: hash(s) == hash((2, 3, 4)),
    lambda L, x, s: x.size(),
    lambda L, x, s: x.size()[:2],
    lambda L, x, s: x[0].shape,
    lambda L, x, s: x.sum().shape,
    lambda L, x, s: L.Size([3]),
    lambda L, x, s: s.count(2),
    lambda L, x, s: L.zeros(s[:1] + (5,)).shape,
    lambda L, x, s: x.mT.shape,
    lambda L, x, s: isinstance(s, tuple),
    lambda L, x, s: s + [1],
    lambda L, x, s: [1] + s,
    lambda L, x, s: L.Size(3),
    lambda L, x, s: s[5],
    lambda L, x, s: L.Size([1.5]),
    lambda L, x, s: L.Size("ab"),
    lambda L, x, s: list(s),
    lambda L, x, s: max(s),
    lambda L, x, s: x.new_zeros(s).shape,
    lambda L, x, s: x.detach().shape,
    lambda L, x, s: x.grad_fn,
    lambda L, x, s: L.broadcast_shapes((2, 1), (3,)),
    lambda L, x, s: L.distributions.Normal(x, 1.0).batch_shape.numel(),
    lambda L, x, s: L.distributions.Normal(x, 1.0).event_shape,
    lambda L, x, s: L.distributions.Normal(x, 1.0).sample((5,)).shape,
]


def test_sizes_like_pytorch(torch):
    def answer(lib, ask):
        x = lib.zeros(2, 3, 4)
        try:
            found = ask(lib, x, x.shape)
        except (TypeError, IndexError) as error:
            return type(error).__name__
        return (type(found).__name__, list(found)) if isinstance(found, tuple) else found

    for ask in SIZES:
        assert answer(mg, ask) == answer(torch, ask), text(ask)


def test_a_size_is_a_tuple_to_all_others(tmp_path):
    s = mg.zeros(2, 3).shape
    assert type(s) is mg.Size and (repr(s), f"{s}") == ("(2, 3)", "(2, 3)")
    for twin in (copy.deepcopy(s), copy.copy(s), pickle.loads(pickle.dumps(s))):
        assert twin == s and type(twin) is mg.Size
    assert np.zeros(s).shape == s and tree_map(lambda n: n + 1, s) == (3, 4)
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    mg.save({"shape": s}, tmp_path / "s")
    assert mg.load(tmp_path / "s")["shape"] == s


def test_copies():
    p = mg.tensor([1.0, 2.0], requires_grad=True)
    (p * p).sum().backward()
    q = copy.deepcopy(p)
    assert q.requires_grad and q.grad.tolist() == [2.0, 4.0] and not np.shares_memory(q._data, p._data)
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(p * 2)


def test_tensor_copies_and_from_numpy_shares():
    a = np.ones(2)
    mg.tensor(a)._data[0] = 5
    assert a[0] == 1
    mg.from_numpy(a)._data[0] = 5
    assert a[0] == 5
    with pytest.raises(TypeError, match="expected np.ndarray"):
        mg.from_numpy([1])
