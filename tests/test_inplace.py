"""The methods with a trailing underscore, beside PyTorch: memory, gradients, refusals."""

import numpy as np
import pytest
from oracle import text

import minigrad as mg
from minigrad import in_place
from minigrad.autograd import gradgradcheck

CALLS = [
    lambda L, x, y: x.abs_(),
    lambda L, x, y: x.add_(2),
    lambda L, x, y: x.add_(y, alpha=3),
    lambda L, x, y: x.sub_(y),
    lambda L, x, y: x.mul_(y),
    lambda L, x, y: x.div_(y),
    lambda L, x, y: x.pow_(2),
    lambda L, x, y: x.clamp_(-0.5, 0.5),
    lambda L, x, y: x.clamp_(min=0),
    lambda L, x, y: x.neg_(),
    lambda L, x, y: x.exp_(),
    lambda L, x, y: x.sqrt_(),
    lambda L, x, y: x.sin_(),
    lambda L, x, y: x.tanh_(),
    lambda L, x, y: x.sigmoid_(),
    lambda L, x, y: x.relu_(),
    lambda L, x, y: x.round_(),
    lambda L, x, y: x.floor_(),
    lambda L, x, y: x.reciprocal_(),
    lambda L, x, y: x.masked_fill_(y > 0, 2),
    lambda L, x, y: x.lerp_(y, 0.3),
    lambda L, x, y: x.addcmul_(y, y, value=2),
    lambda L, x, y: x.addcdiv_(y, y + 9),
    lambda L, x, y: x.copy_(y),
    lambda L, x, y: x.copy_(y[0]),
    lambda L, x, y: x.fill_(3),
    lambda L, x, y: x.zero_(),
    lambda L, x, y: x.fill_(y[0, 0].detach()),
    lambda L, x, y: x.index_add_(0, L.tensor([1, 1]), y[:2]),
    lambda L, x, y: x.index_fill_(1, L.tensor([0]), 5),
    lambda L, x, y: x.index_copy_(0, L.tensor([1]), y[:1]),
    lambda L, x, y: x.scatter_(0, L.tensor([[0, 2, 1, 1]]), y[:1]),
    lambda L, x, y: x.scatter_(1, L.tensor([[0], [1]]), 1.0),
    lambda L, x, y: x.scatter_add_(0, L.tensor([[0, 0, 0, 0], [0, 1, 2, 0]]), y[:2]),
    lambda L, x, y: x.index_put_((L.tensor([0, 1]), L.tensor([0, 1])), y[0, :2]),
    lambda L, x, y: x.masked_scatter_(y > 0, y),
    lambda L, x, y: x.tril_(),
    lambda L, x, y: x.triu_(1),
    lambda L, x, y: x.cumsum_(0),
    lambda L, x, y: x.fill_diagonal_(4),
    lambda L, x, y: x.t_(),
    lambda L, x, y: x.unsqueeze_(0),
    lambda L, x, y: x.squeeze_(),
    lambda L, x, y: x.transpose_(0, 1),
    lambda L, x, y: x.__iadd__(y),
    lambda L, x, y: x.__isub__(1),
    lambda L, x, y: x.__imul__(y),
    lambda L, x, y: x.__itruediv__(2),
    lambda L, x, y: x.__ipow__(2),
    lambda L, x, y: x.floor_divide_(2),
    lambda L, x, y: x.remainder_(0.5),
    lambda L, x, y: x.__imod__(0.3),
    lambda L, x, y: x.__ifloordiv__(0.3),
    lambda L, x, y: x.add_(1, alpha=2),
    lambda L, x, y: x.copy_(y, non_blocking=True),
    # refused
    lambda L, x, y: x.add_(L.ones(2, 3, 4)),
    lambda L, x, y: x.t().add_(y),
    lambda L, x, y: x.copy_(L.ones(5)),
    lambda L, x, y: x.expand(2, 3, 4).add_(1),
    lambda L, x, y: x.fill_(y),
    lambda L, x, y: x.long().add_(1.5),
    lambda L, x, y: x.long().div_(2),
    lambda L, x, y: x.sum().fill_diagonal_(1),
    lambda L, x, y: x.normal_(0, -1),
    lambda L, x, y: x.uniform_(1, 0),
    lambda L, x, y: x.bernoulli_(2),
    lambda L, x, y: x.exponential_(0),
    lambda L, x, y: x.long().normal_(),
    lambda L, x, y: x.random_(5, 5),
]


