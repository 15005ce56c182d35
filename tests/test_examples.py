"""The one-page examples, run short as a stranger would: each ends in its numbers and its picture."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
ANY = r"\d+(\.\d+)?"
SHORT = {  # program: (arguments, what its output says)
    "polynomial.py": ((), "sin x ≈ 0.000 \\+ 0.87[67] x"),
    "custom_function.py": (("--steps", "300"), r"(9\d|100)\.\d% of the points on the right side"),
    "newton.py": (("--steps", "20"), r"Newton: f = \d\.\d\de-\d\d after 6 steps"),
    "gradient_penalty.py": (("--steps", "4"), f"shares: {ANY}%"),
    "time_series.py": (("--steps", "3"), f"error of the next 150 values: {ANY}"),
    "char_gpt.py": (("--steps", "3", "--context", "16"), r"an even guess: 5\.86"),
    "resnet.py": (("--data", "MNIST", "--epochs", "1", "--width", "4"), f"test accuracy {ANY}%"),
    "vae.py": (("--data", "MNIST", "--epochs", "1"), f"epoch 1: {ANY} nats a test image"),
    "dcgan.py": (("--data", "MNIST", "--steps", "3"), f"ink of a drawn image: {ANY}"),
    "fine_tuning.py": (("--data", "MNIST", "--steps", "20"), f"fine-tuned: +325 parameters trained, test accuracy {ANY}%"),
    "early_stopping.py": (("--data", "MNIST", "--epochs", "6"), f"best weights: loss {ANY}, accuracy (9\\d|100)"),
}  # fmt: skip
PAGES = sorted(path.name for path in EXAMPLES.glob("*.py") if "support.page" in path.read_text("utf-8"))


def run(name, *arguments, cwd):
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONIOENCODING": "utf-8"}  # from a bare checkout
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, cwd=cwd, env=environment)


def test_each_page_is_run():
    assert {*PAGES, "polynomial.py"} == set(SHORT)


@pytest.mark.parametrize("name", SHORT)
def test_it_ends_in_a_number_and_a_picture(name, mnist_folder, tmp_path):
    arguments, expected = SHORT[name]
    arguments = [mnist_folder if argument == "MNIST" else argument for argument in arguments]
    if name == "char_gpt.py":
        (tmp_path / "text.txt").write_text("".join(chr(97 + i * i % 58) for i in range(4000)), "utf-8")
        arguments += ["--text", "text.txt"]
        expected = r"an even guess: \d\.\d\d"
    done = run(name, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(expected, done.stdout), done.stdout
    if name in PAGES:
        assert (tmp_path / "runs" / name).with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", PAGES)
def test_a_picture_that_cannot_be_drawn_is_refused_before_the_training(name, tmp_path):
    refused = run(name, "--picture", "curve.txt", cwd=tmp_path)
    assert refused.returncode == 2 and "'curve.txt' does not end in" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_made_once_and_then_loaded(mnist_folder, tmp_path):
    first, second = (run("fine_tuning.py", "--data", mnist_folder, "--steps", 20, cwd=tmp_path) for _ in range(2))
    checkpoint = tmp_path / "runs" / "digits-0-to-4.safetensors"
    assert first.stdout.startswith("runs") and checkpoint.stat().st_size > 400_000
    assert second.returncode == 0 and not second.stdout.startswith("runs")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    third = run("fine_tuning.py", "--data", mnist_folder, "--steps", 20, cwd=tmp_path)
    assert third.returncode != 0 and "digits-0-to-4.safetensors" in third.stderr


def test_ctrl_c_ends_the_training_and_what_was_reached_is_drawn(tmp_path):
    command = [sys.executable, str(EXAMPLES / "custom_function.py"), "--steps", "1000000"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8")
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "Interrupted" in shown and "right side" in shown
    assert (tmp_path / "runs" / "custom_function.png").exists()
