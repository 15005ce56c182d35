"""examples/vanilla_vs_batchnorm.py as a student would run it, and that its comparison is a fair one."""

import importlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("vanilla_vs_batchnorm")


def run(*arguments):
    command = [sys.executable, str(EXAMPLES / "vanilla_vs_batchnorm.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_it_ends_in_a_table_and_a_picture(mnist_folder, tmp_path):
    picture = tmp_path / "curves.png"
    done = run("--data", mnist_folder, "--steps", 150, "--every", 50, "--picture", picture)
    assert done.returncode == 0, done.stderr
    lines = {line[:34].strip(): line[34:].split("  ") for line in done.stdout.splitlines()}
    accuracy = [part.strip() for part in lines["test accuracy after 150 steps"] if part]
    assert accuracy[1] == "100.00%" and accuracy[0] != accuracy[1]  # BatchNorm learns the bars at once
    assert "steps to 97%" in lines and "ms per training step" in lines
    assert [part.strip() for part in lines["parameters"] if part] == ["99,710", "100,010"]  # 600: γ and β
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_both_nets_start_with_the_same_weights(example):
    vanilla, batchnorm = (
        [p.detach().numpy() for p in example.build(norm, 3).parameters()] for norm in ("none", "batch")
    )
    weights = [[p for p in net if p.ndim == 2] for net in (vanilla, batchnorm)]
    assert len(weights[0]) == 4
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_steps_to_a_goal_never_reached_are_censored(example):
    row = {"curve": {0: 0.1, 250: 0.92, 500: 0.94}, "ms per step": 1.0, "parameters": 7}
    text = example.table({"none": row, "batch": row}, 500)
    assert "steps to 90%                               250         250" in text
    assert "steps to 95%                             > 500       > 500" in text


def test_interrupted_it_shows_what_was_measured(mnist_folder, tmp_path):
    picture = tmp_path / "curves.png"
    command = [
        sys.executable,
        str(EXAMPLES / "vanilla_vs_batchnorm.py"),
        "--data",
        str(mnist_folder),
        "--picture",
        str(picture),
    ]
    listening = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*command, "--steps", "1000000", "--every", "20"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=listening,
    )  # fmt: skip
    first = process.stdout.readline()  # the data are there
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    text, faults = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in faults and "to train on" in first
    assert "interrupted; last test at step" in text and "BatchNorm" not in text.splitlines()[1]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--steps", "0"], "expected a number above 0, got 0"),
        (["--picture", "/nowhere/x.png"], "argument --picture: cannot write to '/nowhere'"),
        (["--picture", "x.doc"], "argument --picture: 'x.doc' does not end in"),
        (["--seed", "99999999999999999999"], "argument --seed: expected a number of 64 bits"),
    ],
)
def test_wrong_arguments(arguments, words):
    done = run(*arguments)
    assert done.returncode == 2 and words in done.stderr


def test_help():
    assert "--lr" in run("--help").stdout