def run(lib, call, leaf):
    rng = np.random.default_rng(0)
    a, b = (lib.tensor(rng.standard_normal((3, 4)), requires_grad=leaf) for _ in range(2))
    x = a * 1.0 if leaf else a
    result = call(lib, x, b)
    if not leaf:
        return [x.tolist(), result.tolist(), result is x]
    grads = lib.autograd.grad((x * x).sum(), [a, b], allow_unused=True)
    return [x.tolist(), *(0.0 if g is None else g.detach().numpy() for g in grads)]


@pytest.mark.parametrize("leaf", [False, True], ids=["plain", "recorded"])
@pytest.mark.parametrize("call", CALLS, ids=text)
def test_beside_pytorch(torch, call, leaf):
    line = text(call)
    if leaf and "transpose" not in line and any(part in line for part in (".t_()", "squeeze_")):
        pytest.skip("shapes of recorded tensors are changed by the methods without underscore")
    if leaf and "transpose_" in line:
        pytest.skip("as above")
    if leaf and any(part in line for part in ("mod", "floordiv", "remainder", "floor_divide")):
        pytest.skip("their gradients are tested with the functions")
    results = []
    for lib in (mg, torch):
        try:
            results.append(run(lib, call, leaf))
        except Exception as error:
            results.append(type(error))
    if isinstance(results[0], type) or isinstance(results[1], type):
        assert results[0] is results[1]
        return
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(*np.broadcast_arrays(np.asarray(a, float), b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "line", ["x.add_(1)", "x.zero_()", "x.normal_()", "x[0] = 1", "x.t_()", "x.fill_(1)", "x.copy_(x)"]
)
def test_leaves_that_ask_for_gradients_are_refused(torch, line):
    for lib in (mg, torch):
        x = lib.ones(2, 2, requires_grad=True)
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            exec(line, {"x": x})
    with mg.no_grad():
        x = mg.ones(2, 2, requires_grad=True)
        exec(line.replace("x.t_()", "0"), {"x": x})


def test_a_saved_value_written_later_is_named():
    x = mg.ones(2, requires_grad=True)
    y = x.exp()
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="result of exp.*overwritten by zero_"):
        y.sum().backward()


def test_a_copy_shares_no_memory_and_no_grad_writes_through():
    p, q = mg.zeros(2, requires_grad=True), mg.ones(2, requires_grad=True)
    seen = p.detach()
    with mg.no_grad():
        p.copy_(q)
        p += q
    assert p.is_leaf and seen.tolist() == [2, 2] and q.tolist() == [1, 1]
    y = p * 1
    y.copy_(q)
    assert not np.may_share_memory(y.detach().numpy(), q.detach().numpy())


@pytest.mark.parametrize("dtype", ["int64", "float32"])
@pytest.mark.parametrize("operator", ["+=", "-=", "*=", "/=", "//=", "%=", "**=", "&=", "|=", "^="])
def test_every_assignment_operator_is_pytorchs(torch, operator, dtype):
    results = []
    for lib in (mg, torch):
        x = before = lib.tensor([3, 1, 2]).to(getattr(lib, dtype))
        names = {"x": x, "y": lib.tensor([1, 1, 2]).to(getattr(lib, dtype))}
        try:
            exec(f"x {operator} y", names)
            results.append((names["x"].tolist(), names["x"] is before))
        except Exception as error:
            results.append(type(error))
    assert results[0] == results[1]


