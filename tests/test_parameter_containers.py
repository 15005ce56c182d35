"""Lists and dictionaries of parameters beside PyTorch: text, state, access, errors."""

import pytest
from layers import same_error

import minigrad as mg

LISTS = {
    "made": lambda L, p: p,
    "appended": lambda L, p: p.append(L.ones(4)),
    "extended": lambda L, p: p.extend([L.ones(4), L.nn.Parameter(L.zeros(1))]),
    "added": lambda L, p: p.__iadd__([L.ones(1)]),
    "part": lambda L, p: p[1:],
    "other value": lambda L, p: p.append("text"),
}
DICTS = {
    "made": lambda L, p: p,
    "set": lambda L, p: p.update({"c": L.ones(4)}),
    "pairs": lambda L, p: p.update([("c", L.ones(4)), ("a", L.zeros(1))]),
    "popped": lambda L, p: p.pop("a"),
    "last": lambda L, p: p.popitem(),
    "default": lambda L, p: p.setdefault("z", L.ones(2)),
    "merged": lambda L, p: p | L.nn.ParameterDict({"x": L.ones(1)}),
    "cleared": lambda L, p: p.clear(),
}


def described(module):
    shapes = [(name, tuple(x.shape)) for name, x in module.state_dict().items()]
    return repr(module), shapes, [name for name, _ in module.named_parameters()], len(module)


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_pytorchs(name, torch):
    results = []
    for lib in (mg, torch):
        parameters = lib.nn.ParameterList([lib.ones(2, 3), lib.nn.Parameter(lib.zeros(5))])
        changed = LISTS[name](lib, parameters)
        results.append((described(parameters), described(changed)))
    assert results[0] == results[1]


@pytest.mark.parametrize("name", DICTS)
def test_dictionaries_are_pytorchs(name, torch):
    results = []
    for lib in (mg, torch):
        parameters = lib.nn.ParameterDict({"b": lib.ones(2, 3), "a": lib.nn.Parameter(lib.zeros(5))})
        returned = DICTS[name](lib, parameters)
        keys = list(returned) if isinstance(returned, lib.nn.ParameterDict) else None
        results.append((described(parameters), list(parameters.keys()), keys, "a" in parameters))
    assert results[0] == results[1]


def test_they_are_trained():
    class Net(mg.nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = mg.nn.ParameterList([mg.ones(2), mg.ones(2)])

        def forward(self, x):
            for weight in self.weights:
                x = x * weight
            return x

    net = Net()
    net(mg.ones(2)).sum().backward()
    assert [p.grad.tolist() for p in net.parameters()] == [[1.0, 1.0], [1.0, 1.0]]


ERRORS = {
    "index": lambda L: L.nn.ParameterList([L.ones(1)])[1],
    "a tensor": lambda L: L.nn.ParameterList().extend(L.ones(2)),
    "called": lambda L: L.nn.ParameterList()(1),
    "key of a number": lambda L: L.nn.ParameterDict()[1],
    "pairs of three": lambda L: L.nn.ParameterDict([(1, 2, 3)]),
    "no pairs": lambda L: L.nn.ParameterDict(5),
    "missing key": lambda L: L.nn.ParameterDict()["a"],
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    same_error(torch, ERRORS[name], opening=20 if name != "missing key" else 0)
