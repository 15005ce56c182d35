"""examples/mnist.py --distributed in several processes: the same weights as in one, stopped and resumed, one voice."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import ranks

import minigrad as mg

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "mnist.py"


def command(n, *arguments):
    start = [] if n == 0 else [ranks.MPIEXEC, "-n", str(n)]
    return [*start, sys.executable, str(EXAMPLE), *(["--distributed"] if n else []), *map(str, arguments)]


def run(n, *arguments, status=0):
    """Run the example in ``n`` processes, for 0 without --distributed; return standard output and error."""
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command(n, *arguments), capture_output=True, text=True, timeout=120, env=env, stdin=subprocess.DEVNULL
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout, done.stderr


def weights(folder):
    return {key: t.numpy() for key, t in mg.load(folder / "model.safetensors").items()}


def assert_close(a, b, tolerance):
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_allclose(a[key], b[key], rtol=0, atol=tolerance * max(1, np.abs(b[key]).max()), err_msg=key)


@pytest.fixture(scope="session")
def in_one_process(mnist_folder, tmp_path_factory):
    """The options of a run, by model, and the folder of the weights that one process came to."""
    found = {}
    for model in ("paper", "cnn"):
        folder = tmp_path_factory.mktemp(model)
        options = ("--data", mnist_folder, "--epochs", 1, "--batch-size", 70, "--model", model)
        run(0, *options, "--out", folder)
        found[model] = options, folder
    return found


@pytest.mark.parametrize(("model", "n", "tolerance"), [("paper", 2, 1e-5), ("paper", 3, 1e-5), ("cnn", 2, 1e-3)])
def test_the_weights_are_those_of_one_process_on_the_joined_batch(
    mpiexec, in_one_process, tmp_path, model, n, tolerance
):
    options, one = in_one_process[model]
    text, bar = run(n, *options, "--out", tmp_path)
    assert_close(weights(tmp_path), weights(one), tolerance)
    assert text.count("test accuracy") == text.count("epoch  1") == text.count("written to") == 1
    assert len(re.findall(r"epoch 1/1:\s+0%", bar)) == 1 and "Traceback" not in bar
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"model.safetensors", "checkpoint.safetensors", "metrics.json", "curves.png"}


def test_stopped_by_ctrl_c_and_resumed_with_another_number_of_processes(mpiexec, mnist_folder, tmp_path):
    options = ("--data", mnist_folder, "--epochs", 8, "--batch-size", 20, "--model", "paper", "--lr", 0.02)
    run(0, *options, "--out", tmp_path / "one")
    out = tmp_path / "several"
    process = subprocess.Popen(
        command(3, *options, "--out", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    checkpoint = out / "checkpoint.safetensors"
    while not checkpoint.exists() and process.poll() is None:  # after the first epoch
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 130 and text.count("Interrupted after step") == 1 and "Traceback" not in text
    assert 30 <= mg.load(checkpoint)["run"]["step"] < 240
    run(2, *options, "--out", out, "--resume")
    assert_close(weights(out), weights(tmp_path / "one"), 1e-5)


def test_errors_are_said_once(mpiexec, mnist_folder, tmp_path):
    for arguments, words in (
        (("--epochs", 0), "expected a number above 0, got 0"),
        (("--out", "/dev/null/x"), "--out: cannot write to '/dev/null/x'"),
        (("--resume",), "no checkpoint"),
        (("--data", "/nowhere"), "'/nowhere' is not a folder"),
    ):
        text, error = run(2, "--data", mnist_folder, "--out", tmp_path, *arguments, status=2)
        assert error.count(words) == 1 and "Traceback" not in error and "epoch  1" not in text


def test_without_mpiexec_it_is_one_process(mnist_folder, in_one_process, tmp_path):
    options, one = in_one_process["paper"]
    text, _ = run(0, "--distributed", *options, "--out", tmp_path)
    assert "test accuracy" in text
    assert_close(weights(tmp_path), weights(one), 0)


def test_each_rank_takes_its_share_of_the_cores(mpiexec):
    words = "'threads %s\\n' % os.environ.get('OPENBLAS_NUM_THREADS')"  # one write: pieces of print may mix
    code = f"import minigrad, os, sys; sys.stdout.write({words})"
    plain = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    cores = len(os.sched_getaffinity(0))
    for n, extra, expected in ((2, {}, max(1, cores // 2)), (1, {}, None), (2, {"OPENBLAS_NUM_THREADS": "3"}, 3)):
        done = subprocess.run([ranks.MPIEXEC, "-n", str(n), sys.executable, "-c", code], env={**plain, **extra}, capture_output=True, text=True, check=True)  # fmt: skip
        assert done.stdout.count(f"threads {expected}\n") == n, done.stdout
