"""Module: what it owns, how it is walked, saved, loaded, hooked and printed; and the containers."""

import copy
from collections import OrderedDict

import numpy as np
import pytest
from oracle import text

import minigrad as mg
from minigrad import nn


def net(lib=mg):
    """A small tree, the same in both libraries: a shared layer, buffers, a nested container."""
    nn = lib.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 4)
            self.scale = nn.Parameter(lib.ones(1))
            self.register_buffer("steps", lib.tensor(0))
            self.register_buffer("scratch", lib.zeros(2), persistent=False)
            self.body = nn.Sequential(nn.BatchNorm1d(4), nn.ReLU(), nn.Sequential(nn.Linear(4, 4), nn.Dropout()))
            self.again = self.first
            self.nothing = None
            self.register_parameter("missing", None)
            self.heads = nn.ModuleList([nn.Linear(4, 2), nn.Linear(4, 2), nn.ReLU()])
            self.named = nn.ModuleDict({"a": nn.Tanh(), "b": nn.Conv2d(1, 2, 3)})

        def forward(self, x):
            return self.heads[0](self.body(self.first(x))) * self.scale

    return Net()


def names(pairs):
    return [name for name, _ in pairs]


WALKS = {
    "named_parameters": lambda m: names(m.named_parameters()),
    "named_parameters with prefix": lambda m: names(m.named_parameters(prefix="p", remove_duplicate=False)),
    "own parameters": lambda m: names(m.named_parameters(recurse=False)),
    "named_buffers": lambda m: names(m.named_buffers()),
    "named_modules": lambda m: names(m.named_modules()),
    "named_modules twice": lambda m: names(m.named_modules(prefix="p", remove_duplicate=False)),
    "named_children": lambda m: names(m.named_children()),
    "state_dict": lambda m: list(m.state_dict()),
    "state_dict with prefix": lambda m: list(m.state_dict(prefix="net.")),
    "apply": lambda m: (seen := [], m.apply(lambda part: seen.append(type(part).__name__)))[0],
    "counts": lambda m: [len(list(walk())) for walk in (m.parameters, m.buffers, m.modules, m.children)],
    "repr": repr,
    "get_submodule": lambda m: repr(m.get_submodule("body.2.0")),
    "after deletion": lambda m: (delattr(m, "scale"), delattr(m, "body"), list(m.state_dict()))[-1],
    "frozen": lambda m: [p.requires_grad for p in m.requires_grad_(False).parameters()],
    "modes": lambda m: [part.training for part in m.eval().modules()],
}


@pytest.mark.parametrize("name", WALKS)
def test_walks_as_pytorchs(name, torch):
    assert WALKS[name](net()) == WALKS[name](net(torch))


def test_state_dict_is_a_view_and_loading_copies():
    a, b = net(), net()
    state = a.state_dict()
    assert isinstance(state, dict)
    assert not any(v.requires_grad for v in state.values())
    assert np.shares_memory(state["scale"].numpy(), a.scale.detach().numpy())
    memory = b.first.weight.detach().numpy()
    assert str(b.load_state_dict(state)) == "<All keys matched successfully>"
    assert b.first.weight.detach().numpy() is memory or np.shares_memory(b.first.weight.detach().numpy(), memory)
    np.testing.assert_array_equal(memory, a.first.weight.detach().numpy())
    assert not np.shares_memory(memory, a.first.weight.detach().numpy())
    assert a.state_dict(keep_vars=True)["scale"] is a.scale


