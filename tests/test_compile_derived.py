"""What follows from state alone is computed again where the state has changed, however it was written."""

import runpy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def net():
    mg.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, 5), nn.BatchNorm1d(5))
    for name, x in model.named_buffers():
        if "running" in name:
            x.copy_(mg.rand(*x.shape) + 0.5)
    return model.eval()


def by_hand(model):
    with mg.no_grad():
        model[4].running_var.mul_(2)


def by_bytes(model):
    model[1].running_var.numpy().view(np.uint8)[1] ^= 1  # a bit of the first number


WRITES = {
    "nothing": lambda model: None,
    "in place": by_hand,
    "through an array": lambda model: model[1].running_var.numpy().__setitem__(1, 3.0),
    "one bit": by_bytes,
    "the last of a view": lambda model: model[4].running_var[4:].fill_(0.25),
    "a parameter": lambda model: model[1].weight.detach().numpy().__imul__(-1),
    "load_state_dict": lambda model: model.load_state_dict({n: x * 2 for n, x in model.state_dict().items()}),
    "other memory": lambda model: setattr(model[4], "running_var", mg.full((5,), 0.1)),
    "a NaN": lambda model: model[1].running_var.numpy().__setitem__(0, np.nan),
    "a zero that is negative": lambda model: model[1].bias.detach().numpy().fill(-0.0),
}


@pytest.mark.parametrize("write", WRITES)
def test_state_that_was_written_is_noticed(write):
    model = net()
    predict = mg.compile(model)
    for i in range(12):
        if i in (6, 7, 9):
            WRITES[write](model)
        x = mg.randn(4, 1, 6, 6)
        with mg.no_grad():
            expected = model(x)
        assert predict(x).numpy().tobytes() == expected.numpy().tobytes(), (write, i)
    assert "what follows from state alone" in predict.source


def deep():
    """A net whose later results would fit in where the first layer's small ones stay."""
    mg.manual_seed(0)
    layers = [
        layer for _ in range(3) for layer in (nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 9), nn.ELU(), nn.Linear(9, 5))
    ]
    return nn.Sequential(nn.BatchNorm1d(5), *layers).eval()


@pytest.mark.parametrize(("make", "sample"), [(net, (1, 6, 6)), (deep, (5,))])
def test_it_stays_in_memory_of_its_own_between_calls(make, sample):
    model = make()
    predict = mg.compile(model)
    for i in range(12):
        x = mg.randn(1 + i % 2, *sample)  # two programs, the later one of which runs over the other's
        with mg.no_grad():
            assert predict(x).numpy().tobytes() == model(x).numpy().tobytes()
    assert "what follows from state alone" in predict.source


def test_what_a_step_writes_is_not_derived():
    """Frozen statistics stay as they are in a step that writes the weights; what it writes is read anew."""
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    model[1].freeze(affine=False)
    descent = mg.optim.SGD(model.parameters(), lr=0.1)

    @mg.compile
    def step(x):
        loss = (model(x) ** 2).sum() + (model[1].bias.exp() * 2).sum()
        descent.zero_grad()
        loss.backward()
        descent.step()
        return loss.detach() + model[1].bias.detach().exp().sum()  # read again after it was written

    twin = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    twin.load_state_dict(model.state_dict())
    twin[1].freeze(affine=False)
    other = mg.optim.SGD(twin.parameters(), lr=0.1)
    for i in range(8):
        x = mg.randn(6, 4)
        if i == 5:
            for one in (model, twin):
                one[1].running_var.numpy()[:] = [2, 3, 4]
        loss = (twin(x) ** 2).sum() + (twin[1].bias.exp() * 2).sum()
        other.zero_grad()
        loss.backward()
        other.step()
        expected = loss.detach() + twin[1].bias.detach().exp().sum()
        assert step(x).item() == expected.item(), i
    assert "what follows from state alone" in step.source
    assert model[0].weight.detach().numpy().tobytes() == twin[0].weight.detach().numpy().tobytes()


def test_an_exported_file_computes_it_once(tmp_path):
    model, x = nn.Sequential(*list(net())[3:]).eval(), mg.randn(2, 48)
    file = mg.export(model, x, tmp_path / "net")
    predict = runpy.run_path(str(file))["predict"]
    assert "state_then" in file.read_text()
    for _ in range(3):
        x = mg.randn(2, 48)
        assert predict(x.numpy()).tobytes() == model(x).detach().numpy().tobytes()
