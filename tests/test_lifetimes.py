"""Depth 100,000 with little stack, and that reference counting alone frees what is dropped."""

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg

DEPTH = 100_000


def with_little_stack(function):
    """Run in a thread of 512 KiB, which recursion once a node would overflow at a few thousand."""
    failures = []

    def run():
        try:
            function()
        except BaseException as error:  # handed to the test's own thread
            failures.append(error)

    before = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    if failures:
        raise failures.pop()


def chain(x, depth=DEPTH):
    y = x
    for _ in range(depth):
        y = y * 1.0
    return y


def leaf(*shape):
    return mg.ones(*shape, dtype=mg.float64, requires_grad=True)


def test_deep_build_sweep_and_free():
    def run():
        x = leaf()
        y = chain(x)
        node = weakref.ref(y._node)
        (g,) = mg.autograd.grad(y, x, retain_graph=True)
        assert g.item() == 1
        y.backward()
        assert x.grad.item() == 1
        del y
        assert node() is None

    with_little_stack(run)


def test_deep_second_order():
    def run():
        x = leaf()
        y = chain(x, DEPTH // 2)
        (g,) = mg.autograd.grad(y * y, x, create_graph=True)
        (h,) = mg.autograd.grad(g, x)
        assert h.item() == 2
        node = weakref.ref(g._node)
        del y, g
        assert node() is None

    with_little_stack(run)


def test_deep_draw():
    def run():
        x = leaf()
        picture = mg.viz.graph(chain(x), {"x": x})
        assert 0 < len(picture.nodes) <= 500

    with_little_stack(run)


def test_deep_copies():
    def run():
        x = leaf()
        y = chain(x)
        assert copy.copy(y)._node is y._node
        z = copy.copy(x)
        z.backward()
        assert copy.deepcopy([x, {"x": x}])[0].grad.item() == 1
        assert copy.deepcopy(y.detach()).item() == 1
        with pytest.raises(RuntimeError, match="deepcopy"):
            copy.deepcopy(y)

    with_little_stack(run)


def test_deep_pickles_hold_no_graph():
    def run():
        y = chain(leaf())
        back = pickle.loads(pickle.dumps(y))
        assert back.is_leaf and back.requires_grad and back.item() == 1
        assert not pickle.loads(pickle.dumps(y.detach())).requires_grad
        weight = mg.nn.Parameter(mg.ones(2))
        weight.register_hook(lambda g: g)
        copied = pickle.loads(pickle.dumps(weight))
        assert type(copied) is mg.nn.Parameter and copied.requires_grad and copied.tolist() == [1, 1]

    with_little_stack(run)


def test_deepcopy_keeps_what_is_shared_and_shares_no_memory():
    x = leaf(2)
    (x * 3).sum().backward()
    a, b = copy.deepcopy([x, x])
    assert a is b and a.requires_grad and a.is_leaf
    assert not np.shares_memory(a._data, x._data) and not np.shares_memory(a.grad._data, x.grad._data)


VIEWS = {
    "row": lambda x: x[1], "column": lambda x: x[:, 1], "steps": lambda x: x[::2, 1:], "transposed": lambda x: x.t(),
    "itself": lambda x: x, "handle": lambda x: x.detach(), "shape": lambda x: x.view(4, 3), "number": lambda x: x[2, 2],
    "view of a view": lambda x: x.t()[1:3][1], "stretched": lambda x: x[0].expand(2, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("first", [False, True])
def test_deepcopy_keeps_views_like_pytorch(torch, name, first):
    seen = []
    for lib in (mg, torch):
        x = lib.arange(12.0).reshape(3, 4).clone()
        pair = [x, VIEWS[name](x)]
        pair = copy.deepcopy(pair[::-1])[::-1] if first else copy.deepcopy(pair)
        for row, value in ((1, 50.0), (2, 70.0), (0, 90.0)):
            pair[0][row, 1:] = value
        seen.append([x.tolist(), *(part.tolist() for part in pair), pair[1].stride()])
    assert seen[0] == seen[1]


def test_deepcopy_of_an_array_beside_its_tensor_shares_memory_like_pytorch(torch):
    for order in (1, -1):
        array = np.zeros((2, 3))
        pair = [array, mg.from_numpy(array)][::order]
        a, b = copy.deepcopy(pair)[::order]
        a[0, 0] = 1
        assert b[0, 0].item() == 1 and array[0, 0] == 0


def test_deepcopy_of_parameters_like_pytorch(torch):
    seen = []
    for lib in (mg, torch):
        net = lib.nn.Sequential(lib.nn.Linear(2, 1), lib.nn.BatchNorm1d(1))
        net(lib.ones(3, 2)).sum().backward()
        p = net[0].weight
        plain = lib.ones(2, requires_grad=True)
        (plain * 3).sum().backward()
        twin, (q, data), leaf = copy.deepcopy(net), copy.deepcopy([p, p.data]), copy.deepcopy(plain)
        with lib.no_grad():
            q.fill_(7.0)
        facts = [x.grad is None for x in (*twin.parameters(), q)], [x.grad is None for x in net.parameters()]
        seen.append([*facts, data[0, 0].item() == 7, leaf.grad.tolist(), type(q).__name__, q.requires_grad])
        frozen = copy.deepcopy(lib.nn.Parameter(lib.ones(1), requires_grad=False))
        assert not frozen.requires_grad
    assert seen[0] == seen[1]


def test_deepcopy_takes_attributes_along():
    p = mg.nn.Parameter(mg.ones(1))
    p.groups = ["decay"]
    q = copy.deepcopy(p)
    assert q.groups == ["decay"] and q.groups is not p.groups


# ---- no cycles ------------------------------------------------------------------------------------
def wrong_shapes(x):
    return x.exp() + mg.ones(7)


def not_scalar(x):
    x.exp().backward()


def wrong_gradient(x):
    x.exp().backward(mg.ones(5))


def used_up(x):
    y = x.exp().sum()
    y.backward()
    y.backward()


def hook_fails(x):
    y = x.exp()
    y.register_hook(lambda g: 1 / 0)
    y.sum().backward()


def rule_fails(x):
    mg.linalg.qr(x.expand(3, 2) * 1.0, mode="complete").Q.sum().backward()


def written_after(x):
    y = x * 1.0
    z = y.exp() * y
    y.data.numpy()  # a look is no harm
    with mg.no_grad():
        y.detach().zero_()
    z.sum().backward()


def singular(x):
    mg.linalg.inv(x.expand(2, 2) * 1.0)


def index_out_of_range(x):
    return x.exp()[5]


def no_numpy_rule(x):
    return np.gradient(x.exp())


def out_is_refused(x):
    return np.add(x.exp(), 1, out=np.zeros(2))


def lost_to_numpy(x):
    return np.asarray(x.exp())


def einsum_fails(x):
    return mg.einsum("ij,jk", x.exp(), x)


class Fails(mg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, x * 2)
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g + ctx.saved_tensors[1] + KeyError


def function_fails(x):
    Fails.apply(x.exp()).sum().backward()


def hook_after_accumulation_fails(x):
    x.register_post_accumulate_grad_hook(lambda p: 1 / 0)
    x.exp().sum().backward()


def module_hook_fails(x):
    layer = mg.nn.Linear(2, 2).double()
    layer.register_full_backward_hook(lambda *_: 1 / 0)
    layer(x).sum().backward()


def checkpoint_fails_the_second_time(x):
    runs = []

    def function(x):
        runs.append(x.shape)
        return x.exp() if len(runs) == 1 else x.exp() + KeyError

    mg.utils.checkpoint.checkpoint(function, x, use_reentrant=False).sum().backward()


def anomaly_is_found(x):
    with mg.autograd.set_detect_anomaly(True):
        (x * float("nan")).sum().backward()


def own_gradient(x):
    x.grad = x


def inner_exception_in_no_grad(x):
    with mg.no_grad():
        raise KeyError(str(x.exp()))


FAILING = [
    wrong_shapes, not_scalar, wrong_gradient, used_up, hook_fails, rule_fails, written_after, singular,
    index_out_of_range, no_numpy_rule, out_is_refused, lost_to_numpy, einsum_fails, function_fails, hook_after_accumulation_fails, module_hook_fails,
    checkpoint_fails_the_second_time, anomaly_is_found, own_gradient, inner_exception_in_no_grad,
]  # fmt: skip


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("fail", FAILING, ids=lambda f: f.__name__)
def test_an_exception_leaves_no_cycle(no_collector, fail):
    def run():
        x = leaf(2)
        watched = weakref.ref(x), weakref.ref(x._node)
        try:
            fail(x)
        except Exception as error:
            message = str(error)
        return watched, message

    run()  # the first time, what is made once (caches, lazy imports) is made
    gc.collect()
    watched, message = run()
    assert message
    assert [w() for w in watched] == [None, None]
    assert gc.collect() == 0


def hooks_that_answer(x):
    y = x.exp()
    y.register_hook(lambda g: g * 2)
    y.sum().backward()


def hook_removed(x):
    handle = x.register_hook(lambda g: g)
    x.exp().sum().backward()
    handle.remove()


def hook_that_keeps_the_gradient(x):
    kept = []
    x.register_hook(kept.append)
    x.exp().sum().backward()
    assert kept[0].tolist() == x.grad.tolist()


def retained(x):
    y = x.exp()
    y.retain_grad()
    y.sum().backward()


def hook_handle_outlives_the_tensor(x):
    y = x.exp()
    handle = y.register_hook(lambda g: None)
    del y
    handle.remove()


@pytest.mark.parametrize(
    "use",
    [hooks_that_answer, hook_removed, hook_that_keeps_the_gradient, retained, hook_handle_outlives_the_tensor],
    ids=lambda f: f.__name__,
)
def test_hooks_leave_no_cycle(no_collector, use):
    def run():
        x = leaf(2)
        use(x)
        return weakref.ref(x), weakref.ref(x._node)

    run()
    gc.collect()
    assert [w() for w in run()] == [None, None]
    assert gc.collect() == 0