def test_a_state_dict_of_pytorchs_loads(torch):
    ours, theirs = net().eval(), net(torch).eval()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    expected = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours(mg.tensor(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_loading_says_all_that_is_wrong_and_changes_nothing(torch):
    def message(lib):
        part = lib.nn.Sequential(lib.nn.Linear(3, 2), lib.nn.Linear(2, 2))
        state = dict(part.state_dict())
        state["extra"], state["0.bias"] = state.pop("1.bias"), lib.zeros(7)
        state["0.weight"] = lib.zeros(2, 3)
        with pytest.raises(RuntimeError) as caught:
            part.load_state_dict(state)
        return str(caught.value).replace("torch.Size([2])", "(2,)").replace("torch.Size([7])", "(7,)"), part

    text, part = message(mg)
    assert text == message(torch)[0]
    assert part[0].weight.detach().abs().sum() > 0
    keys = part.load_state_dict({"0.bias": mg.ones(2), "x": mg.ones(1)}, strict=False)
    assert keys.missing_keys == ["0.weight", "1.weight", "1.bias"]
    assert keys.unexpected_keys == ["x"]
    assert part[0].bias.tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="size mismatch for 0.bias"):
        part.load_state_dict({"0.bias": mg.ones(3)}, strict=False)
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like"):
        part.load_state_dict([mg.ones(1)])


def test_options_of_forward_hooks_like_pytorch(torch):
    def scenario(lib):
        class Scaled(lib.nn.Module):
            def forward(self, x, scale=1.0, fail=False):
                if fail:
                    raise KeyError("fail")
                return x * scale

        seen, m, x = [], Scaled(), lib.ones(1)
        note = lambda name: lambda *given: seen.append((name, len(given), str(given[-1])[:11]))
        m.register_forward_hook(note("first"))
        m.register_forward_hook(note("before it"), prepend=True)
        kwargs = m.register_forward_hook(note("kwargs"), with_kwargs=True)
        always = m.register_forward_hook(note("always"), always_call=True, with_kwargs=True)
        m.register_forward_hook(lambda module, args, out: out + 10, always_call=True)
        m.register_forward_pre_hook(note("pre"))
        m.register_forward_pre_hook(lambda module, args, kw: (args, {"scale": 3.0, **kw}), with_kwargs=True)
        m.register_forward_pre_hook(note("pre kwargs"), prepend=True, with_kwargs=True)
        seen.append(m(x).item())
        seen.append(m(x=x, scale=5.0).item())
        with pytest.raises(KeyError, match="fail"), pytest.warns(UserWarning, match="silenced as another error"):
            m(x, fail=True)
        kwargs.remove()
        always.remove()
        seen.append(m(x, scale=5.0).item())
        m.register_forward_pre_hook(lambda module, args, kw: args, with_kwargs=True)
        said = "must return None or a tuple of .new_args, new_kwargs."
        with pytest.raises(RuntimeError, match=said), pytest.warns(UserWarning, match="silenced"):
            m(x)
        return seen

    assert scenario(mg) == scenario(torch)


def test_hooks_change_what_goes_in_and_comes_out_and_can_be_removed():
    layer, seen = nn.Identity(), []
    before = layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    after = layer.register_forward_hook(lambda m, args, out: seen.append((args[0].item(), out.item())))
    double = layer.register_forward_hook(lambda m, args, out: out * 2)
    assert layer(mg.tensor(1.0)).item() == 4
    assert seen == [(2.0, 2.0)]
    for handle in (before, after, double):
        handle.remove()
    assert layer(mg.tensor(1.0)).item() == 1
    assert len(seen) == 1


def test_train_asks_each_child_so_that_a_frozen_one_can_stay():
    class Frozen(nn.Linear):
        def train(self, mode=True):
            return super().train(False)

    m = nn.Sequential(Frozen(1, 1), nn.ReLU()).train()
    assert [part.training for part in m.modules()] == [True, False, True]


def test_zero_grad_and_casts():
    m = nn.Linear(2, 2)
    m(mg.ones(1, 2)).sum().backward()
    weight = m.weight
    m.double()
    assert m.weight is weight
    assert (m.weight.dtype, m.weight.grad.dtype) == (mg.float64, mg.float64)
    m(mg.ones(1, 2, dtype=mg.float64)).sum().backward()
    assert m.weight.grad.tolist() == [[2, 2], [2, 2]]
    m.zero_grad(set_to_none=False)
    assert m.weight.grad.tolist() == [[0, 0], [0, 0]]
    m.zero_grad()
    assert m.weight.grad is None
    assert m.to("cpu").float().weight.dtype == mg.float32
    counter = nn.BatchNorm1d(2).double().num_batches_tracked
    assert counter.dtype == mg.int64


CASTS = [
    lambda L, m: m.to(device="cpu"),
    lambda L, m: m.to("cpu", L.float64),
    lambda L, m: m.to(L.device("cpu"), L.float64, True),
    lambda L, m: m.to(None),
    lambda L, m: m.to(device="cpu", dtype=L.float16, non_blocking=True),
    lambda L, m: m.to(L.float64, True),
    lambda L, m: m.to(),
    lambda L, m: m.cpu(),
    lambda L, m: m.to(L.zeros(1, dtype=L.float64)),
    lambda L, m: m.to(tensor=L.zeros(1, dtype=L.float64)),
    lambda L, m: m.to("cpu:0"),
    lambda L, m: m.double().float(),
    lambda L, m: m.half(),
    lambda L, m: m.type(L.float64),
    lambda L, m: m.double().type("FloatTensor" if L is mg else "torch.FloatTensor"),
    lambda L, m: m.to(dtype=L.float64),
]


@pytest.mark.parametrize("cast", CASTS, ids=text)
def test_casts_like_pytorch(torch, cast):
    seen = []
    for lib in (mg, torch):
        m = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.BatchNorm1d(2))
        m[0].weight.grad = lib.zeros(2, 2)
        weight = m[0].weight
        assert cast(lib, m) is m
        assert m[0].weight is weight and weight.requires_grad and weight.grad.dtype == weight.dtype
        seen.append({k: str(v.dtype).removeprefix("torch.") for k, v in m.state_dict().items()})
    assert seen[0] == seen[1]


