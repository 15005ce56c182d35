"""What a step reads or sets of an object is guarded, whichever way; what else the object holds may change."""

import copy
import dataclasses
import inspect
import operator
import threading
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import pytest
from test_compile_nets import programs, rows, small

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F


class Trainer:
    """Counts its steps beside the model that it trains, as many a program does."""

    def __init__(self):
        mg.manual_seed(0)
        self.model = small()
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.1)
        self.steps, self.losses, self.best, self.scale = 0, [], None, 1.0
        self.compiled = mg.compile(self.step)

    def step(self, x, y):
        loss = F.cross_entropy(self.model(x), y) * self.scale
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def fit(self, step):
        for x, y in rows(10):
            self.losses.append(step(x, y).item())
            self.best = min(self.losses)
            self.steps += 1


def test_a_trainer_counts_beside_its_step():
    eager, compiled = Trainer(), Trainer()
    eager.fit(eager.step)
    compiled.fit(compiled.compiled)
    assert compiled.losses == eager.losses and programs(compiled.compiled) == 1
    assert "replayed" in compiled.compiled.explain()
    for trainer, step in ((eager, eager.step), (compiled, compiled.compiled)):
        trainer.scale = 0.5
        trainer.fit(step)
    assert compiled.losses == eager.losses and programs(compiled.compiled) == 2
    assert "made for step.scale" in compiled.compiled.explain()


def test_classes_are_as_they_were_afterwards():
    def fails(x):
        raise LookupError(len(vars(Trainer)) * int(trainer.scale))

    before, trainer = list(vars(Trainer)), Trainer()
    trainer.fit(trainer.compiled)
    with pytest.raises(LookupError, match=str(len(before) + 3)):
        mg.compile(fails)(mg.ones(3))
    assert list(vars(Trainer)) == before


class Holder:
    general = 2.0

    def __init__(self, **attributes):
        self.factor, self.other = 1.0, 0
        vars(self).update(attributes)

    def __eq__(self, other):
        return self.factor == other.factor

    __hash__ = None

    @property
    def asked(self):
        return self.factor

    def method(self):
        return self.factor

    def __call__(self):
        return self.factor

    def __len__(self):
        return int(self.factor)

    def __getitem__(self, key):
        return getattr(self, key)


class Heir(Holder):
    def method(self):
        return super().method()


class Falling(Holder):
    def __getattr__(self, name):
        return self.__dict__["factor"]


class Own(Holder):
    def __getattribute__(self, name):
        return object.__getattribute__(self, name)


@dataclasses.dataclass
class Config:
    factor: float = 1.0
    other: int = 0
    names: ClassVar[list] = []


@dataclasses.dataclass(frozen=True)
class Frozen:
    factor: float = 1.0
    other: int = 0


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor, self.other = 1.0, 0
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return self.layer(x) * self.factor

    def read(self):
        return self.factor


class Deeper(Net):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def read(self):
        return self.net.factor * super().read()


class Layer(nn.Linear):
    def __init__(self):
        super().__init__(3, 3)
        self.factor = 1.0


@runtime_checkable
class Late(Protocol):
    late: float


class Slotted:
    __slots__ = ("__dict__", "factor")

    def __init__(self):
        self.factor, self.other = 1.0, 0


def matched(x):
    match x:
        case Config(factor=factor):
            return factor


