"""Shape, joining and picking beside PyTorch: value, shape, dtype, first and second gradients, refusals."""

import warnings

import numpy as np
import pytest
from oracle import arrays

import minigrad as mg

A, M, V, S, E, O = (2, 3, 4), (3, 4), (5,), (), (0, 3), (1,)  # noqa: E741


def idx(lib, values, dtype="int64"):
    return lib.tensor(np.array(values), dtype=getattr(lib, dtype))


# shapes of the operands, and the same line for both libraries
CASES = [
    *[((A,), f"x.reshape({a})") for a in ("6, 4", "(-1, 2)", "[24]", "shape=(4, 6)", "4, 3, 2")],
    *[((s,), "x.reshape(-1)") for s in (S, O, (4,))], ((E,), "x.reshape(3, 0)"), ((S,), "x.reshape(())"),
    ((A,), "lib.reshape(x, (-1,))"), ((A,), "x.view(6, 4)"), ((A,), "x.view((2, 12))"), ((A,), "x.view(size=(24,))"),
    ((A,), "x.transpose(0, 1).reshape(-1)"), ((A,), "x.view_as(lib.zeros(6, 4))"), ((A,), "x.reshape_as(lib.zeros(6, 4))"),
    *[((s,), "x.flatten()") for s in (A, S, V, E)], ((A,), "x.flatten(1)"), ((A,), "lib.flatten(x, start_dim=0, end_dim=-2)"),
    ((A,), "x.unflatten(-1, (2, 2))"), ((A,), "x.unflatten(1, (-1, 1))"), ((A,), "lib.unflatten(x, dim=0, sizes=(1, 2))"),
    ((E,), "x.unflatten(0, (0, 2))"), ((A,), "x.ravel()"), ((S,), "lib.ravel(x)"),
    *[(((1, 3, 1),), f"x.squeeze({a})") for a in ("", "0", "-1", "1", "(0, 2)", "dim=(0, 1)")], ((S,), "x.squeeze()"),
    ((S,), "x.squeeze(0)"), ((A,), "x.unsqueeze(1)"), ((A,), "lib.unsqueeze(x, -1)"), ((S,), "x.unsqueeze(0)"),
    ((A,), "x.transpose(0, -1)"), ((A,), "lib.transpose(x, dim0=1, dim1=0)"), ((S,), "x.transpose(0, -1)"),
    ((A,), "x.swapaxes(0, 2)"), ((A,), "lib.swapdims(x, 0, 1)"), ((A,), "lib.swapaxes(x, axis0=0, axis1=1)"),
    ((A,), "x.permute(2, 0, 1)"), ((A,), "lib.permute(x, (-1, 0, 1))"), ((A,), "x.permute(dims=(1, 0, 2))"), ((S,), "x.permute(())"),
    ((A,), "x.movedim(0, -1)"), ((A,), "lib.moveaxis(x, (0, 1), (2, 0))"), ((A,), "lib.movedim(x, source=1, destination=0)"),
    ((M,), "x.t()"), ((V,), "lib.t(x)"), ((S,), "x.t()"), ((M,), "x.T"), ((A,), "x.mT"), ((A,), "x.mH"), ((M,), "x.H"),
    ((A,), "x.adjoint()"), (((3, 1),), "x.expand(2, 3, 4)"), (((3, 1),), "x.expand(-1, 4)"), ((S,), "x.expand(2, 2)"),
    (((3, 1),), "lib.broadcast_to(x, (3, 2))"), (((3, 1),), "x.expand_as(lib.zeros(3, 5))"), (((1, 3),), "x.expand(0, 3)"),
    *[((M,), f"x.repeat({a})") for a in ("2, 1", "(1, 3)", "2, 2, 2", "1, 1")], ((S,), "x.repeat(3)"),
    ((O,), "x.repeat(4)"), ((E,), "x.repeat(2, 2)"), *[((M,), f"x.tile({a})") for a in ("2", "(2, 2)", "1, 2, 1")], ((S,), "lib.tile(x, (2,))"),
    *[((M,), f"x.repeat_interleave({a})") for a in ("2", "2, 0", "2, dim=-1", "lib.tensor([1, 0, 2]), 0", "lib.tensor([3]), 1")],
    ((S,), "x.repeat_interleave(2)"), ((V,), "lib.repeat_interleave(x, repeats=lib.tensor([1, 2, 0, 1, 1]), dim=0, output_size=5)"),
    ((M, M), "lib.cat([x, y])"), ((M, M), "lib.cat((x, y, x), dim=-1)"), ((A, (2, 1, 4)), "lib.concat([x, y], axis=1)"),
    ((M, (0,)), "lib.cat([x, y], 1)"), (((0,), M), "lib.concatenate([x, y], 0)"), ((E,), "lib.cat([x, lib.ones(1, 3, dtype=x.dtype)]).T"),
    ((M, M), "lib.stack([x, y])"), ((M, M), "lib.stack((x, y), -1)"), ((S, S), "lib.stack([x, y, x])"), ((V, V), "lib.stack([x, y], dim=1)"),
    *[((s, s), f"lib.{f}([x, y])") for f in ("hstack", "vstack", "dstack", "column_stack") for s in (S, V, M, A)],
    *[((A,), f"x.split({a})[{i}]") for a in ("1", "2, 1", "3, dim=-1", "[1, 3], 2", "[0, 4], 2", "5, 1") for i in (0, -1)],
    *[((A,), f"x.chunk({a})[{i}]") for a in ("2", "2, 1", "3, dim=-1", "9, 2") for i in (0, -1)], ((E,), "x.chunk(3)[2]"),
    *[((A,), f"x.tensor_split({a})[{i}]") for a in ("2, 1", "3, dim=-1", "(1, 3), 2", "(-1,), 2", "lib.tensor([1, 2]), 2", "5, 1", "(3, 1), 2") for i in (0, -1)],
    *[((A,), f"lib.{f}(x, 2)[1]") for f in ("vsplit", "dsplit")], ((M,), "lib.hsplit(x, (1, 2))[1]"), ((A,), "x.unbind()[1]"), ((A,), "lib.unbind(x, -1)[3]"),
    *[((A,), f"x.flip({a})") for a in ("0", "(0, -1)", "dims=(1,)")], ((S,), "x.flip(())"), ((A,), "x.fliplr()"), ((V,), "x.flipud()"),
    *[((M,), f"x.roll({a})") for a in ("1", "-2, 0", "(1, 2), (0, 1)", "5, dims=-1", "(1, 1), (1, 1)")], ((E,), "x.roll(1, 0)"), ((S,), "x.roll(1)"),
    *[((A,), f"x.rot90({a})") for a in ("", "2", "3, (1, 2)", "-1, dims=(0, -1)", "4")],
    *[((s,), f"x.{f}({k})") for f in ("tril", "triu") for k in ("", "1", "-1", "diagonal=9") for s in (A, M, (2, 0))],
    *[((A,), f"x.diagonal({a})") for a in ("", "1", "-1, 0, 2", "offset=2, dim1=-1, dim2=0", "9")],
    *[((s,), f"x.diag_embed({a})") for s in (M, V, O, (0,)) for a in ("", "1", "-2, 0, 1", "offset=1, dim1=-1, dim2=0")],
    *[((s,), f"x.diag({a})") for s in (M, V) for a in ("", "1", "-2", "diagonal=3")], ((A,), "x.diagflat(1)"), ((S,), "lib.diagflat(x)"),
    ((A,), "x.narrow(1, 1, 2)"), ((A,), "lib.narrow(x, -1, -3, 2)"), ((A,), "x.narrow(0, 2, 0)"), ((A,), "x.narrow(2, lib.tensor(1), 2)"),
    ((A,), "x.select(1, -1)"), ((A,), "lib.select(x, dim=2, index=0)"),
    *[((V, (4,)), f"lib.meshgrid(x, y, indexing='{k}')[{i}]") for k in ("ij", "xy") for i in (0, 1)], ((V, S), "lib.meshgrid([x, y, x], indexing='xy')[2]"),
    *[((s,), f"lib.atleast_{n}d(x)") for n in (1, 2, 3) for s in (S, V, M, A)], ((S, V), "lib.atleast_2d(x, y)[1]"),
    ((A,), "x.clone()"), ((A,), "x.transpose(0, 1).contiguous()"), ((A,), "x.contiguous()"), ((O, M), "lib.broadcast_tensors(x, y)[0]"),
    *[((V,), f"x.unfold(0, {a})") for a in ("2, 1", "3, 2", "5, 1", "1, 4", "0, 2")], ((A,), "x.unfold(-1, 2, 2)"), ((A,), "x.unfold(1, 2, 1)"), ((S,), "x.unfold(0, 1, 1)"),
    # ---- picking
    *[((M,), f"x.index_select({d}, idx(lib, {i}))") for d, i in ((0, [2, 0, 2]), (-1, [3]), (1, []), (0, 1))], ((S,), "x.index_select(0, idx(lib, [0]))"),
    ((M,), "lib.index_select(x, dim=0, index=idx(lib, [1], 'int32'))"),
    *[((M,), f"x.gather({d}, idx(lib, {i}))") for d, i in ((0, [[2, 0], [1, 1]]), (1, [[3, 3], [0, 1], [2, 2]]), (-1, [[0]]))], ((M,), "x.gather(0, lib.zeros(0, 4, dtype=lib.int64))"),
    ((S,), "x.gather(0, idx(lib, 0))"), ((V,), "x.gather(0, idx(lib, [4, 4, 0, 1, 2, 3, 3]))"),
    *[((M, s), f"x.scatter({d}, idx(lib, {i}), y)") for s, d, i in (((1, 4), 0, [[2, 0, 1, 1]]), ((3, 2), 1, [[3, 0], [1, 2], [0, 1]]))],
    ((M,), "x.scatter(1, idx(lib, [[3, 3], [0, 1]]), 2.5)"), ((M,), "x.scatter(0, idx(lib, [[0]]), value=-1.0)"), ((S, S), "x.scatter(0, idx(lib, 0), y)"), ((M, (0, 4)), "x.scatter(1, lib.zeros(0, 4, dtype=lib.int64), y)"),
    *[((M, s), f"x.scatter_add({d}, idx(lib, {i}), y)") for s, d, i in (((2, 4), 0, [[2, 0, 2, 1], [2, 2, 2, 2]]), ((3, 2), 1, [[3, 3], [0, 0], [1, 1]]))],
    ((M,), "x.scatter_add(0, idx(lib, [[2, 0]]), lib.ones(3, 4, dtype=x.dtype))"),
    *[((M, (3, 4)), f"x.scatter_reduce(0, idx(lib, [[2, 0, 2, 1], [2, 2, 2, 2], [2, 1, 0, 1]]), y, '{r}', include_self={k})") for r in ("sum", "prod", "mean", "amax", "amin") for k in (True, False)],
    *[((M, (3, 2)), f"x.index_add(1, idx(lib, {i}), y{a})") for i in ([0, 3], [2, 2]) for a in ("", ", alpha=2.5")], ((S, S), "x.index_add(0, idx(lib, [0]), y)"),
    ((M, (3, 2)), "x.index_copy(1, idx(lib, [3, 0]), y)"), ((M,), "x.index_fill(0, idx(lib, [0, -1]), 1.5)"), ((M, S), "x.index_fill(1, idx(lib, [2]), y)"),
    ((M, V), "x.index_put((idx(lib, [0, 1, 2, 0, 1]), idx(lib, [0, 1, 2, 3, 3])), y)"), ((M, (2,)), "x.index_put((idx(lib, [1, 1]), idx(lib, [1, 1])), y, accumulate=True)"),
    ((M, S), "x.index_put((idx(lib, [1, 2]),), y)"), ((M,), "x.masked_select(x > 0)"), ((M,), "lib.masked_select(x, lib.tensor([True, False, True, True]))"), ((S,), "x.masked_select(x < 9)"),
    (((4,),), "x.masked_select(lib.ones(2, 4, dtype=lib.bool))"), ((M, (15,)), "x.masked_scatter(x > 0, y)"), ((M, M), "x.masked_scatter(lib.tensor([True, False, True, False]), y)"),
    ((M,), "x.take(idx(lib, [[0, -1], [5, 5]]))"), ((M,), "lib.take_along_dim(x, idx(lib, [[0], [3], [1]]), dim=1)"), ((M,), "x.take_along_dim(idx(lib, [0, 11, 3]))"), ((M,), "x.take_along_dim(idx(lib, [[2, 1]]).reshape(2, 1), 0)"),
]  # fmt: skip