def test_other_devices_and_dtypes_are_refused_in_one_way_and_change_nothing():
    m, x = nn.BatchNorm1d(2), mg.zeros(1)
    m.weight.sum().backward()
    absent = "minigrad computes on the CPU alone"
    for call in (
        lambda: m.to("cuda"),
        lambda: m.to(device="cuda:1"),
        lambda: m.to(0),
        lambda: m.cuda(),
        lambda: m.cuda(0),
        lambda: m.to("mps", mg.float64),
        lambda: x.to("cuda"),
        lambda: x.to(device="cuda"),
        lambda: x.cuda(),
        lambda: x.to(0),
        lambda: mg.zeros(1, device="cuda"),
        lambda: mg.device("cuda"),
        lambda: mg.device("cuda", 0),
        lambda: x.new_zeros(1, device="xpu"),
    ):
        with pytest.raises(RuntimeError, match=absent):
            call()
    for call in (m.bfloat16, x.bfloat16):
        with pytest.raises(RuntimeError, match="NumPy has no such dtype"):
            call()
    for owner in (m, x):
        for what, said in (("gpu", "'gpu'"), (nn.ReLU(), "ReLU"), ([1], "list")):
            with pytest.raises(TypeError, match=rf"to\(\): expected a dtype, 'cpu' or another tensor, got {said}"):
                owner.to(what)
    half_frozen = nn.Linear(1, 1)
    half_frozen.weight.requires_grad_(False)
    for module in (m, half_frozen):
        with pytest.raises(RuntimeError, match="data set to a tensor that requires gradients"):
            module.type(mg.int64)
    assert half_frozen.weight.dtype == mg.float32
    assert [v.dtype for v in m.state_dict().values()] == [mg.float32] * 4 + [mg.int64] and m.weight.grad is not None


def test_get_buffer():
    m = nn.Sequential(nn.BatchNorm1d(2))
    assert m.get_buffer("0.running_mean") is m[0].running_mean
    for name, words in (("0.weight", "`weight` is not a buffer"), ("0.nix", "no attribute 'nix'"), ("1.x", "`1` in")):
        with pytest.raises(AttributeError, match=words):
            m.get_buffer(name)