@pytest.mark.parametrize("line", ["x <<= 2", "x >>= 1", "x <<= y", "x &= 3", "x += 1.5"])
def test_integers_in_place_are_seen_through_views(torch, line):
    found = []
    for lib in (mg, torch):
        names = {"x": lib.tensor([5, 12, 7]), "y": lib.tensor([3, 10, 1])}
        seen = names["x"].view(3)
        try:
            exec(line, names)
            found.append((names["x"].tolist(), seen.tolist()))
        except RuntimeError as error:
            found.append(type(error))
    assert found[0] == found[1]


@pytest.mark.parametrize("write", [lambda x, w: x.copy_(w), lambda x, w: x.fill_(2), lambda x, w: x.zero_()], ids=text)
def test_what_was_overwritten_whole_has_a_gradient_of_zeros(torch, write):
    for lib in (mg, torch):
        leaf, w = lib.ones(3, requires_grad=True), lib.ones(3, requires_grad=True)
        x = leaf * 2
        write(x, w)
        assert lib.autograd.grad(x.sum(), leaf)[0].tolist() == [0, 0, 0]
        if "w" in text(write):
            assert lib.autograd.grad((x * x).sum(), w)[0].tolist() == [2, 2, 2]


@pytest.mark.parametrize("line", ["x[0] = 1", "x.view(4).add_(1)", "x[0:1].mul_(2)", "x.T.zero_()"])
def test_a_view_of_a_leaf_is_refused_in_pytorchs_words(torch, line):
    for lib in (mg, torch):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad is being used in an in-place"):
            exec(line, {"x": lib.ones(2, 2, requires_grad=True)})


def test_writes_are_counted_through_views():
    x = mg.ones(4)
    counts = [x._version]
    for write in (lambda: x.add_(1), lambda: x[1:].mul_(2), lambda: x.view(2, 2).zero_(), lambda: x.detach().fill_(3)):
        write()
        counts.append(x._version)
    assert counts == [0, 1, 2, 3, 4] and x[2:]._version == 4 and x.clone()._version == 0


@pytest.mark.parametrize("line", ["x.mul_(3)", "x[0] = 0", "x += 1"])
def test_retain_grad_follows_the_tensor(torch, line):
    found = []
    for lib in (mg, torch):
        leaf = lib.tensor([1.0, 2.0], requires_grad=True)
        x = leaf * 2
        x.retain_grad()
        exec(line, {"x": x})
        (x * x).sum().backward()
        found.append((x.grad.tolist(), x.retains_grad, leaf.grad.tolist()))
    assert found[0] == found[1]


def test_an_index_out_of_range_is_named_as_pytorch_names_it(torch):
    for lib in (mg, torch):
        for asks in (False, True):
            x = lib.zeros(2, 3)
            with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 0 with size 2"):
                x[5] = lib.ones(3, requires_grad=asks)


# ---- memory that several tensors look at ----------------------------------------------------------
SHARED = [
    "x[0] += v",
    "x[:, 1] *= v",
    "x[0][1] = v",
    "x.T[0] = v",
    "x[1:].mul_(v)",
    "x.view(-1)[2:5] = v * v",
    "x.view(-1).view(1, 4).t()[1] *= v; x[0] += x[1]",
    "r = x[0]; x *= v; x[1] += r",
    "r = x[0]; r *= v; x[1] += r",
    "r, s = x[0], x[:, 1]; r *= v; s += r.sum(); r -= s.mean()",
    "r = x.detach(); x *= v; x[0] += r[1]",
    "r = x[0]; s = r[1:]; s += v; r.mul_(2)",
    "x.diagonal().mul_(v)",
    "x.unsqueeze(0).squeeze().transpose(0, 1)[1].add_(v)",
    "x.t_(); x[0] *= v",
    "r = x[0]; x.t_(); x[0] *= v; r += 1",
    "r = x[0]; x.unsqueeze_(0); x[0, 0, 0] = v; r *= r",
    "r = x[0]; r.zero_(); x[1] *= v",
    "r = x[0]; r.copy_(v.expand(2)); r.sigmoid_()",
    "r = x[0]; r[lib.tensor([1, 0])] = x[1] * v",
    "r = x[0]; r[r > 0.5] = v",
    "for row in [x[i] for i in range(2)]: row *= v",
    "r = x.flip(0); r[0] = v; x += r",
    "x.expand(2, 2)[0] *= v",
    "x[1:].add_(v)",
]


