"""The benchmark runs, minigrad and PyTorch take the same steps, and the page comes from the figures."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "benchmarks"))
import by_hand
import nets
import page
import run
import turns
from peers import functional, minigrad_eager, products_alone, pytorch_eager

import minigrad as mg
from minigrad import nn


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("net", nets.NETS)
def test_minigrad_and_pytorch_take_the_same_steps(torch, net, optimizer):
    threads = torch.get_num_threads()
    ours, theirs = minigrad_eager.step(net, optimizer, 1), pytorch_eager.step(net, optimizer, 1)
    torch.set_num_threads(threads)
    for _ in range(2 if net == "gpt" else 3):
        assert ours() == pytest.approx(theirs(), rel=1e-4)


def conv(_, x, weight):
    kernel = weight.reshape(3, 3, x.shape[-1], -1).permute(3, 2, 0, 1)
    return nn.functional.conv2d(x.permute(0, 3, 1, 2), kernel, padding=1).permute(0, 2, 3, 1)


@pytest.mark.parametrize("net", nets.NETS)
def test_the_floor_by_hand_is_the_same_arithmetic(net):
    values, (x, y) = [v.astype(np.float64) for v in functional.parameters(net)], nets.data(net)
    x = x if net == "gpt" else x.astype(np.float64)  # in float32 rounding opens a ReLU's gate here and closes it there
    tensors = [mg.tensor(v, requires_grad=True) for v in values]
    loss = functional.loss(np, net, tensors, x if net == "gpt" else mg.tensor(x), y, conv)
    loss.backward()
    by_itself, grads = by_hand.GRADIENTS[net](net, values, x, y)
    assert by_itself == pytest.approx(loss.item(), rel=1e-6)
    assert sum(v.size for v in values) == sum(p.numel() for p in nets.build(net, mg, nn).parameters())
    for tensor, g in zip(tensors, grads, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), g, rtol=1e-6, atol=1e-9 * np.abs(g).max())


@pytest.mark.parametrize("net", nets.NETS)
def test_the_floor_stays_in_float32(net):
    loss, grads = by_hand.GRADIENTS[net](net, functional.parameters(net), *nets.data(net))
    assert all(g.dtype == np.float32 for g in grads) and np.isfinite(loss)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_floor_moves_as_the_optimizers_do(optimizer):
    values = functional.parameters("fig1")
    ours = [nn.Parameter(mg.tensor(v)) for v in values]
    make = mg.optim.SGD if optimizer == "sgd" else mg.optim.Adam
    theirs, update = make(ours, lr=functional.RATES[optimizer]), functional.descent(optimizer, values)
    for seed in range(3):
        grads = [np.random.default_rng(seed).standard_normal(v.shape).astype(np.float32) for v in values]
        for p, g in zip(ours, grads, strict=True):
            p.grad = mg.tensor(g)
        theirs.step()
        update(grads)
    for p, v in zip(ours, values, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), v, rtol=1e-5, atol=1e-7)


def test_the_products_are_those_of_the_step():
    step = products_alone.step("fig1", "adam", 1)
    assert step() == 0 and [shape[2:] for shape in products_alone.shapes("fig1")] == [
        (60, 784, 100, False), (60, 100, 100, True), (60, 100, 100, True), (60, 100, 10, True),
    ]  # fmt: skip


def test_the_command_runs_and_the_page_is_made_of_its_json(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks/run.py"), "--quick", "--json", str(tmp_path / "out.json")]
    peers = ["--peers", "minigrad_eager,minigrad_compiled,numpy_by_hand,products_alone"]
    done = subprocess.run([*command, *peers], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert [step["net"] for step in result["steps"]] == ["fig1_bn", "lstm"]
    own, by_itself = (result["steps"][0]["peers"][name] for name in ("minigrad", "NumPy by hand"))
    assert by_itself["ratio"] == pytest.approx(own["turns"][0] / by_itself["turns"][0], rel=0.01)
    assert "backward" in own and own["peak"] > 0 and "backward" not in by_itself
    assert result["optimizers"]["minigrad"].keys() == {f"{o}, 10,000 in {n}" for o in ("SGD", "Adam") for n in (1, 100)}
    assert "| fig1_bn | sgd | 1 |" in done.stdout
    assert "| fig1_bn | sgd | 1 | exact |" in done.stdout
    result["surroundings"] = {"minigrad": [0.1, 0, 1e5]}
    page.write(result, tmp_path)
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert result["commit"] in text and (tmp_path / "performance.svg").stat().st_size > 1000


def test_compiled_steps_have_a_table_of_shares_turn_by_turn():
    eager = {"ms": 2.0, "turns": [2.0, 4.0, 2.0], "peak": 2**20}
    exact, loops = ({"ms": ms, "turns": [ms, ms, ms], "peak": 3 * 2**19} for ms in (1.0, 0.5))
    peers = {"minigrad": eager, "minigrad compiled": exact, "minigrad loops": loops, "JAX jit": exact}
    step = {"net": "fig1", "optimizer": "sgd", "threads": 1, "peers": peers}
    *_, first, second = page.compiled({"steps": [step]}).splitlines()
    assert (
        first
        == "| fig1 | sgd | 1 | exact | 1.00 | **0.50** (0.25–0.50) | – | **1.00** (1.00–1.00) | – | – | 1.5, 1.0 |"
    )
    assert second.startswith("| fig1 | sgd | 1 | loops | 0.50 | **0.25** (0.12–0.25) | – | **0.50**")


def test_quick_gives_way_to_what_was_said():
    args = run.arguments(["--quick", "--nets", "wide_bn", "--threads", "2"])
    assert (args.nets, args.threads, args.repeats) == (["wide_bn"], ["2"], 1) and "pytorch_compiled" not in args.peers
    assert run.arguments([]).nets == list(nets.NETS) and run.arguments([]).repeats == 7


def test_a_peer_that_fails_is_reported_and_the_others_go_on(monkeypatch):
    said, first = [], turns.Worker.turn
    monkeypatch.setattr(turns.Worker, "turn", lambda self, seconds: (self.process.kill(), first(self, seconds)))
    with_one_dead = turns.measure("fig1", "sgd", 1, ["numpy_by_hand"], 2, 0.01, said.append)
    assert with_one_dead["peers"] == {} and "NumPy by hand stopped at fig1" in said[0]
    assert page.missing({"steps": [with_one_dead]}).startswith("- NumPy by hand: stopped at fig1")
    monkeypatch.setattr(turns.Worker, "turn", first)
    found = turns.measure("unknown", "sgd", 1, ["numpy_by_hand", "products_alone"], 1, 0.01, said.append)
    assert found["peers"] == {} and "could not run unknown: KeyError" in said[1]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="/proc tells whether a process stands still")
def test_who_is_not_measured_stands_still():
    def state():
        for _ in range(500):  # a signal takes a moment
            found = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
            if found == "T":
                break
            time.sleep(0.01)
        return found

    worker = turns.Worker("numpy_by_hand", "fig1", "sgd", 1)
    try:
        assert state() == "T"
        worker.turn(0.01)
        assert state() == "T" and len(worker.turns) == 1
    finally:
        worker.close()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system tells no process where to run")
def test_all_run_on_the_same_processors():
    there = sorted(os.sched_getaffinity(0))
    for threads in (1, 2):
        worker = turns.Worker("numpy_by_hand", "fig1", "sgd", threads)
        try:
            assert sorted(os.sched_getaffinity(worker.process.pid)) == there[-threads:]
        finally:
            worker.close()


def test_wrong_arguments_are_refused():
    for extra, words in (
        (["--nets", "alexnet"], "alexnet is not one of"),
        (["--quick", "--write"], "no figures to publish"),
        (["--threads", "0"], "no number of threads"),
    ):
        done = subprocess.run([sys.executable, str(ROOT / "benchmarks/run.py"), *extra], capture_output=True, text=True)
        assert done.returncode == 2 and words in done.stderr


def test_ratios_are_shown_with_their_range():
    assert page._ratio({"ratio": 0.5, "ratio_range": [0.4, 0.6]}) == "**0.50** (0.40–0.60)" and page._ratio(None) == "–"
    assert page._ratio({"ms": 1.5}) == "1.50 ms" and page._memory({"peak": 2**21}, {"peak": 2**20}) == "2.00 (2 MiB)"
    assert np.isfinite(nets.data("fig1")[0]).all()
