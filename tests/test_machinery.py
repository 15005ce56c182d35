"""Module, containers, parameters: what each line answers or raises, line by line beside PyTorch."""

import copy
import pickle
import re
from collections import OrderedDict

import pytest

import minigrad as mg
from minigrad import nn

LINES = r"""
m.get_submodule("a.b")
m.get_submodule("")
m.get_submodule("0.weight")
m.get_parameter("0.weight").shape
m.get_parameter("0.nix")
m.get_parameter("nix.weight")
m.get_parameter("1.running_mean")
m.get_buffer("0.weight")
m.get_buffer("1.running_mean").shape
m.set_submodule("0", nn.Tanh()) or m
m.set_submodule("2.0", nn.Tanh()) or m
m.set_submodule("9", nn.Tanh()) or m
m.set_submodule("", nn.Tanh())
m.set_submodule("0", 3)
m.set_submodule("9", nn.Tanh(), strict=True)
m.set_submodule("x.y", nn.Tanh())
m.set_submodule("0.weight.x", nn.Tanh())
m._get_name()
[n for n,_ in m.named_parameters("p", False)]
[n for n,_ in m.named_buffers("p", True, False)]
[n for n,_ in m.named_modules(None, "p", False)]
[n for n,_ in m.named_modules(memo=set())]
[n for n,_ in m.named_modules({m[0]})]
[n for n,_ in m.named_children()]
m.register_buffer("b", L.zeros(1)) or m.register_buffer("b", L.ones(1))
m.register_buffer(3, L.zeros(1))
m.register_buffer("a.b", L.zeros(1))
m.register_buffer("", L.zeros(1))
m.register_buffer("0", L.zeros(1))
m.register_parameter("p", L.zeros(1))
m.register_parameter(3, None)
m.register_parameter("p", nn.Parameter(L.zeros(1))*2)
m.register_parameter("", None)
m.register_parameter("forward", None)
m.add_module("a", 3)
m.add_module(3, nn.ReLU())
m.add_module("a.b", nn.ReLU())
m.add_module("", nn.ReLU())
m.add_module("forward", nn.ReLU())
m.add_module("q", None) or m
m.register_module("q", nn.ReLU()) or m
setattr(m, "z", nn.Parameter(L.zeros(1))*2) or m.z.requires_grad
setattr(m[0], "weight", L.zeros(1))
setattr(m[0], "weight", None) or m[0]
setattr(m[1], "running_mean", 3)
setattr(m[1], "running_mean", None) or list(m[1].state_dict())
setattr(m, "0", 3)
setattr(m, "0", None) or m
setattr(m[0], "bias", nn.Linear(1,1)) or m[0]
setattr(m, "training", 3) or m.training
m.trainning
m.wieght
m[0].wieght
delattr(m, "nix")
delattr(m[0], "bias") or list(m[0].state_dict())
delattr(m[1], "running_mean") or list(m[1].state_dict())
m.train("x")
m.train(1)
m.requires_grad_(False) is m
[p.requires_grad for p in m.requires_grad_(False).parameters()]
m.zero_grad(set_to_none=False)
m.apply(lambda x: None) is m
m.type(L.float64)[0].weight.dtype == L.float64
m.half()[0].weight.dtype == L.float16
m.double().float()[0].weight.dtype == L.float32
m.to(L.int64)
m.to(L.zeros(1, dtype=L.float64))[0].weight.dtype == L.float64
m.to_empty(device="cpu") is m
m.to_empty()
m.cpu() is m
copy.deepcopy(m)[0].weight is m[0].weight
copy.copy(m)[0].weight is m[0].weight
repr(pickle.loads(pickle.dumps(m)))
nn.Module()(1)
nn.Module().forward(1)
nn.Module(3)
nn.Module(a=3)
nn.Linear(2,2).extra_repr()
list(m.children())[1]
m.load_state_dict({}, strict=False)
m.load_state_dict({})
m.load_state_dict(3)
m.load_state_dict(OrderedDict(a=L.zeros(1)))
m.load_state_dict({"0.weight": L.zeros(3)}, strict=False)
m.load_state_dict({k: 3 for k in m.state_dict()})
m.load_state_dict(m.state_dict(), assign=True)
m.load_state_dict({k: v.double() for k,v in m.state_dict().items()}, assign=True) and m[0].weight.dtype == L.float64
m.load_state_dict({k: v.clone().requires_grad_() if v.is_floating_point() else v for k,v in m.state_dict().items()}, assign=True) and [p.requires_grad for p in m.parameters()]
type(m.state_dict()).__name__
sorted(m.state_dict()._metadata.items())
m.state_dict(prefix="x")._metadata.keys()
m.register_forward_hook(lambda *a: None).id >= 0
m.register_backward_hook(lambda *a: None).remove()
m.__class__.call_super_init
m.dump_patches
m._version
nn.Sequential(3)
nn.Sequential(nn.ReLU(), 3)
nn.Sequential([nn.ReLU()])
nn.Sequential({"a": nn.ReLU()})
nn.Sequential(OrderedDict(a=nn.ReLU()))
nn.Sequential(nn.ReLU(), nn.Tanh())[1:]
nn.Sequential(nn.ReLU(), nn.Tanh())["0"]
nn.Sequential(nn.ReLU(), nn.Tanh())[5]
nn.Sequential(nn.ReLU()) + nn.Sequential(nn.Tanh())
nn.Sequential(nn.ReLU()) * 3
3 * nn.Sequential(nn.ReLU())
nn.Sequential(nn.ReLU()) + 3
nn.Sequential(nn.ReLU()).pop(0)
nn.Sequential(nn.ReLU()).insert(5, nn.Tanh())
nn.Sequential(nn.ReLU()).append(3)
nn.Sequential(nn.ReLU()).extend(nn.Sequential(nn.Tanh()))
nn.Sequential(nn.ReLU()).extend([nn.Tanh()])
nn.ModuleList([nn.ReLU()])(1)
nn.ModuleList(nn.ReLU())
nn.ModuleList(3)
nn.ModuleList([3])
nn.ModuleList([nn.ReLU()]*3)
nn.ModuleList([nn.ReLU()]) + [nn.Tanh()]
nn.ModuleList([nn.ReLU()]) + 3
nn.ModuleList([nn.ReLU(), nn.Tanh()]).pop(0)
nn.ModuleList([nn.ReLU(), nn.Tanh()])[::-1]
nn.ModuleDict({"a": nn.ReLU()})(1)
nn.ModuleDict({"a": nn.ReLU()})["b"]
nn.ModuleDict({"a": 3})
nn.ModuleDict([["a", nn.ReLU()]])
nn.ModuleDict(3)
nn.ModuleDict({"a": nn.ReLU()}).keys()
list(nn.ModuleDict({"a": nn.ReLU()}).items())
nn.ParameterList([L.zeros(2), L.zeros(1)])
nn.ParameterList([L.zeros(2), 3, "a"])
nn.ParameterList(L.zeros(2))
nn.ParameterList(3)
nn.ParameterList([L.zeros(2)])[5]
nn.ParameterList([L.zeros(2)])[-1]
nn.ParameterList([L.zeros(2)]).append(L.ones(1))
nn.ParameterList([L.zeros(2)]).extend([L.ones(1)])
nn.ParameterList([L.zeros(2)]).extend(3)
nn.ParameterList([L.zeros(2)]) + [L.zeros(1)]
nn.ParameterList([L.zeros(2)]) + nn.ParameterList([L.zeros(1)])
nn.ParameterList([L.zeros(2)])(1)
nn.ParameterList([L.zeros(2)]).pop(0)
len(nn.ParameterList([L.zeros(2)]*3)[1:])
list(reversed(nn.ParameterList([L.zeros(2), L.zeros(1)])))[0].shape
nn.ParameterDict({"b": L.zeros(2), "a": L.zeros(1)})
nn.ParameterDict({"b": 3})
nn.ParameterDict(3)
nn.ParameterDict({"a": L.zeros(1)}) | nn.ParameterDict({"b": L.zeros(1)})
nn.ParameterDict({"a": L.zeros(1)}) | {"b": 3}
nn.ParameterDict({"a": L.zeros(1)}).pop("a")
nn.ParameterDict({"a": L.zeros(1)}).get("b", 3)
nn.ParameterDict({"a": L.zeros(1)})["b"]
nn.ParameterDict({"a": L.zeros(1)}).popitem()
nn.ParameterDict({"a": L.zeros(1)}).setdefault("b", L.zeros(2))
nn.ParameterDict().fromkeys(["a","b"], 3)
list(nn.ParameterDict({"a": L.zeros(1), "b": L.zeros(1)}).keys())
nn.ParameterDict({"a": L.zeros(1)})(1)
nn.ParameterDict({"a.b": L.zeros(1)})
nn.ParameterDict({"keys": L.zeros(1)})
nn.ParameterDict({"training": L.zeros(1)})
nn.Parameter()
nn.Parameter(L.zeros(2), False)
nn.Parameter(L.zeros(2).long())
nn.Parameter(L.zeros(2).long(), requires_grad=False)
nn.Parameter(data=L.zeros(1), requires_grad=True)
isinstance(nn.Buffer(L.zeros(1)), nn.Buffer)
isinstance(L.zeros(1), nn.Buffer)
isinstance(nn.Parameter(L.zeros(1)), nn.Buffer)
isinstance(nn.Parameter(L.zeros(1)), L.Tensor)
nn.Buffer(L.zeros(2), persistent=False).persistent
copy.deepcopy(nn.Parameter(L.ones(1)))
nn.parameter.Parameter is nn.Parameter
nn.parameter.is_lazy(nn.Parameter(L.zeros(1)))
m[0].weight.data.shape
hash(m) == hash(m)
m == m
m.state_dict(keep_vars=True)["0.weight"] is m[0].weight
nn.Identity(1, a=2)(3)
nn.Flatten(1)(L.zeros(2,3,4)).shape
nn.Unflatten(1, (2,2))(L.zeros(2,4)).shape
nn.DataParallel(nn.Linear(2, 2))
list(nn.DataParallel(m, device_ids=[0]).state_dict())
nn.DataParallel(nn.Linear(2, 2)).module
nn.DataParallel(m).device_ids
nn.DataParallel(nn.Flatten())(L.zeros(2, 3, 4)).shape
nn.ReLU()()
nn.ReLU()(1, 2)
nn.Linear("a", 2)
nn.Linear(2)
nn.Linear(2, 2, foo=1)
""".strip().split("\n")