WAYS = {
    "its name": (Holder, lambda x: x.factor),
    "getattr": (Holder, lambda x: getattr(x, "fac" + "tor")),
    "vars": (Holder, lambda x: vars(x)["factor"]),
    "its dictionary": (Holder, lambda x: x.__dict__.get("factor")),
    "attrgetter": (Holder, operator.attrgetter("factor")),
    "methodcaller": (Holder, operator.methodcaller("method")),
    "a property": (Holder, lambda x: x.asked),
    "a method": (Holder, lambda x: x.method()),
    "a call": (Holder, lambda x: x()),
    "an item": (Holder, lambda x: x["factor"]),
    "its length": (Holder, len),
    "a method of a parent": (Heir, lambda x: x.method()),
    "what is not there": (Falling, lambda x: x.nothing),
    "a way of its own": (Own, lambda x: x.factor),
    "the way of object": (Holder, lambda x: object.__getattribute__(x, "factor")),
    "no way at all": (Holder, lambda x: inspect.getattr_static(x, "factor")),
    "a copy": (Holder, lambda x: copy.copy(x).factor),
    "a deep copy": (Holder, lambda x: copy.deepcopy(x).factor),
    "a format": (Holder, lambda x: float("{.factor}".format(x))),  # noqa: UP032
    "a comparison": (Holder, lambda x: 3.0 if x == Holder(factor=2.0) else 4.0),
    "fields": (Config, lambda x: dataclasses.asdict(x)["factor"]),
    "a replacement": (Config, lambda x: dataclasses.replace(x, other=0).factor),
    "its words": (Config, lambda x: float(repr(x).split("=")[1].split(",")[0])),
    "a pattern": (Config, matched),
    "a frozen one": (Frozen, lambda x: x.factor),
    "a slot": (Slotted, lambda x: x.factor),
    "a module's": (Net, lambda x: x.factor),
    "a module's method": (Deeper, lambda x: x.read()),
    "a module's dictionary": (Net, lambda x: vars(x)["factor"]),
    "a module's copy": (Net, lambda x: copy.deepcopy(x).factor),
    "a module's shallow copy": (Net, lambda x: copy.copy(x).factor),
    "a layer's": (Layer, lambda x: x.factor),
    "what a layer tells": (Layer, lambda x: float(x.extra_repr().split("in_features=")[1].split(",")[0])),
    "a module's own": (Net, lambda x: 2.0 if x.training else 3.0),
    "a protocol": (Holder, lambda x: 3.0 if isinstance(x, Late) else 2.0),
    "what is looked for": (Holder, lambda x: 3.0 if hasattr(x, "late") else x.general),
    "what hides the class's": (Holder, lambda x: x.general),
}  # fmt: skip
SET = {
    "a protocol": "late",
    "what a layer tells": "in_features",
    "what is looked for": "late",
    "what hides the class's": "general",
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_read_is_guarded(way):
    make, read = WAYS[way]
    holder, x = make(), mg.ones(3)
    step = mg.compile(lambda x: x * read(holder))
    for i in range(16):
        if i and i % 4 == 0:
            object.__setattr__(holder, SET.get(way, "factor"), float(i // 4 + 1))
        assert step(x).tolist() == [read(holder)] * 3, i
    assert "replayed" in step.explain()


NOT_READ = (
    "its name",
    "a method of a parent",
    "a property",
    "a pattern",
    "what hides the class's",
    "a module's",
    "a layer's",
)


@pytest.mark.parametrize("way", [*NOT_READ, "a module's method"])
def test_what_is_not_read_may_change(way):
    make, read = WAYS[way]
    holder, x = make(), mg.ones(3)
    step = mg.compile(lambda x: x * read(holder))
    for i in range(12):
        holder.other, holder.new = i, [i]
        assert step(x).tolist() == [read(holder)] * 3
    assert programs(step) == 1


def test_what_a_step_sets_is_guarded():
    holder, x = Holder(), mg.ones(3)

    @mg.compile
    def step(x):
        holder.phase = "step"
        return x * holder.factor

    for i in range(12):
        step(x)
        assert holder.phase == "step", i
        if i % 3 == 2:
            holder.phase = "between"


def test_a_dictionary_that_was_taken_out_before():
    holder, x = Holder(), mg.ones(3)
    own = vars(holder)
    step = mg.compile(lambda x: x * own["factor"] * holder.general)
    for i in range(12):
        holder.factor = float(1 + i // 4)
        assert step(x).tolist() == [2.0 * holder.factor] * 3


@pytest.mark.parametrize(
    "make", [Holder, Net, Slotted, lambda: nn.Linear(3, 3)], ids=["object", "net", "slots", "layer"]
)
def test_another_dictionary_of_attributes(make):
    holder, x = make(), mg.ones(3)
    holder.read = 1.0
    step = mg.compile(lambda x: x * holder.read)
    for i in range(12):
        if i % 4 == 0:
            holder.__dict__ = {**vars(holder), "read": float(i)}
        assert step(x).tolist() == [holder.read] * 3


def test_what_only_other_attributes_lead_to_may_change():
    holder, x = Holder(log=[mg.zeros(2)], table=np.zeros(4)), mg.ones(3)
    step = mg.compile(lambda x: x * holder.factor)
    for i in range(12):
        holder.log.append(i)
        holder.log[0] = mg.ones(i + 1)
        holder.table[0] = i
        assert step(x).tolist() == [1.0] * 3
    assert programs(step) == 1


def test_an_argument_that_is_an_object():
    config, x = Config(2.0), mg.ones(3)
    step = mg.compile(lambda x, config: x * config.factor)
    for i in range(12):
        config.other = i
        config.factor = 2.0 + (i > 6)
        assert step(x, config).tolist() == [config.factor] * 3
    assert programs(step) == 2


def test_beside_a_frozen_dataclass_others_are_watched():
    holder, config, x = Holder(), Frozen(3.0), mg.ones(3)
    step = mg.compile(lambda x: x * holder.factor * config.factor)
    for i in range(12):
        holder.other = i
        if i == 6:
            object.__setattr__(config, "factor", 4.0)
        assert step(x).tolist() == [config.factor] * 3
    assert programs(step) == 2


def test_two_threads_write_down_with_objects_of_one_class():
    inside, both = threading.Barrier(2, timeout=60), []

    def run():
        holder = Holder()
        first = []

        @mg.compile
        def step(x):
            if not first:
                first.append(inside.wait())
            return x * holder.factor

        for i in range(8):
            holder.other, holder.factor = i, 1.0 + (i > 4)
            both.append(step(mg.ones(2)).tolist() == [holder.factor] * 2)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert both == [True] * 16 and "__getattribute__" not in vars(Holder)


def test_a_module_may_note_what_it_does_not_read():
    net, x = Net(), mg.ones(2, 3)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @mg.compile
    def step(x):
        loss = net(x).sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    for i in range(12):
        net.epoch, net.history = i, [i]
        step(x)
    assert programs(step) == 1
    layers = {"layer": nn.Linear(3, 3)}
    changes = {
        "mode": net.eval,
        "factor": lambda: setattr(net, "factor", 2.0),
        "layers": lambda: vars(net).update(_modules=layers),
        "forward": lambda: setattr(net, "forward", net.layer),
    }
    for name, change in changes.items():
        change()
        for _ in range(4):
            expected = (net.layer(x) * (1 if "forward" in vars(net) else net.factor)).sum().item()
            assert step(x).item() == expected, name