def test_a_deep_copy_is_independent_and_shares_what_was_shared():
    m = net()
    twin = copy.deepcopy(m)
    assert twin.again is twin.first
    assert isinstance(twin.scale, nn.Parameter)
    assert twin.scale.requires_grad
    with mg.no_grad():
        twin.scale.fill_(5)
    assert m.scale.item() == 1
    assert list(twin.state_dict()) == list(m.state_dict())


def test_assignment_moves_a_name_from_kind_to_kind(torch):
    def seen(lib):
        m, nn, found = lib.nn.Module(), lib.nn, []
        m.x = 3
        for value in (nn.Parameter(lib.zeros(1)), None, nn.Parameter(lib.zeros(2)), nn.ReLU(), None, nn.ReLU(),
                      nn.Parameter(lib.zeros(1)), nn.Buffer(lib.zeros(3)), nn.Buffer(lib.zeros(1), persistent=False),
                      lib.zeros(2), nn.ReLU(), 3, nn.Parameter(lib.zeros(1)), lib.zeros(1)):  # fmt: skip
            try:
                m.x = value
            except TypeError as error:
                found.append(type(error).__name__)
            found.append(
                [list(getattr(m, kind)) for kind in ("_parameters", "_buffers", "_modules")] + ["x" in vars(m)]
            )
            found.append(list(m.state_dict()))
        m.register_buffer("b", lib.zeros(1))
        m.b = lib.ones(1)
        found.append(m.state_dict()["b"].item())
        found.append({"x", "b"} <= set(dir(m)))
        del m.x, m.b
        return [*found, hasattr(m, "x"), hasattr(m, "b")]

    assert seen(mg) == seen(torch)


def test_parameters_are_leaves_on_the_memory_given():
    data = mg.zeros(2)
    p = nn.Parameter(data)
    data[0] = 1
    assert p.tolist() == [1, 0]
    assert p.is_leaf
    assert p.requires_grad
    assert repr(p) == "Parameter containing:\ntensor([1., 0.], requires_grad=True)"
    assert type(p * 1) is mg.Tensor
    assert not nn.Parameter(mg.tensor([1]), requires_grad=False).requires_grad


# ---- containers ---------------------------------------------------------------------------------
CONTAINERS = {
    "empty": lambda nn: nn.Sequential(),
    "ordered": lambda nn: nn.Sequential(OrderedDict(fc=nn.Linear(1, 2), act=nn.ReLU())),
    "slice": lambda nn: nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 3))[1:],
    "append": lambda nn: nn.Sequential(nn.ReLU()).append(nn.Tanh()),
    "extend": lambda nn: nn.Sequential(nn.ReLU()).extend([nn.Tanh(), nn.ReLU()]),
    "insert": lambda nn: nn.Sequential(nn.ReLU(), nn.Tanh()).insert(1, nn.Sigmoid()),
    "index": lambda nn: nn.Sequential(nn.ReLU(), nn.Tanh())[-1],
    "list": lambda nn: nn.ModuleList([nn.ReLU(), nn.Linear(1, 1), nn.Linear(1, 1), nn.Tanh()]),
    "list slice": lambda nn: nn.ModuleList([nn.ReLU(), nn.Linear(1, 1), nn.Tanh()])[1:],
    "list append": lambda nn: nn.ModuleList().append(nn.ReLU()).extend([nn.Tanh()]),
    "dict": lambda nn: nn.ModuleDict({"a": nn.ReLU(), "b": nn.Sequential(nn.Tanh())}),
    "nested list": lambda nn: nn.ModuleList(nn.Sequential(nn.ReLU()) for _ in range(3)),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_print_as_pytorchs(name, torch):
    assert repr(CONTAINERS[name](nn)) == repr(CONTAINERS[name](torch.nn))