REFUSED_THERE = ("a leaf Variable", "modified by an inplace operation")  # by PyTorch, of some of these


def shared_writes(lib, lines, recorded, v, w):
    x = w * 1 if recorded else lib.ones(2, 2, dtype=lib.float64)
    names = {"lib": lib, "x": x, "v": v}
    exec(lines, names)
    return [names[name] for name in "xrs" if name in names]


@pytest.mark.parametrize("recorded", [False, True], ids=["plain", "recorded"])
@pytest.mark.parametrize("lines", SHARED)
def test_a_recorded_write_reaches_all_who_look(torch, lines, recorded):
    results = []
    for lib in (mg, torch):
        w = lib.tensor([[1.5, -0.5], [2.0, 1.0]], dtype=lib.float64, requires_grad=True)
        v = lib.tensor(3.0, dtype=lib.float64, requires_grad=True)
        try:
            seen = shared_writes(lib, lines, recorded, v, w)
            loss = sum((y * y * y).sum() for y in seen)
            grads = lib.autograd.grad(loss, [v, w], allow_unused=True)
        except RuntimeError as error:
            assert lib is torch and any(words in str(error) for words in REFUSED_THERE)
            continue
        values = [y.detach().numpy() for y in seen]
        values += [0.0 if g is None else g.numpy() for g in grads]
        results.append([*values, np.array([y.requires_grad for y in seen])])
    for a, b in zip(results[0], results[-1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    if "detach" in lines:  # what it leaves out of the graph, differences see
        return
    loss = lambda v, w: sum((y**3).sum() for y in shared_writes(mg, lines, recorded, v, w))
    operands = [mg.tensor(x, dtype=mg.float64, requires_grad=True) for x in (1.1, [[1.5, -0.5], [2.0, 1.0]])]
    if recorded:
        assert gradgradcheck(loss, operands)
    else:
        assert gradgradcheck(lambda v: loss(v, None), operands[:1])


def test_arrays_on_the_memory_see_a_recorded_write():
    v = mg.tensor(3.0, requires_grad=True)
    array = np.zeros((2, 2), np.float32)
    x = mg.from_numpy(array)
    seen = x.numpy()
    x[0] = v
    x[1] += x[0]
    x *= v
    assert array.tolist() == seen.tolist() == x.tolist() == [[9, 9], [9, 9]]


def test_what_nobody_else_looks_at_leaves_saved_values_alone():
    x = mg.tensor([0.0, 1.0], requires_grad=True)
    y = x.exp()
    before = y.sum()
    y += 1
    before.backward()
    np.testing.assert_allclose(x.grad, np.exp([0, 1]), rtol=1e-6)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x.data[0] = 0", None),
        ("x[1:].data.zero_()", "overwritten by zero_"),
        ("x.data[1, 0] = 0", "overwritten by x"),
        ("x.data[:, 0] = 0", "overwritten by x"),
        ("x.T.data[0, :1] = 0", None),
        ("y.data.zero_()", None),
    ],
)
def test_only_a_write_to_what_backward_reads_is_an_error(line, words):
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x[1] * x[1]
    z = y + 1
    exec(line, {"x": x, "y": y})
    if words is None:
        z.sum().backward()
        assert x.grad.tolist() == [[0, 0], [6, 8]]
    else:
        with pytest.raises(RuntimeError, match=words):
            z.sum().backward()


