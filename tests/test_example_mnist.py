"""examples/mnist.py as a stranger would run it, on small made-up files: what it leaves behind, what
it refuses, and that a run stopped and resumed ends with the same bits."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import minigrad as mg

EXAMPLE = Path(__file__).parent.parent / "examples" / "mnist.py"
MINIMAL = EXAMPLE.with_name("mnist_minimal.py")


def command(*arguments):
    return [sys.executable, str(EXAMPLE), "--threads", "1", *map(str, arguments)]


def run(*arguments, status=0, **options):
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_what_a_run_leaves_behind(mnist_folder, tmp_path, dot):
    text = run("--data", mnist_folder, "--out", tmp_path, "--epochs", 2, "--batch-size", 50)
    assert "test accuracy" in text and "MNIST" in text
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["test_accuracy"] > 0.5 and len(metrics["runs"]["batch"]["history"]) == 2
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "BatchNorm1d" in (tmp_path / "graph.svg").read_text()
    assert f"written to {tmp_path}: model.safetensors metrics.json curves.png graph.svg" in text
    assert "1.weight" in mg.load(tmp_path / "model.safetensors")


def test_compiled_it_gives_the_same_numbers(mnist_folder, tmp_path):
    histories = []
    for options in ((), ("--compile",)):
        run("--data", mnist_folder, "--out", tmp_path, "--epochs", 2, "--batch-size", 7, "--model", "paper", *options)
        metrics = json.loads((tmp_path / "metrics.json").read_text())
        history = metrics["runs"]["batch"]["history"]
        histories.append([{k: v for k, v in epoch.items() if "seconds" not in k} for epoch in history])
    assert histories[0] == histories[1]


def test_without_dot_it_says_how_to_install_it_and_goes_on(mnist_folder, tmp_path):
    text = run("--data", mnist_folder, "--out", tmp_path, "--epochs", 1, env={**os.environ, "PATH": ""})
    assert "apt install graphviz" in text and (tmp_path / "metrics.json").is_file()
    assert not (tmp_path / "graph.svg").exists() and "metrics.json curves.png\n" in text


@pytest.mark.parametrize("model", ["cnn", "paper"])
def test_the_comparison(mnist_folder, tmp_path, model):
    text = run(
        "--data", mnist_folder, "--out", tmp_path, "--epochs", 2, "--batch-size", 4, "--model", model, "--compare"
    )
    assert "without" in text and "BatchNorm" in text
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics["test_accuracy"]) == {"batch", "none"}


def test_stopped_and_resumed_it_ends_with_the_same_bits(mnist_folder, tmp_path):
    options = ("--data", mnist_folder, "--epochs", 3, "--batch-size", 4, "--seed", 5)
    run(*options, "--out", tmp_path / "whole")
    part = subprocess.Popen(command(*options, "--out", tmp_path / "part"), stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "part" / "checkpoint.safetensors"
    while not checkpoint.exists() and part.poll() is None:  # after the first epoch
        time.sleep(0.02)
    time.sleep(0.1)  # somewhere in the second
    part.send_signal(signal.SIGINT)
    _, text = part.communicate(timeout=60)
    assert part.returncode == 130 and "--resume" in text
    assert 150 < mg.load(checkpoint)["run"]["step"] < 450
    run(*options, "--out", tmp_path / "part", "--resume")
    for name in ("model.safetensors", "checkpoint.safetensors"):
        whole, resumed = (mg.load(tmp_path / part / name) for part in ("whole", "part"))
        assert flat(whole) == flat(resumed)


def flat(state):
    """Return everything in a checkpoint but the clock, tensors as bytes."""
    if isinstance(state, dict):
        return {k: flat(v) for k, v in state.items() if k != "seconds"}
    if isinstance(state, list):
        return [flat(v) for v in state]
    return (state.numpy().tobytes(), state.shape) if isinstance(state, mg.Tensor) else state


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "0"], "expected a number above 0, got 0"),
        (["--lr", "-1"], "expected a number above 0, got -1"),
        (["--lr", "nan"], "expected a number above 0, got nan"),
        (["--model", "transformer"], "invalid choice: 'transformer'"),
        (["--out", "/dev/null/x"], "--out: cannot write to '/dev/null/x'"),
        (["--data", "/nowhere"], "'/nowhere' is not a folder"),
        (["--resume"], "no checkpoint"),
        (["--resume", "--compare"], "no checkpoint"),
        (["--seed", "99999999999999999999"], "argument --seed: expected a number of 64 bits"),
        (["--compare", "--norm", "none"], "--norm: not allowed with argument --compare"),
    ],
)
def test_wrong_arguments(mnist_folder, tmp_path, arguments, words):
    defaults = ["--data", mnist_folder, "--out", tmp_path]
    text = run(*defaults, *arguments, status=2)
    assert words in text and "Traceback" not in text


def test_a_run_goes_on_only_as_what_it_is(mnist_folder, tmp_path):
    out = tmp_path / "out"
    run("--data", mnist_folder, "--out", out, "--epochs", 1)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    other = tmp_path / "other"
    shutil.copytree(mnist_folder, other)
    labels = other / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + bytes([9 - labels.read_bytes()[-1]]))
    for arguments, words in (
        (("--model", "cnn"), "was started with --model mlp (now cnn)"),
        (("--epochs", 2), "was started with --epochs 1 (now 2)"),
        (("--norm", "none"), "was started with --norm batch (now none)"),
        (("--data", other), "was started with --data MNIST, 600 + 200 images, CRC-32 "),
    ):
        text = run("--data", mnist_folder, "--out", out, "--epochs", 1, *arguments, "--resume", status=2)
        assert words in text.splitlines()[-1] and "Traceback" not in text
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    for content, words in (
        (mg.ones(2), "is no checkpoint of this"),
        ({"settings": {}}, "is no checkpoint of this example: it has no 'model'"),
    ):
        mg.save(content, out / "checkpoint.safetensors")
        text = run("--data", mnist_folder, "--out", out, "--epochs", 1, "--resume", status=2)
        assert words in text.splitlines()[-1] and "Traceback" not in text


def small_disk():
    """Let files of this process end at 100 kB, as a full disk does."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk_is_a_line(mnist_folder, tmp_path):
    text = run("--data", mnist_folder, "--out", tmp_path, "--epochs", 1, status=1, preexec_fn=small_disk)
    assert f"mnist.py: {tmp_path}/checkpoint.safetensors: File too large" in text and "Traceback" not in text
    assert list(tmp_path.iterdir()) == []  # no half of a file