def changed(kind, nn, steps):
    """Return what a container of three says to each step, and what it holds after it."""
    a, b, c, d = nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Identity()
    made = {
        "list": lambda: nn.ModuleList([a, b, c]),
        "sequential": lambda: nn.Sequential(a, b, c),
        "named": lambda: nn.Sequential(OrderedDict(x=a, y=b, z=c)),
        "dict": lambda: nn.ModuleDict({"x": a, "y": b, "z": c}),
    }[kind]()
    scope, seen = {"m": made, "nn": nn, "a": a, "b": b, "c": c, "d": d}, []
    for step in steps.split("; "):
        try:
            exec(f"r = {step}" if "=" not in step and not step.startswith("del") else f"r = None; {step}", scope)
            answer = repr(scope["r"])
        except Exception as error:
            answer = type(error).__name__
        seen.append((step, answer, [(k, type(v).__name__) for k, v in scope["m"]._modules.items()]))
    return seen


CHANGES = {
    "list": "m += [d]; m + [d]; m + nn.ModuleList([d]); m.pop(0); m.pop(-1); m.pop(9); m.append(d); m.extend([a, b]); "
    "m[-1]; m[1:3]; m[::2]; m[::-1]; m[9]; m[-9]; del m[0]; del m[-1]; del m[9]; m[-1] = d; m[0] = a; m[9] = a; "
    "m.extend(nn.Sequential(a, b)); del m[1:3]; m.pop(slice(0, 1)); len(m); a in m; list(reversed(m)); "
    "del m[:]; m.pop(0); m.extend(3); m += (x for x in (a, b)); m + (c,); m + 3; m[0] = 3; m.append(3); m * 2",
    "sequential": "m += nn.Sequential(d); m + nn.Sequential(d); m + [d]; m += [d]; m * 2; 2 * m; m *= 2; m * 0; m * 1.5; "
    "m *= -1; m.pop(0); m.pop(-1); m.pop(9); m.append(d); m.extend([a]); m.insert(0, d); m.insert(-1, d); "
    "m.insert(99, d); m.insert(-99, d); m.insert(len(m), c); m[-1]; m[1:3]; m[9]; del m[0]; del m[-1]; "
    "del m[9]; del m[1:3]; m[-1] = a; m[9] = a; m.pop(slice(0, 2)); a in m; del m[:]; len(m)",
    "named": "m[1:]; m['x']; m.append(d); m[-1]; del m[0]; m.pop(-1); m[0] = d; m + m; m * 2; m += nn.Sequential(a)",
    "dict": "m.pop('x'); m.pop('x'); m.update({'x': d}); m.update([('q', a)]); m.update([('q',)]); m.update([3]); "
    "m.update(3); m.update(nn.ModuleDict({'r': b})); m['s'] = c; m['s'] = 3; del m['s']; del m['s']; 'q' in m; "
    "list(m); len(m); m['nix']; list(m.items())[0]; m.update(OrderedDict=a); m.clear(); len(m); m.pop('q'); "
    "m['pop'] = a; m[0] = a; m['a.b'] = a; nn.ModuleDict([('k', a)])",
}


@pytest.mark.parametrize("kind", CHANGES)
def test_containers_change_as_pytorchs(kind, torch):
    for ours, theirs in zip(*(changed(kind, lib.nn, CHANGES[kind]) for lib in (mg, torch)), strict=True):
        assert ours == theirs


def test_what_is_no_module_changes_no_container():
    m, d = nn.ModuleList([nn.ReLU(), nn.Tanh()]), nn.ModuleDict()
    for step in (
        lambda: m.insert(0, 3),
        lambda: m.extend([nn.ReLU(), 3]),
        lambda: m.append("x"),
        lambda: m.__iadd__([None, 3]),
        lambda: d.update({"a": nn.ReLU(), "b": 3}),
        lambda: d.update([("a", nn.ReLU()), ("b", 3)]),
    ):
        with pytest.raises(TypeError, match="to child module"):
            step()
    assert list(m._modules) == ["0", "1"] and not len(d)
    twice = nn.ModuleList(m)
    twice += twice
    assert list(twice) == [*m, *m]
    assert [type(x).__name__ for x in m.insert(-1, nn.Sigmoid()).insert(9, nn.Identity())] == [
        "ReLU",
        "Sigmoid",
        "Tanh",
        "Identity",
    ]