REFUSED = [
    "x.reshape(5, 5)", "x.reshape(-1, -1)", "x.reshape(-2, 3)", "x.view(7)", "x.transpose(0, 1).view(-1)", "x.expand(2, 3, 4).view(-1, 4)[0].expand(2, 2)",
    "x.flatten(1, 0)", "x.flatten(0, 5)", "x.unflatten(0, (2, 2))", "x.unflatten(0, ())", "x.unflatten(0, (-1, -1))", "x.squeeze(3)", "x.squeeze((0, 0))", "x.unsqueeze(4)",
    "x.transpose(0, 2)", "x.permute(0)", "x.permute(0, 0)", "x.permute(0, 2)", "x.permute(0.5, 1)", "x.movedim((0, 1), 0)", "x.movedim((0, 0), (0, 1))", "lib.zeros(1, 1, 1).t()", "lib.zeros(2).mT", "lib.zeros(2).adjoint()",
    "x.expand(4)", "x.expand(-1, 3, 4)", "x.expand(3, 5)", "x.expand(3, -2)", "x.repeat(2)", "x.repeat(-1, 1)", "x.repeat_interleave(-1)", "x.repeat_interleave(lib.tensor([1, 2]), 0)", "x.repeat_interleave(lib.tensor([1.0]), 0)",
    "lib.cat([])", "lib.cat([x, lib.zeros(2, 3)])", "lib.cat([x, lib.zeros(4)])", "lib.cat([x], 2)", "lib.cat(x)", "lib.cat([x, 1])", "lib.cat([x.sum(), x.sum()])", "lib.stack([])", "lib.stack([x, lib.zeros(3)])", "lib.stack([x], 3)",
    "lib.hstack([])", "lib.vstack([x, lib.zeros(3)])", "x.split(-1)", "x.split(0)", "x.split([1, 1])", "x.split([4, -1])", "x.sum().split(1)", "x.chunk(0)", "x.sum().chunk(1)", "x.tensor_split(0)", "x.sum().tensor_split(1)", "lib.hsplit(x, 3)", "lib.vsplit(lib.zeros(3), 1)", "lib.dsplit(x, 1)",
    "x.unbind(2)", "x.sum().unbind()", "x.flip(2)", "x.flip(0, 0)", "lib.zeros(2).fliplr()", "x.sum().flipud()", "x.roll(1, (0, 1))", "x.roll(())", "x.roll(1, 2)", "x.rot90(1, (0,))", "x.rot90(1, (0, 0))", "x.rot90(1, (0, 2))", "lib.zeros(2).rot90()",
    "lib.zeros(2).tril()", "x.diagonal(0, 0, 0)", "x.diagonal(0, 0, 2)", "lib.zeros(1, 1, 1).diag()", "x.sum().diag()", "x.diag_embed(0, 1, 1)", "x.narrow(0, 2, 2)", "x.narrow(0, 4, 0)", "x.narrow(0, 0, -1)", "x.sum().narrow(0, 0, 0)", "x.select(0, 3)", "x.sum().select(0, 0)", "x.select(2, 0)",
    "lib.meshgrid(x, indexing='ij')", "lib.meshgrid(x[0], indexing='no')", "lib.meshgrid(x[0], lib.arange(3), indexing='ij')", "lib.broadcast_tensors(x, lib.zeros(3))", "x.unfold(0, 4, 1)", "x.unfold(0, 1, 0)", "x.unfold(2, 1, 1)",
    "x.index_select(0, idx(lib, [3]))", "x.index_select(0, idx(lib, [-1]))", "x.index_select(0, idx(lib, [[0]]))", "x.index_select(0, lib.tensor([0.0]))", "x.index_select(2, idx(lib, [0]))", "x.index_select(0, [0])",
    "x.gather(0, idx(lib, [[3]]))", "x.gather(0, idx(lib, [0]))", "x.gather(1, idx(lib, [[0], [0], [0], [0]]))", "x.gather(0, lib.tensor([[0.0]]))", "x.gather(2, idx(lib, [[0]]))",
    "x.scatter(0, idx(lib, [[3]]), x)", "x.scatter(0, idx(lib, [[0]]), x.double())", "x.scatter(0, idx(lib, [[0], [0], [0], [0]]), x)", "x.scatter(0, idx(lib, [[0]]), x, reduce='no')", "x.scatter_reduce(0, idx(lib, [[0]]), x, 'no')", "x.scatter_add(0, idx(lib, [0]), x)",
    "x.index_add(0, idx(lib, [0, 1]), x)", "x.index_add(0, idx(lib, [[0]]), x)", "x.index_add(0, idx(lib, [0, 1, 2]), x.double())", "x.index_copy(0, idx(lib, [0]), x)", "x.index_fill(0, idx(lib, [5]), 1.0)", "x.index_fill(0, idx(lib, [0]), x)", "x.index_put((idx(lib, [0]),), x[0].double())",
    "x.masked_select(x)", "x.masked_select(lib.ones(3, dtype=lib.bool))", "x.masked_scatter(x > -99, x[0])", "x.masked_scatter(x > 0, x.double())", "x.take(idx(lib, [12]))", "x.take(lib.tensor([0.0]))", "lib.take_along_dim(x, idx(lib, [0]), 0)",
    "x[3]", "x[0, 0, 0]", "x[:, 4]", "x[0.5]", "x[lib.tensor([0.5])]", "x[lib.tensor([3])]", "x[lib.tensor([True, False])]", "x.sum()[0]", "x[lib.tensor([0, 1]), lib.tensor([0, 1, 2])]",
]  # fmt: skip


