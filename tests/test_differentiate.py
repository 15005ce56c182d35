"""autograd.grad and backward, hooks, retain_grad, inference mode: beside PyTorch, errors too."""

import gc
import threading
import warnings
import weakref

import numpy as np
import pytest
from oracle import text

import minigrad as mg


def setting(lib):
    """Return tensors that the cases below work on, in either library."""

    class S:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        other = lib.tensor([3.0, 4.0], requires_grad=True)
        plain = lib.tensor([1.0, 1.0])
        y = (x * x).sum()

    S.lib, S.grad, S.backward = lib, lib.autograd.grad, lib.autograd.backward
    return S


def hooked(s, answer):
    s.x.register_hook(lambda g: answer)
    (s.x * 2).sum().backward()


ERRORS = {
    "grad: asks nothing": lambda s: s.grad(s.y, s.plain),
    "grad: no inputs": lambda s: s.grad(s.y, []),
    "grad: cotangents": lambda s: s.grad([s.y, s.y], s.x, [None]),
    "grad: contradiction": lambda s: s.grad(s.y, s.x, allow_unused=False, materialize_grads=True),
    "grad: not a scalar": lambda s: s.grad(s.x * s.x, s.x),
    "grad: shape": lambda s: s.grad(s.y, s.x, s.lib.ones(2)),
    "grad: nothing recorded": lambda s: s.grad(s.plain.sum(), s.x),
    "grad: second output not recorded": lambda s: s.grad([s.y, s.plain.sum()], s.x),
    "grad: unused": lambda s: s.grad(s.y, s.other),
    "grad: no tensor": lambda s: s.grad(s.y, 3),
    "grad: no tensor among them": lambda s: s.grad(s.y, [s.x, 3]),
    "grad: None among them": lambda s: s.grad(s.y, [s.x, None]),
    "grad: a number as cotangent": lambda s: s.grad(s.y, s.x, [1.0]),
    "backward: no inputs": lambda s: s.backward(s.y, inputs=[]),
    "backward: method, no inputs": lambda s: s.y.backward(inputs=[]),
    "backward: gradients": lambda s: s.backward([s.y, s.y], [None]),
    "backward: not recorded": lambda s: s.backward(s.plain),
    "backward: shape": lambda s: s.backward(s.y, s.lib.ones(2)),
    "backward: numbers as cotangent": lambda s: (s.x * 2).backward([1.0, 2.0]),
    "data: a number": lambda s: setattr(s.x, "data", 3.0),
    "data: None": lambda s: setattr(s.x, "data", None),
    "data: integers": lambda s: setattr(s.x, "data", s.lib.tensor([1, 2])),
    "grad: set to a number": lambda s: setattr(s.x, "grad", 3),
    "grad: set to another shape": lambda s: setattr(s.x, "grad", s.lib.ones(3)),
    "grad: set to another dtype": lambda s: setattr(s.x, "grad", s.lib.ones(2).double()),
    "grad: set to integers": lambda s: setattr(s.x, "grad", s.lib.tensor([1, 2])),
    "grad: set to itself": lambda s: setattr(s.x, "grad", s.x),
    "post hook: answers": lambda s: (
        s.x.register_post_accumulate_grad_hook(lambda p: p.grad),
        (s.x * 2).sum().backward(),
    ),
    "hook: asks nothing": lambda s: s.plain.register_hook(print),
    "hook: answers a number": lambda s: hooked(s, 3),
    "hook: answers another shape": lambda s: hooked(s, s.lib.ones(3)),
    "hook: answers another dtype": lambda s: hooked(s, s.lib.ones(2).double()),
    "post hook: asks nothing": lambda s: s.plain.register_post_accumulate_grad_hook(print),
    "post hook: no leaf": lambda s: (s.x * 2).register_post_accumulate_grad_hook(print),
    "retain_grad: asks nothing": lambda s: s.plain.retain_grad(),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_have_pytorchs_type_and_opening(torch, name):
    found = []
    for lib in (mg, torch):
        with pytest.raises(Exception) as caught:
            ERRORS[name](setting(lib))
        found.append((caught.type, " ".join(str(caught.value).split()[:5])))
    assert found[0] == found[1]


def values(result):
    if isinstance(result, dict):
        return {key: values(v) for key, v in result.items()}
    if isinstance(result, (tuple, list)):
        return [values(v) for v in result]
    return result.tolist() if hasattr(result, "tolist") else result


RESULTS = {
    "tuple": lambda s: s.grad(s.y, s.x),
    "batched": lambda s: s.grad(s.x * s.x, [s.x, s.other], s.lib.eye(2), allow_unused=True, is_grads_batched=True),
    "batched, recorded": lambda s: s.grad(
        s.grad(s.x * s.x * s.x, s.x, s.lib.eye(2), None, True, True, None, True)[0].sum(), s.x
    ),
    "as scripts of a gradient penalty call it": lambda s: (
        s.grad(
            outputs=s.y,
            inputs=s.x,
            grad_outputs=s.lib.tensor(1.0),
            create_graph=True,
            retain_graph=True,
            only_inputs=True,
        )[0]
        .sum()
        .backward()
        or s.x.grad
    ),
    "grad deleted": lambda s: (s.y.backward(), s.x.__delattr__("grad"), s.x.grad),
    "detached in place": lambda s: [(h := s.x * 2).detach_() is h, h.requires_grad, h.is_leaf, h.grad_fn is None],
    "detached in place, a leaf": lambda s: [s.y.backward(), s.x.detach_().requires_grad, s.x.grad],
    "dictionary": lambda s: s.grad(s.y, {"a": s.x}),
    "several outputs": lambda s: s.grad([s.y, s.x * s.other], (s.x, s.other), [None, s.lib.ones(2)]),
    "unused": lambda s: s.grad(s.y, [s.x, s.other], allow_unused=True),
    "zeros": lambda s: s.grad(s.y, [s.other, s.x], materialize_grads=True),
    "zeros, recorded": lambda s: [
        [g.requires_grad for g in s.grad(s.y, [s.other, s.x], create_graph=c, materialize_grads=True)]
        for c in (True, False)
    ],
    "on the way, retained": lambda s: [(h := s.x * 3).retain_grad(), s.grad((h * h).sum(), s.x), h.grad],
    "on the way, retained, into some": lambda s: [
        (h := s.x * 3).retain_grad(),
        s.backward((h * h * s.other).sum(), inputs=s.x),
        h.grad,
        s.other.grad,
    ],
    "beside the way, retained": lambda s: [(h := s.x * 3).retain_grad(), s.grad((h * s.other).sum(), s.other), h.grad],
    "an inner one whose operand was overwritten": lambda s: [
        (p := s.x * 2),
        (h := p * p),
        s.lib.no_grad()(p.mul_)(3),
        s.grad((h * h).sum(), h),
    ],
    "paused after recording": lambda s: [s.x.requires_grad_(False), s.x.requires_grad_(True), s.y.backward(), s.x.grad],
    "paused meanwhile": lambda s: [
        s.y.backward(retain_graph=True),
        s.x.requires_grad_(False),
        (s.y * s.other.sum()).backward(retain_graph=True),
        s.x.requires_grad_(),
        s.x.grad,
        s.y.backward(),
        s.x.grad,
    ],
    "paused, its hooks": lambda s: [
        s.x.register_hook(lambda g: g * 5) and 0,
        s.x.requires_grad_(False).requires_grad_(),
        (s.x * 2).sum().backward(),
        s.x.grad,
    ],
    "recorded": lambda s: [g.requires_grad for g in s.grad(s.y, s.x, create_graph=True)],
    "not recorded": lambda s: [g.requires_grad for g in s.grad(s.y, s.x)],
    "inner": lambda s: s.grad((h := s.x * 3).sum(), h),
    "into the leaves": lambda s: (s.backward([s.y, s.x * s.other], [None, s.lib.ones(2)]), s.x.grad, s.other.grad),
    "into a dictionary": lambda s: (s.backward((s.y * s.other).sum(), inputs={"a": s.other}), s.x.grad, s.other.grad),
    "into some": lambda s: (s.backward((s.y * s.other).sum(), inputs=s.other), s.x.grad, s.other.grad),
    "into an inner one": lambda s: (s.backward(((h := s.x * 3) * h).sum(), inputs=[h]), h.grad, s.x.grad),
}


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_results_are_pytorchs(torch, name):
    ours, theirs = (values(RESULTS[name](setting(lib))) for lib in (mg, torch))
    assert ours == theirs


def test_hooks_in_pytorchs_order(torch):
    def events(lib):
        seen = []
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        x.register_hook(lambda g: seen.append(("leaf", g.tolist())))
        x.register_post_accumulate_grad_hook(lambda p: seen.append(("after", p is x, p.grad.tolist())))
        h = x * 2
        h.retain_grad()
        h.register_hook(lambda g: g * 10)
        handle = h.register_hook(lambda g: seen.append(("inner", g.tolist())))
        (h + x).sum().backward()
        handle.remove()
        seen.append((h.grad.tolist(), h.retains_grad, x.retains_grad))
        seen.append(values(lib.autograd.grad((x * 3).sum(), x)))  # no accumulation: no hook after it
        return seen

    assert events(mg) == events(torch)


def test_a_post_hook_may_step_and_forget():
    x = mg.tensor([1.0, 2.0], requires_grad=True)

    def step(p):
        with mg.no_grad():
            p -= 0.5 * p.grad
        p.grad = None

    handle = x.register_post_accumulate_grad_hook(step)
    (x * x).sum().backward()
    assert x.tolist() == [0.0, 0.0] and x.grad is None
    handle.remove()
    (x * x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_a_hook_in_a_block():
    x, seen = mg.ones(1, requires_grad=True), []
    with x.register_hook(seen.append):
        (x * 2).backward()
    (x * 2).backward()
    assert len(seen) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_hooks_make_no_circles(fails):
    gc.collect()
    gc.disable()
    try:
        x = mg.tensor([1.0, 2.0], requires_grad=True)
        x.register_post_accumulate_grad_hook(lambda p: None)
        h = x * 2
        h.register_hook(lambda g: 3 if fails else g * 2)
        h.retain_grad()
        loss = h.sum()
        if fails:
            with pytest.raises(TypeError, match="hook returned"):
                loss.backward()
        else:
            loss.backward()
        dead = [weakref.ref(t) for t in (x, h, h._node)]
        del x, h, loss
        assert [ref() for ref in dead] == [None] * 3
    finally:
        gc.enable()


def test_recorded_gradients_in_grad_warn_as_pytorchs_do(torch):
    found = []
    for lib in (mg, torch):
        s = setting(lib)
        with pytest.warns(UserWarning, match="reference cycle between the parameter and its gradient"):
            s.y.backward(create_graph=True)
        found.append((s.x.grad.requires_grad, s.x.grad.tolist()))
        s.x.grad = None
    assert found[0] == found[1]


def test_the_old_name_of_cotangents(torch):
    for lib in (mg, torch):
        s = setting(lib)
        with pytest.warns(FutureWarning, match="grad_variables"):
            s.backward(s.x * s.x, grad_variables=s.lib.ones(2))
        assert s.x.grad.tolist() == [2, 4]
        with pytest.warns(FutureWarning), pytest.raises(RuntimeError, match="grad_variables"):
            s.backward(s.x * s.x, s.lib.ones(2), grad_variables=s.lib.ones(2))


def test_an_array_may_be_the_cotangent():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    (x * x).backward(np.array([1.0, 10.0]))
    assert x.grad.tolist() == [2, 40]
    assert mg.autograd.grad(x * x, x, np.array([1.0, 10.0]))[0].tolist() == [2, 40]
    with pytest.raises(ValueError, match="same first dimension"):
        mg.autograd.grad([x * x, x], x, [mg.ones(2, 2), mg.ones(3, 2)], is_grads_batched=True)


def test_grad_of_an_inner_tensor_warns():
    h = mg.ones(2, requires_grad=True) * 2
    with pytest.warns(UserWarning, match="not a leaf Tensor is being accessed"):
        assert h.grad is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        h.retain_grad()
        assert h.grad is None


def inference(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    with lib.inference_mode():
        made = x * 2
        flags = [made.is_inference(), made.requires_grad, lib.ones(2).is_inference(), x.is_inference()]
        flags += [x.view(2).is_inference(), x.detach().is_inference(), lib.is_inference_mode_enabled()]
        flags += [lib.is_grad_enabled(), (made.clone() + 1).add_(1).tolist()]
        with lib.inference_mode(False):
            flags += [(x * 2).requires_grad, lib.is_inference_mode_enabled()]
        with lib.enable_grad():
            flags += [(x * 2).requires_grad, (x * 2).is_inference()]
        with lib.set_grad_enabled(True):
            flags += [(x * 2).requires_grad]
    flags += [lib.is_inference_mode_enabled(), made.clone().is_inference(), (made * 2).is_inference()]
    flags += [made.detach().is_inference(), made.data.is_inference(), lib.is_inference(made), lib.is_inference(x)]
    flags += [(x + made).tolist(), lib.inference_mode()(lambda: (x * 2).is_inference())()]
    return flags, made, x


def test_inference_mode_is_pytorchs(torch):
    assert inference(mg)[0] == inference(torch)[0]


REFUSED = {
    "saved": lambda made, x: made * x,
    "saved by one of three": lambda made, x: x.lerp(made * 1, made),
    "matmul": lambda made, x: x @ made,
    "asked": lambda made, x: made.requires_grad_(),
    "written": lambda made, x: made.add_(1),
    "written at an index": lambda made, x: made.__setitem__(0, 1.0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_inference_tensors_are_refused(torch, name):
    found = []
    for lib in (mg, torch):
        _, made, x = inference(lib)
        with pytest.raises(RuntimeError) as caught:
            REFUSED[name](made, x)
        found.append(" ".join(str(caught.value).split()[:6]))
    assert found[0] == found[1]


def test_inference_mode_is_per_thread_and_a_bare_decorator(threads):
    seen = []

    @mg.inference_mode
    def made():
        return mg.ones(1).is_inference()

    with mg.inference_mode():
        thread = threading.Thread(target=lambda: seen.append(mg.is_inference_mode_enabled()))
        thread.start()
        thread.join()
    assert seen == [False] and made() and not mg.ones(1).is_inference()


@pytest.mark.parametrize("mode", ["no_grad", "enable_grad", "inference_mode"])
def test_a_mode_ends_with_its_block_whatever_happens(torch, mode):
    for lib in (mg, torch):
        before = lib.is_grad_enabled(), lib.is_inference_mode_enabled()
        with pytest.raises(KeyError), getattr(lib, mode)():
            raise KeyError
        with pytest.raises(KeyError):
            getattr(lib, mode)()({}.__getitem__)(0)
        assert (lib.is_grad_enabled(), lib.is_inference_mode_enabled()) == before


def test_a_decorated_generator_runs_its_steps_in_the_mode(torch):
    for lib in (mg, torch):
        seen = []

        @lib.no_grad()
        def steps(lib=lib, seen=seen):
            try:
                got = yield lib.is_grad_enabled()
                yield got, lib.is_grad_enabled()
                yield 3
            except KeyError:
                yield "caught", lib.is_grad_enabled()
            finally:
                seen.append(lib.is_grad_enabled())

        g = steps()
        assert next(g) is False and lib.is_grad_enabled()
        assert g.send("sent") == ("sent", False) and lib.is_grad_enabled()
        assert g.throw(KeyError()) == ("caught", False) and lib.is_grad_enabled()
        g.close()
        assert seen == [False] and lib.is_grad_enabled()
        assert list(steps()) == [False, (None, False), 3]


@pytest.mark.parametrize("mode", ["no_grad", "inference_mode"])
def test_transforms_record_whatever_is_around_them(torch, mode):
    found = []
    for lib in (mg, torch):
        with getattr(lib, mode)():
            x = lib.tensor([1.0, 2.0])
            found.append(
                [lib.func.grad(lambda x: (x**3).sum())(x).tolist(), lib.func.jacrev(lambda x: x**2)(x).tolist()]
            )
    assert found[0] == found[1]


def test_next_functions():
    x = mg.ones(2, requires_grad=True)
    y = x * mg.ones(2)
    (first, _), (second, _) = y.grad_fn.next_functions
    assert first.name() == "AccumulateGrad" and second is None
    assert y.exp().grad_fn.next_functions[0][0] is y.grad_fn
    np.testing.assert_array_equal(x.detach().numpy(), [1, 1])


def test_what_looks_at_a_model_records_inside_inference_mode():
    model = mg.nn.Sequential(mg.nn.Linear(3, 4), mg.nn.BatchNorm1d(4))
    x = mg.ones(5, 3)
    with mg.inference_mode():
        assert mg.viz.trace(model, x).nodes
        assert "BatchNorm1d" in str(mg.viz.summary(model, x))


EDGES = [
    lambda L, a, b, c, m, j, Own: 2 * a,
    lambda L, a, b, c, m, j, Own: a * 2,
    lambda L, a, b, c, m, j, Own: 2 + a,
    lambda L, a, b, c, m, j, Own: a + 2,
    lambda L, a, b, c, m, j, Own: 2 - a,
    lambda L, a, b, c, m, j, Own: a - 2,
    lambda L, a, b, c, m, j, Own: a / 2,
    lambda L, a, b, c, m, j, Own: a**2,
    lambda L, a, b, c, m, j, Own: 2**a,
    lambda L, a, b, c, m, j, Own: a * c,
    lambda L, a, b, c, m, j, Own: c * a,
    lambda L, a, b, c, m, j, Own: c - a,
    lambda L, a, b, c, m, j, Own: c / a,
    lambda L, a, b, c, m, j, Own: a**c,
    lambda L, a, b, c, m, j, Own: c**a,
    lambda L, a, b, c, m, j, Own: -a,
    lambda L, a, b, c, m, j, Own: a * b,
    lambda L, a, b, c, m, j, Own: a @ c,
    lambda L, a, b, c, m, j, Own: c @ a,
    lambda L, a, b, c, m, j, Own: L.maximum(c, a),
    lambda L, a, b, c, m, j, Own: L.where(m, a, b),
    lambda L, a, b, c, m, j, Own: L.where(m, c, a),
    lambda L, a, b, c, m, j, Own: L.where(m, a, 0.0),
    lambda L, a, b, c, m, j, Own: L.where(m, 1.0, a),
    lambda L, a, b, c, m, j, Own: a[0],
    lambda L, a, b, c, m, j, Own: a[m],
    lambda L, a, b, c, m, j, Own: L.cat([c, a, b]),
    lambda L, a, b, c, m, j, Own: L.addcmul(a, b, c),
    lambda L, a, b, c, m, j, Own: a.clamp(0.0),
    lambda L, a, b, c, m, j, Own: a.remainder(2),
    lambda L, a, b, c, m, j, Own: a.fmod(2),
    lambda L, a, b, c, m, j, Own: L.atan2(c, a),
    lambda L, a, b, c, m, j, Own: a.scatter(0, j, 1.0),
    lambda L, a, b, c, m, j, Own: a.scatter(0, j, c),
    lambda L, a, b, c, m, j, Own: L.logaddexp(c, a),
    lambda L, a, b, c, m, j, Own: L.linalg.solve(a, c),
    lambda L, a, b, c, m, j, Own: L.xlogy(c, a),
    lambda L, a, b, c, m, j, Own: (2 * a).sin(),
    lambda L, a, b, c, m, j, Own: Own.apply(a, 3, c, b),
    lambda L, a, b, c, m, j, Own: a.sum(),
    lambda L, a, b, c, m, j, Own: a.mul(b).sub(c),
]


def test_next_functions_like_pytorch(torch):
    def edges(lib, call):
        class Own(lib.autograd.Function):
            @staticmethod
            def forward(ctx, x, n, y, z):
                return x * n + y + z

        a, b, c = (
            lib.tensor(v).reshape(2, 2) for v in ([1.0, 2.5, 3.0, 4.0], [0.5, 2.0, 1.0, 4.0], [2.0, 1.0, 1.0, 3.0])
        )
        y = call(lib, a.requires_grad_(), b.requires_grad_(), c, c > 1, lib.tensor([[0, 1]]), Own)
        named = [None if node is None else node.name().split("::")[-1] for node, _ in y.grad_fn.next_functions]
        return [name and name.rstrip("0") for name in named]

    for call in EDGES:
        assert edges(mg, call) == edges(torch, call), text(call)


def tied(lib):
    """Three layers, the first weight read twice, one weight through a view, one that is not read."""
    lib.manual_seed(0)
    weights = {name: lib.randn(3, 3).double().requires_grad_() for name in "abcd"}
    seen = []
    for name, w in weights.items():
        w.register_post_accumulate_grad_hook(
            lambda p, name=name: seen.append((name, p.grad.sum().item() != 0, lib.is_grad_enabled()))
        )
    x = lib.ones(2, 3).double()
    for i, w in enumerate((weights["a"], weights["b"].T, weights["a"], weights["c"])):
        x = (x @ w).tanh()
        x.register_hook(lambda g, i=i: seen.append(i))
    return weights, x.sum(), seen


@pytest.mark.parametrize("options", [{}, {"retain_graph": True}], ids=str)
def test_a_leaf_is_handed_over_when_nothing_else_will_be_added(torch, options):
    def events(lib):
        _, loss, seen = tied(lib)
        loss.backward(**options)
        return seen

    assert events(mg) == events(torch)
    assert events(mg)[:3] == [3, ("c", True, False), 2]  # not at the end, as the sweep comes to leaves


def test_gradients_do_not_depend_on_hooks(torch):
    weights, loss, _ = tied(mg)
    expected = mg.autograd.grad(loss, [weights[name] for name in "abc"], retain_graph=True)
    with mg.autograd.set_detect_anomaly(True):  # an observer of the sweep sees it, too
        loss.backward(retain_graph=True)
    loss.backward(inputs=[weights["a"], weights["c"]])
    for name, times, g in zip("abc", (2, 1, 2), expected, strict=True):
        np.testing.assert_array_equal(weights[name].grad.numpy(), times * g.numpy())
    assert weights["d"].grad is None


def test_a_weight_may_step_while_backward_goes_on(torch):
    def step(p):
        p.sub_(0.1 * p.grad)
        p.grad = None

    def after_two_steps(lib):
        weights, *_ = tied(lib)
        for w in weights.values():
            w.register_post_accumulate_grad_hook(step)
        for _ in range(2):
            (lib.ones(2, 3).double() @ weights["a"] @ weights["b"].T @ weights["a"]).tanh().sum().backward()
        return [weights[name].tolist() for name in "abc"]

    np.testing.assert_allclose(after_two_steps(mg), after_two_steps(torch), rtol=1e-14)


def test_what_is_queued_runs_when_all_gradients_are_there():
    from minigrad.engine.delivery import queue_callback

    a, b, seen = mg.ones(1, requires_grad=True), mg.ones(1, requires_grad=True), []
    a.register_post_accumulate_grad_hook(lambda p: queue_callback(lambda: seen.append(b.grad.item())))
    (a * b).sum().backward()
    assert seen == [1.0]
    with pytest.raises(RuntimeError, match="during backward pass"):
        queue_callback(print)