def test_containers_work_as_lists_and_dictionaries():
    s = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    s[1] = nn.Identity()
    assert isinstance(s.pop(), nn.Sigmoid)
    del s[0]
    assert len(s) == 1
    assert list(s._modules) == ["0"]
    assert isinstance(next(iter(s)), nn.Identity)
    with pytest.raises(IndexError, match="index 3 is out of range"):
        s[3]
    d = nn.ModuleDict()
    d["a"] = nn.ReLU()
    assert ("a" in d, list(d), list(d.keys()), len(d.values()), len(d.items())) == (True, ["a"], ["a"], 1, 1)
    del d["a"]
    assert len(d) == 0
    with pytest.raises(NotImplementedError, match=r'Module \[ModuleList\] is missing the required "forward" function'):
        nn.ModuleList()(1)


# ---- what is refused ----------------------------------------------------------------------------
class Early(nn.Module):
    def __init__(self, value):
        self.value = value


def assign(name, value):
    m = nn.BatchNorm1d(2)
    m.add_module("child", nn.ReLU())
    setattr(m, name, value)


WRONG = {
    "module early": (AttributeError, "cannot assign module before Module.__init__.. call", lambda: Early(nn.ReLU())),
    "parameter early": (AttributeError, "cannot assign parameter before", lambda: Early(nn.Parameter(mg.zeros(1)))),
    "typo": (
        AttributeError,
        "'Linear' object has no attribute 'weigth'. Did you mean: 'weight'",
        lambda: nn.Linear(1, 1).weigth,
    ),
    "unknown": (AttributeError, "has no attribute 'zzz'$", lambda: nn.Linear(1, 1).zzz),
    "delete": (AttributeError, "zzz", lambda: delattr(nn.ReLU(), "zzz")),
    "tensor as parameter": (
        TypeError,
        "cannot assign 'Tensor' as parameter 'weight'",
        lambda: assign("weight", mg.zeros(2)),
    ),
    "number as buffer": (TypeError, "cannot assign 'int' as buffer 'running_mean'", lambda: assign("running_mean", 1)),
    "number as module": (TypeError, "cannot assign 'int' as child module 'child'", lambda: assign("child", 1)),
    "buffer of a list": (
        TypeError,
        "cannot assign 'list' object to buffer",
        lambda: nn.ReLU().register_buffer("b", [1]),
    ),
    "taken name": (
        KeyError,
        "attribute 'forward' already exists",
        lambda: nn.ReLU().register_buffer("forward", mg.zeros(1)),
    ),
    "taken by a parameter": (
        KeyError,
        "attribute 'weight' already",
        lambda: nn.Linear(1, 1).register_buffer("weight", None),
    ),
    "dotted name": (KeyError, "contain", lambda: nn.ReLU().add_module("a.b", nn.ReLU())),
    "empty name": (KeyError, "empty string", lambda: nn.Sequential(OrderedDict({"": nn.ReLU()}))),
    "no module": (
        TypeError,
        "cannot assign 'function' object to child module",
        lambda: nn.Sequential(mg.no_grad.__enter__),
    ),
    "mode": (ValueError, "training mode is expected to be boolean", lambda: nn.ReLU().train("yes")),
    "forward": (NotImplementedError, "missing the required", lambda: nn.Module()(1)),
    "submodule": (AttributeError, "Sequential has no attribute `3`", lambda: nn.Sequential().get_submodule("3")),
    "integer cast": (TypeError, "floating point", lambda: nn.Linear(1, 1).to(mg.int64)),
}


@pytest.mark.parametrize("name", WRONG)
def test_refuses(name):
    error, message, call = WRONG[name]
    with pytest.raises(error, match=message):
        call()