def answer(lib, line):
    """Return what a line evaluates to, as text, or the type of what it raises."""
    nn = lib.nn
    lib.manual_seed(0)
    m = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Sequential(nn.ReLU()))
    m(lib.zeros(4, 2)).sum().backward()
    names = {"L": lib, "nn": nn, "m": m, "copy": copy, "pickle": pickle, "OrderedDict": OrderedDict}
    try:
        result = eval(line, names)
    except Exception as error:
        return type(error).__name__
    text = repr(result) if hasattr(result, "requires_grad") else str(result)
    size = lambda match: f"({match[1]})" if ", " in match[1] or not match[1] else f"({match[1]},)"
    text = re.sub(r"torch.Size.\[([^]]*)\].", size, text)
    return re.sub(r"0x\w+|torch\.|minigrad\.", "", text)


@pytest.mark.parametrize("line", LINES)
def test_answers_and_refuses_as_pytorchs(line, torch):
    assert answer(mg, line) == answer(torch, line)


def test_the_hooks_and_devices_that_are_not_there_say_so():
    m = nn.Linear(1, 1)
    for call, words in ((m.share_memory, "belongs to one process"), (m.cuda, "CPU alone"), (m.xpu, "CPU alone")):
        with pytest.raises(RuntimeError, match=words):
            call()


def test_a_class_may_ask_for_the_init_of_the_next(torch):
    def seen(lib):
        class Named:
            def __init__(self, name):
                self.name = name

        class Both(lib.nn.Module, Named):
            call_super_init = True

            def __init__(self):
                super().__init__("n")

        return Both().name

    assert seen(mg) == seen(torch)
