"""The benchmark runs, minigrad and PyTorch take the same steps, and the page comes from the figures."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "benchmarks"))
import nets
import page
from peers import functional, minigrad_eager, numpy_by_hand, products_alone, pytorch_eager


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("net", nets.NETS)
def test_minigrad_and_pytorch_take_the_same_steps(torch, net, optimizer):
    threads = torch.get_num_threads()
    ours, theirs = minigrad_eager.step(net, optimizer, 1), pytorch_eager.step(net, optimizer, 1)
    torch.set_num_threads(threads)
    for _ in range(2 if net == "gpt" else 3):
        assert ours() == pytest.approx(theirs(), rel=1e-4)


@pytest.mark.parametrize("net", nets.SIZES)
def test_the_floor_by_hand_is_the_same_arithmetic(torch, net):
    x, y = nets.data(net)
    values = [torch.tensor(v, requires_grad=True) for v in functional.parameters(net)]
    step = numpy_by_hand.step(net, "sgd", 1)
    for _ in range(3):
        a, *rest = torch.tensor(x), *values
        bn, layers = net.endswith("_bn"), len(nets.SIZES[net]) - 1
        for i in range(layers):
            a = a @ rest.pop(0)
            if bn and i < layers - 1:
                a = torch.nn.functional.batch_norm(a, None, None, rest.pop(0), rest.pop(0), True)
            else:
                a = a + rest.pop(0)
            if i < layers - 1:
                a = a.sigmoid() if net.startswith("fig1") else a.relu()
        loss = torch.nn.functional.cross_entropy(a, torch.tensor(y))
        assert step() == pytest.approx(loss.item(), rel=1e-4)
        for value, grad in zip(values, torch.autograd.grad(loss, values), strict=True):
            value.data -= 0.01 * grad


def test_what_a_floor_is_not_written_for_is_said():
    for floor in (numpy_by_hand, products_alone):
        for net, optimizer in (("gpt", "sgd"), ("fig1", "adam")):
            with pytest.raises(NotImplementedError, match=net):
                floor.step(net, optimizer, 1)


def test_the_command_runs_and_the_page_is_made_of_its_json(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks/run.py"), "--quick", "--json", str(tmp_path / "out.json")]
    peers = ["--peers", "minigrad_eager,numpy_by_hand,products_alone"]
    done = subprocess.run([*command, *peers], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert [step["net"] for step in result["steps"]] == ["fig1_bn", "lstm"]
    assert result["steps"][0]["peers"]["NumPy by hand"]["ratio"] > 0 and "| fig1_bn | sgd | 1 |" in done.stdout
    page.write(result, tmp_path)
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert result["commit"] in text and (tmp_path / "performance.svg").stat().st_size > 1000


def test_wrong_arguments_are_refused():
    for extra, words in (
        (["--nets", "alexnet"], "alexnet is not one of"),
        (["--quick", "--write"], "no figures to publish"),
    ):
        done = subprocess.run([sys.executable, str(ROOT / "benchmarks/run.py"), *extra], capture_output=True, text=True)
        assert done.returncode == 2 and words in done.stderr


def test_ratios_are_shown_with_their_range():
    assert page._ratio({"ratio": 0.5, "ratio_range": [0.4, 0.6]}) == "**0.50** (0.40–0.60)" and page._ratio(None) == "–"
    assert np.isfinite(nets.data("fig1")[0]).all()