def test_a_buffer_is_one_by_assignment(torch):
    results = []
    for lib in (mg, torch):
        module = lib.nn.Module()
        module.kept = lib.nn.Buffer(lib.ones(2))
        module.dropped = lib.nn.Buffer(lib.zeros(1), persistent=False)
        module.kept = lib.zeros(3)
        plain = type(module.kept) is type(lib.ones(1))
        results.append((list(module.state_dict()), [n for n, _ in module.named_buffers()], plain, len(module.kept)))
    assert results[0] == results[1]


def test_a_snapshot_does_not_follow_the_training():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    best, following = model.snapshot(), model.state_dict()
    before = {name: value.clone() for name, value in best.items()}
    with mg.no_grad():
        for value in model.state_dict().values():
            value.add_(1)
    assert all((best[name] == before[name]).all() for name in before)
    assert all((following[name] != before[name]).all() for name in before)
    model.load_state_dict(best)
    assert all((value == before[name]).all() for name, value in model.state_dict().items())


# ---- hooks of all modules, hooks of the state -----------------------------------------------------
def test_hooks_of_all_modules_like_pytorch(torch):
    def scenario(lib):
        hooks, seen = lib.nn.modules.module, []
        model = lib.nn.Sequential(lib.nn.Linear(1, 1, bias=False), lib.nn.Tanh())
        note = lambda name: lambda m, *rest: seen.append((name, type(m).__name__, len(rest)))
        model[0].register_forward_hook(note("own"))
        model[0].register_forward_pre_hook(note("own pre"))
        handles = [
            hooks.register_module_forward_pre_hook(note("pre")),
            hooks.register_module_forward_hook(note("forward")),
            hooks.register_module_forward_hook(note("kwargs"), with_kwargs=True),
            hooks.register_module_forward_hook(note("always"), always_call=True),
            hooks.register_module_full_backward_pre_hook(note("backward pre")),
            hooks.register_module_full_backward_hook(note("backward")),
            hooks.register_module_forward_hook(lambda m, args, out: out * 2 if isinstance(m, lib.nn.Tanh) else None),
        ]
        with lib.no_grad():
            model[0].weight.fill_(0.5)
        x = lib.ones(1, 1).requires_grad_()
        y = model(x)
        y.sum().backward()
        seen += [round(y.item(), 5), round(x.grad.item(), 5)]
        with pytest.raises(Exception):  # noqa: B017
            model[0](3)
        for handle in handles:
            handle.remove()
        model(x)
        return seen

    assert scenario(mg) == scenario(torch)
    assert not nn.hooks.EVERYWHERE


def test_an_old_handle_removes_no_later_hook():
    layer, seen = nn.Identity(), []
    old = layer.register_forward_hook(lambda *_: seen.append("old"))
    old.remove()
    layer.register_forward_hook(lambda *_: seen.append("new"))
    old.remove()
    layer(mg.ones(1))
    assert seen == ["new"]