OVERWRITTEN = {  # what is looked up, by what; the index, mask or classes are overwritten before backward
    "sort": lambda L, x, i, m: x.sort(1),
    "topk": lambda L, x, i, m: x.topk(2, 1),
    "kthvalue": lambda L, x, i, m: x.kthvalue(2, 1),
    "median": lambda L, x, i, m: x.median(1),
    "max": lambda L, x, i, m: x.max(1),
    "cummin": lambda L, x, i, m: x.cummin(1),
    "x[i]": lambda L, x, i, m: (x[i], i),
    "x[1, i]": lambda L, x, i, m: (x[1, i], i),
    "x[i, i]": lambda L, x, i, m: (x[i, i], i),
    "x[m]": lambda L, x, i, m: (x[m], m),
    "index_select": lambda L, x, i, m: (x.index_select(1, i), i),
    "take": lambda L, x, i, m: (x.take(i), i),
    "gather": lambda L, x, i, m: (x.gather(1, i[None]), i),
    "scatter": lambda L, x, i, m: (x.scatter(1, i[None], x * 2), i),
    "scatter_add": lambda L, x, i, m: (x.scatter_add(1, i[None], x * 2), i),
    "scatter_reduce": lambda L, x, i, m: (x.scatter_reduce(1, i[None], x * 2, "amax"), i),
    "index_add": lambda L, x, i, m: (x.index_add(0, i, x[:2]), i),
    "index_copy": lambda L, x, i, m: (x.index_copy(0, i, x[:2]), i),
    "index_fill": lambda L, x, i, m: (x.index_fill(0, i, 1.0), i),
    "index_put": lambda L, x, i, m: (x.index_put((i,), x[:2]), i),
    "masked_select": lambda L, x, i, m: (x.masked_select(m), m),
    "masked_fill": lambda L, x, i, m: (x.masked_fill(m, 0.0), m),
    "where": lambda L, x, i, m: (L.where(m, x, x * 2), m),
    "nll_loss": lambda L, x, i, m: (L.nn.functional.nll_loss(x[:2], i), i),
    "cross_entropy": lambda L, x, i, m: (L.nn.functional.cross_entropy(x[:2], i), i),
}


@pytest.mark.parametrize("name", OVERWRITTEN)
def test_what_was_looked_up_by_an_overwritten_index_is_an_error(torch, name):
    for lib in (mg, torch):
        x = (lib.arange(12.0).reshape(3, 4) * 1.7 % 5).requires_grad_()
        index, mask = lib.tensor([0, 2]), lib.arange(12).reshape(3, 4) % 2 == 0
        values, written = OVERWRITTEN[name](lib, x, index, mask)
        written.copy_(written.roll(1, 0))
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            values.sum().backward()


@pytest.mark.parametrize(
    "line", ["t_()", "transpose_(0, 1)", "unsqueeze_(0)", "squeeze_()", "swapaxes_(0, 1)", "swapdims_(0, 1)"]
)
@pytest.mark.parametrize("recorded", [False, True], ids=["leaf", "recorded"])
def test_shapes_changed_under_no_grad_stay_in_the_graph(line, recorded):
    p = mg.ones(2, 1, requires_grad=True)
    x = p * 2 if recorded else p
    with mg.no_grad():
        exec(f"x.{line}", {"x": x})
    assert x.requires_grad and x.is_leaf != recorded
    (x * x).sum().backward()
    assert p.grad.flatten().tolist() == ([8, 8] if recorded else [2, 2])


def test_writes_that_the_graph_could_not_follow_are_refused():
    x = mg.ones(2, requires_grad=True) * 1
    with mg.no_grad():
        view = x[:1]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        view.mul_(x[1])
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        x[:1].detach_()