WAITING = "print('waiting', flush=True); time.sleep(60)"
BEFORE = {  # what the program does when it is interrupted
    "its imports": WAITING,
    "reading data": f"""
import minigrad.datasets.mnist as mnist, runpy
def read(*args, **options):
    {WAITING}
mnist.MNIST.__init__ = read
runpy.run_path(sys.argv[0], run_name="__main__")
""",
}


@pytest.mark.parametrize("where", BEFORE)
def test_interrupted_before_the_first_step_it_leaves_in_one_line(tmp_path, where):
    arguments = [str(EXAMPLE), "--data", str(tmp_path)]
    begin = f"import sys, time; sys.path.insert(0, {str(EXAMPLE.parent)!r}); sys.argv = {arguments}"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{begin}; import support\n{BEFORE[where]}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 130 and text.strip() == "Interrupted."


@pytest.mark.parametrize("package", ["tqdm", "matplotlib"])
def test_without_a_package_it_names_the_extra(mnist_folder, tmp_path, package):
    script = f"""if True:
        import runpy, sys
        sys.modules[{package!r}] = None
        sys.path.insert(0, {str(EXAMPLE.parent)!r})
        sys.argv = [{str(EXAMPLE)!r}, "--data", {str(mnist_folder)!r}, "--out", {str(tmp_path)!r}]
        runpy.run_path(sys.argv[0], run_name="__main__")"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith(f"mnist.py needs {package}: pip install -e '.[examples]'")
    assert "Traceback" not in done.stderr


def test_a_corrupt_file_is_an_error_not_a_traceback(mnist_folder, tmp_path):
    for file in mnist_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    images = tmp_path / "train-images-idx3-ubyte"
    images.write_bytes(gzip.compress(images.read_bytes())[:-100])
    text = run("--data", tmp_path, "--out", tmp_path / "out", status=2)
    assert "cut off or corrupt" in text and images.name in text and "Traceback" not in text


def accuracy_of_minimal(*arguments, **environment):
    command = [sys.executable, str(MINIMAL), *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1].rstrip("%"))


def test_the_minimal_one_learns(mnist_folder):
    assert len(MINIMAL.read_text().splitlines()) <= 40
    assert accuracy_of_minimal(MINIGRAD_DATA=str(mnist_folder)) > 90


def test_the_minimal_one_reaches_97_percent_of_mnist():
    try:
        mg.datasets.MNIST(download=False)
    except FileNotFoundError:
        pytest.skip("MNIST is not installed")
    assert accuracy_of_minimal("--epochs", "2") > 97


def test_help():
    assert "--compare" in run("--help")