def test_hooks_of_the_state_like_pytorch(torch):
    def scenario(lib):
        seen, m = [], lib.nn.Sequential(lib.nn.Linear(1, 1), lib.nn.Sequential(lib.nn.BatchNorm1d(1)))
        inner = m[1]
        inner.register_state_dict_pre_hook(lambda mod, prefix, keep: seen.append(("pre", prefix, keep)))

        def post(mod, state, prefix, metadata):
            seen.append(("post", prefix, list(state), metadata["version"]))
            state[prefix + "more"] = lib.ones(1)

        post_handle = inner.register_state_dict_post_hook(post)
        state = m.state_dict(prefix="p.", keep_vars=True)
        seen += [list(state), sorted(state._metadata.items()), state["p.0.weight"] is m[0].weight]
        post_handle.remove()
        bad = inner.register_state_dict_post_hook(lambda *_: 3)
        with pytest.raises(RuntimeError, match="state_dict post-hook must return None"):
            m.state_dict()
        bad.remove()
        state = m.state_dict()
        m._register_state_dict_hook(lambda mod, state, prefix, metadata: {"only": state["0.bias"]})
        seen.append(list(m.state_dict()))

        def before(mod, state, prefix, metadata, strict, missing, unexpected, errors):
            seen.append(("load", type(mod).__name__, sorted(state), prefix, strict, missing, unexpected, errors))
            state.pop(prefix + "old", None)

        pre = inner.register_load_state_dict_pre_hook(before)
        inner._register_load_state_dict_pre_hook(lambda state, prefix, *_: seen.append(prefix))
        post = m.register_load_state_dict_post_hook(lambda mod, keys: (seen.append(keys.missing_keys[:]), None)[1])
        m.load_state_dict({**state, "1.old": lib.ones(1)}, strict=False)
        pre.remove()
        del state["0.bias"]
        with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "0.bias"'):
            m.load_state_dict(state)
        post.remove()
        m.register_load_state_dict_post_hook(lambda mod, keys: keys.missing_keys.clear())
        seen.append(str(m.load_state_dict(state)))
        m.register_load_state_dict_post_hook(lambda mod, keys: 3)
        with pytest.raises(AssertionError, match="not expected to return new values"):
            m.load_state_dict(state)
        return seen

    ours, theirs = scenario(mg), scenario(torch)
    assert ours == theirs


def test_states_of_the_users_own(torch):
    """Extra state, an override of how a module saves and loads itself, a destination."""

    def scenario(lib):
        class Counted(lib.nn.Module):
            _version = 3

            def __init__(self):
                super().__init__()
                self.weight = lib.nn.Parameter(lib.ones(1))
                self.count = 0

            def get_extra_state(self):
                return {"count": self.count}

            def set_extra_state(self, state):
                self.count = state["count"]

            def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
                if local_metadata.get("version", 0) < 3 and prefix + "w" in state_dict:
                    state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
                super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

        m = lib.nn.Sequential(Counted(), lib.nn.ReLU())
        m[0].count = 5
        state, destination = m.state_dict(), {}
        with pytest.warns(FutureWarning, match="Positional args are being deprecated"):
            m.state_dict(destination, "x.")
        seen = [list(state), state["0._extra_state"], list(destination)]
        other = lib.nn.Sequential(Counted(), lib.nn.ReLU())
        other.load_state_dict(state)
        seen.append(other[0].count)
        other.load_state_dict({"0.w": lib.zeros(1), "0._extra_state": {"count": 1}})
        seen += [other[0].weight.item(), other[0].count]
        for wrong in ({"0.weight": lib.zeros(1)}, {**state, "1._extra_state": 3}, {**state, "0.weight": [1.0]}):
            with pytest.raises(RuntimeError) as caught:
                other.load_state_dict(wrong)
            seen.append(str(caught.value))
        old = lib.nn.BatchNorm1d(2)
        old.load_state_dict({**old.state_dict(), "weight": lib.zeros(2)}, assign=True)
        scalar = lib.nn.Module()
        scalar.s = lib.nn.Parameter(lib.tensor(1.0))
        scalar.load_state_dict({"s": lib.tensor([3.0])})
        return [*seen, scalar.s.item(), type(old.weight).__name__]

    assert scenario(mg) == scenario(torch)


def test_a_state_that_does_not_fit_changes_nothing():
    model = nn.Sequential(nn.Linear(2, 2), nn.LazyLinear(3), nn.Linear(3, 1))
    before = {k: v.clone() for k, v in model.state_dict().items() if k[0] != "1"}
    state = {"0.weight": mg.zeros(2, 2), "0.bias": mg.zeros(2), "1.weight": mg.zeros(3, 2), "1.bias": mg.zeros(3)}
    for assign in (False, True):
        with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "2.weight", "2.bias"'):
            model.load_state_dict(state, assign=assign)
        assert model[1].has_uninitialized_params()
        assert all((model.state_dict()[name] == value).all() for name, value in before.items())