OWN = {
    "max": lambda x: x.max(1)[0],
    "median": lambda x: x.median(1)[0],
    "kthvalue": lambda x: x.kthvalue(1, 1)[0],
    "max of one number": lambda x: x[0, 0].max(0)[0],
    "cumsum of one number": lambda x: x[0, 0].cumsum(0),
    "gather of one number": lambda x: x[0, 0].gather(0, mg.tensor(0)),
    "repeat": lambda x: x[0, 0].repeat(2),
    "sort of turned memory": lambda x: x.T.sort(0)[0],
    "kron": lambda x: mg.kron(x, x),
}


@pytest.mark.parametrize("name", OWN)
def test_results_are_no_views_of_what_nobody_holds(name):
    result = OWN[name](mg.arange(6.0).reshape(2, 3).requires_grad_() * 1)
    view = result[...]
    result.mul_(2)
    assert mg.autograd.grad(view.sum(), result)[0].tolist() == mg.ones(result.shape).tolist()
    assert result.detach_() is result


def test_a_squeeze_of_nothing_is_a_view():
    y = mg.ones(3, requires_grad=True) * 1
    view = y.squeeze()
    y.mul_(3)
    assert view.tolist() == [3, 3, 3]
    assert mg.autograd.grad(view.sum(), y)[0].tolist() == [1, 1, 1]


REFUSED_DRAWS = {
    "a leaf": lambda: mg.ones(2, requires_grad=True),
    "a view of a leaf": lambda: mg.ones(2, requires_grad=True)[:1],
    "repeated memory": lambda: mg.ones(1).expand(2),
}


@pytest.mark.parametrize("name", REFUSED_DRAWS)
@pytest.mark.parametrize(
    "fill", [mg.Tensor.normal_, mg.Tensor.uniform_, lambda x: mg.nn.functional.dropout(x, inplace=True)]
)
def test_a_refused_write_has_drawn_no_random_numbers(name, fill):
    mg.manual_seed(0)
    before = mg.get_rng_state()
    with pytest.raises(RuntimeError, match="in-place operation|single memory location"):
        fill(REFUSED_DRAWS[name]())
    assert (mg.get_rng_state() == before).all()


def test_a_recorded_write_keeps_the_layout_and_the_retained_gradient():
    x = mg.ones(2, 3).T.requires_grad_() * 1
    x.lerp_(mg.zeros(3, 2), 0.5)
    assert x.stride() == (1, 3)
    y = mg.ones(2, requires_grad=True) * 1
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    y += 1
    assert y.grad.tolist() == [1, 1]