def orders(lib, function, operands, dtype):
    """Return value, gradients, and gradients of a random combination of those; zeros for what is not reached."""
    xs = [lib.tensor(x.astype(dtype)).requires_grad_() for x in operands]
    y = function(*xs)
    g = lib.tensor(arrays(tuple(y.shape), seed=1)[0].astype(dtype)).requires_grad_()
    first = lib.autograd.grad((y * y).sum() / 2 + (y * g).sum(), xs, create_graph=True, allow_unused=True)
    weights = [lib.tensor(a.astype(dtype)) for a in arrays(*(tuple(x.shape) for x in xs), seed=2)]
    total = sum((a * b).sum() for a, b in zip(first, weights, strict=True) if a is not None)
    second = lib.autograd.grad(total, [g, *xs], allow_unused=True)
    found = [x.detach() * 0 if d is None else d.detach() for x, d in zip([*xs, g, *xs], [*first, *second], strict=True)]
    return [a.numpy() for a in (y.detach(), *found)]


def run(line, lib, *xs):
    return eval(line, {"lib": lib, "idx": idx, **dict(zip("xyz", xs, strict=False))})


@pytest.mark.parametrize(("shapes", "line"), CASES, ids=[f"{line} {shapes}" for shapes, line in CASES])
def test_beside_pytorch(torch, shapes, line):
    for dtype in ("float64", "float32"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours, theirs = (
                orders(lib, lambda *xs, lib=lib: run(line, lib, *xs), arrays(*shapes), dtype) for lib in (mg, torch)
            )
        for a, b in zip(ours, theirs, strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            np.testing.assert_allclose(
                a, b, rtol=1e-10 if dtype == "float64" else 2e-4, atol=1e-12 if dtype == "float64" else 1e-5
            )
    for kind in (np.int64, bool):
        xs = [(a > 0) if kind is bool else (a * 9).astype(kind) for a in arrays(*shapes)]
        results = []
        for lib in (mg, torch):
            try:
                y = run(line, lib, *map(lib.tensor, xs))
                results.append((str(y.numpy().dtype), y.tolist()))
            except Exception as error:
                results.append(type(error))
        assert results[0] == results[1]


@pytest.mark.parametrize("line", REFUSED)
def test_refusals_are_pytorchs(torch, line):
    types = []
    for lib in (mg, torch):
        with pytest.raises(Exception) as error:
            run(line, lib, lib.tensor(arrays((3, 4))[0].astype("f")))
        types.append(error.type)
    assert types[0] is types[1], error.value


VIEWS = [line for shapes, line in CASES if shapes == (A,)]


@pytest.mark.parametrize("line", VIEWS)
def test_views_are_where_pytorch_has_views(torch, line):
    changed = []
    for lib in (mg, torch):
        x = lib.tensor(arrays(A)[0])
        y = run(line, lib, x)
        before = x.tolist()
        y.zero_()
        changed.append(before != x.tolist())
    assert changed[0] == changed[1]


def test_items_cannot_be_deleted():
    x = mg.ones(2)
    with pytest.raises(TypeError, match="does not support deleting items"):
        del x[0]
