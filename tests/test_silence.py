"""Infinities and NaN come without a word, whatever records or filters warnings; our own warnings name the user's line."""

import os
import pydoc
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import nn

pytestmark = pytest.mark.skipif("MINIGRAD_LOUD" in os.environ, reason="MINIGRAD_LOUD is set: nothing is silent")

SILENT = """
import warnings, numpy as np, minigrad as mg
x, z = mg.tensor([float("inf"), 3e38, 0.0, -1.0], requires_grad=True), mg.tensor([0.0, 3e38, 0.0, 2.0])
def use():
    for y in (x * z, x - x, x / z, x @ z, x.log(), x.sqrt(), x.exp(), x**z, (x * 3e38).sum(), x.var(), x.double().mul(1e300).float()):
        y.sum().backward()
    return np.float32(3e38) * np.ones(1, np.float32)
use()
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    use()
assert not said, said
warnings.simplefilter("error")
use()
np.seterr(all="raise")
use()
"""


def test_infinities_and_nan_come_without_a_word():
    done = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    own = SILENT.replace("use()\n", "np.float32(3e38) * np.float32(3e38)\n", 2)  # what is not ours is still warned of
    assert "overflow" in subprocess.run([sys.executable, "-c", own], capture_output=True, text=True).stderr


def odd(**kinds):
    return mg.tensor([[float("nan"), float("inf"), -float("inf"), 0.0, 3e38]] * 2, **kinds)


def clipped():
    x = odd().requires_grad_()
    (x * x).sum().backward()
    (x * x).sum().backward()  # adds to the gradient
    nn.utils.clip_grad_norm_([x], 1.0)
    nn.utils.clip_grad_value_([x], 1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: 1 / odd(), lambda: odd().mean(), lambda: odd().median(), lambda: odd().softmax(1),
        lambda: odd().div_(0), lambda: odd().copy_(odd(dtype=mg.float64) * 1e300), lambda: odd().fill_(1e300),
        lambda: odd()[0].__setitem__(0, 1e300), lambda: odd().half(),
        lambda: mg.tensor([1e300, float("nan")], dtype=mg.float64).to(mg.int8), lambda: mg.full((2,), 1e300),
        lambda: mg.linspace(0, float("inf"), 3), lambda: mg.logspace(0, 1000, 3), lambda: mg.normal(odd(), odd().abs()),
        lambda: nn.BatchNorm1d(5).eval()(odd() * 2), lambda: nn.functional.cross_entropy(odd(), mg.tensor([0, 1])), clipped,
    ],
)  # fmt: skip
@pytest.mark.parametrize("action", ["always", "default", "error"])
def test_whatever_is_asked_of_warnings(call, action):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter(action)
        call()
    assert [str(w.message) for w in said if "encountered" in str(w.message)] == []


def use_up():
    nn.utils.clip_grad_norm_((p for p in ()), 1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mg.tensor([[mg.ones(()).requires_grad_()], [1.0]]), lambda: mg.ones(1).var(), use_up,
        lambda: mg.arange(2)[mg.tensor([1, 0], dtype=mg.uint8)], lambda: (mg.ones(2).requires_grad_() * 2).grad,
        lambda: nn.Softmax()(mg.ones(2)), lambda: nn.functional.mse_loss(mg.ones(2), mg.ones(1)),
        lambda: mg.ones(1).requires_grad_().sum().backward(create_graph=True), lambda: nn.init.kaiming_normal_(mg.ones(2, 0)),
        lambda: mg.autograd.detect_anomaly(),
    ],
)  # fmt: skip
def test_a_warning_of_ours_names_the_line_that_led_to_it(call):
    with pytest.warns() as said:
        call()
    assert {w.filename for w in said} == {__file__}


def test_modules_keep_their_names_and_warn_by_one_function():
    import minigrad.engine.recording as recording

    assert (
        recording.__name__ == "minigrad.engine.recording"
        and recording.record_unary.__module__ == "minigrad.engine.recording"
    )
    assert re.search(r"record_nary\(\s*primitive", pydoc.plain(pydoc.render_doc(recording)))
    root = Path(mg.__file__).parent
    sources = [*root.rglob("*.py"), *root.parent.joinpath("nn").rglob("*.py")]
    assert [p.name for p in sources if "warnings.warn(" in p.read_text()] == ["silence.py"]