def test_a_write_to_nothing_changes_nothing():
    x = mg.ones(0, 2, requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    y.view(-1).mul_(2)
    assert mg.autograd.grad(z, x)[0].shape == (0, 2)


def test_a_maximum_that_was_overwritten_is_found_again(torch):
    for lib in (mg, torch):
        x = lib.arange(16.0).flip(0).reshape(1, 1, 4, 4).requires_grad_()
        y = lib.nn.functional.max_pool2d(x * 1, 2)
        y += 1
        y.flatten(1).mul_(2)
        (g,) = lib.autograd.grad((y**2).sum(), x, create_graph=True)
        (second,) = lib.autograd.grad(g.sum(), x)
        assert g.flatten().nonzero().flatten().tolist() == [0, 2, 8, 10] and g.sum().item() == 352
        assert second.flatten()[0].item() == 8


RESULTS = {  # what keeps its result for backward here, and not in PyTorch
    "InstanceNorm1d": (lambda nn: nn.InstanceNorm1d(4), (2, 4, 5)),
    "InstanceNorm2d": (lambda nn: nn.InstanceNorm2d(4), (2, 4, 3, 3)),
    "GroupNorm": (lambda nn: nn.GroupNorm(2, 4, affine=False), (2, 4, 3)),
    "LayerNorm": (lambda nn: nn.LayerNorm(5, elementwise_affine=False), (2, 5)),
    "RMSNorm": (lambda nn: nn.RMSNorm(5, elementwise_affine=False), (2, 5)),
    "BatchNorm2d": (lambda nn: nn.BatchNorm2d(4, affine=False), (2, 4, 3, 3)),
    "LocalResponseNorm": (lambda nn: nn.LocalResponseNorm(2), (2, 4, 3, 3)),
    "a quotient": (lambda nn: lambda x: 1 / (1 + x * x), (2, 4)),
    "RNN": (lambda nn: nn.RNN(5, 4), (3, 2, 5)),
    "GRU": (lambda nn: nn.GRU(5, 4, num_layers=2), (3, 2, 5)),
}
WRITES = {
    "relu_": lambda lib, y: lib.relu_(y), "+=": lambda lib, y: y.add_(1),
    "*= itself": lambda lib, y: y.mul_(y.detach() * 2 + 1), "in part": lambda lib, y: (y[0].zero_(), y)[1],
}  # fmt: skip


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("name", RESULTS)
def test_a_result_that_pytorch_does_not_keep_may_be_overwritten(torch, name, write):
    made, shape = RESULTS[name]
    grads = []
    for lib in (torch, mg):
        layer = made(lib.nn)
        for p in layer.parameters() if isinstance(layer, lib.nn.Module) else ():
            p.data.fill_(0.3)
        x = lib.sin(lib.arange(float(np.prod(shape)))).reshape(shape).requires_grad_()
        y = layer(x * 1)
        y = WRITES[write](lib, y[0] if isinstance(y, tuple) else y)
        (g,) = lib.autograd.grad((y * y * y).sum(), x, create_graph=True)
        (second,) = lib.autograd.grad((g * g).sum(), x)
        grads.append((g.detach().numpy(), second.numpy()))
    for theirs, ours in zip(*grads, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * max(1, np.abs(theirs).max()))


def test_a_maximum_whose_operand_was_overwritten_too_is_an_error():
    x = mg.arange(16.0).reshape(1, 1, 4, 4).requires_grad_()
    kept = x * 1
    y = mg.nn.functional.max_pool2d(kept, 2)
    y += 1
    kept.detach().zero_()
    with pytest.raises(RuntimeError, match="operand 0"):
        y.sum().backward()


IN_PLACE = sorted(name for name in in_place.__all__)
MORE = {
    "addmv_": lambda lib: (lib.ones(3, 2), lib.ones(2)), "clamp_": lambda lib: (0.3, 0.6), "clamp_max_": lambda lib: (0.5,),
    "clamp_min_": lambda lib: (0.5,), "clip_": lambda lib: (0.3,), "fill_": lambda lib: (2.0,),
    "gcd_": lambda lib: (lib.tensor([4, 6, 9]),), "index_put_": lambda lib: ((lib.tensor([1]),), lib.tensor([9.0])),
    "lcm_": lambda lib: (lib.tensor([4, 6, 9]),), "ldexp_": lambda lib: (lib.tensor([1, 2, 3]),),
    "resize_as_": lambda lib: (lib.zeros(3),), "xlogy_": lambda lib: (lib.ones(3) * 2,),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_functions_with_an_underscore_write_into_their_tensor(torch, name):
    found = []
    for lib in (mg, torch):
        x = lib.tensor([6, 8, 3]) if name in ("gcd_", "lcm_") else lib.tensor([0.25, 0.5, 0.75])
        x = x + 1 if name in ("acosh_", "arccosh_") else x
        result = getattr(lib, name)(x, *MORE.get(name, lambda lib: ())(lib))
        assert result is x
        found.append(x.tolist())
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_functions_with_an_underscore_take_tensors_only_and_are_recorded(torch):
    for lib in (mg, torch):
        with pytest.raises(TypeError, match="must be Tensor, not float"):
            lib.exp_(1.0)
        x = lib.tensor([1.0], requires_grad=True)
        y = lib.sin_(x * 2)
        y.backward()
        assert x.grad.item() == pytest.approx(2 * np.cos(2.0), rel=1e-6)
        with pytest.raises(RuntimeError, match="leaf Variable"):
            lib.zero_(x)
