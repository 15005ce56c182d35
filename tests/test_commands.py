"""The commands of the pages: all are found, and the table of those that are not run as they stand is no excuse."""

import shutil
import subprocess
import sys

import commands
import pytest


def test_commands_are_found_wherever_they_stand():
    found = commands.commands()
    for command, page in (
        ("make mnist", "README.md"),
        ("python examples/mnist.py --model paper --compare", "docs/examples.md"),
        ('make lab ARGS="--full"', "docs/batchnorm.md"),
        ("apt install graphviz", "README.md"),
        ("make gallery", "docs/gallery.md"),
        ("python tests/opsheet.py --write", "docs/ops.md"),
        ("python tests/layersheet.py --write", "docs/layers.md"),
        ('make report ARGS="--format html"', "Makefile"),
        ("python examples/vanilla_vs_batchnorm.py --help", "examples/vanilla_vs_batchnorm.py"),
    ):
        assert found.get(command) == page, command


def test_one_added_to_a_page_is_found():
    page = "Run:\n\n```sh\nmake nothing    # a comment\n$ python new.py --x '#1'\n```\n\nor `git clone x` and `a = b`."
    assert commands._of_page(page) == ["make nothing", "python new.py --x '#1'", "git clone x"]
    assert commands._of_docstring("Text: python a.py --help\n\npython b.py [c]  # d\n``make e``") == [
        "python a.py --help", "python b.py", "make e",
    ]  # fmt: skip


@pytest.mark.parametrize("command", commands.INSTEAD)
def test_the_table_has_reasons_and_nothing_that_no_page_names(command):
    entry = commands.INSTEAD[command]
    _, why = entry
    assert why and any(commands.instead(found) is entry for found in commands.commands())
    if why.startswith("a step of .ci/run"):
        assert f"\n{command}" in (commands.ROOT / ".ci" / "run").read_text().replace("MINIGRAD_ORACLE=required ", "")


def test_a_command_that_fails_fails_the_run(monkeypatch, capsys):
    monkeypatch.setattr(commands, "commands", lambda: {"exit 3": "README.md", "true": "README.md"})
    monkeypatch.setattr(commands.sys, "argv", ["commands.py"])
    assert commands.main() == 1
    text = capsys.readouterr().out
    assert "failed" in text and "exit status 3" in text and "right" in text


PROGRAMS = [
    *(
        "examples/" + name
        for name in (
            "mnist.py",
            "mnist_minimal.py",
            "vanilla_vs_batchnorm.py",
            "gallery.py",
            "draw_batchnorm.py",
            "char_gpt.py",
            "custom_function.py",
            "dcgan.py",
            "early_stopping.py",
            "fine_tuning.py",
            "gradient_penalty.py",
            "newton.py",
            "resnet.py",
            "time_series.py",
            "vae.py",
        )
    ),
    "examples/batchnorm_lab",
    *(
        "benchmarks/" + name
        for name in ("run.py", "chains.py", "optimizers.py", "worker.py", "surroundings.py", "distributed.py")
    ),
    *(
        "tests/" + name
        for name in (
            "commands.py",
            "mutants.py",
            "opsheet.py",
            "layersheet.py",
            "comingsheet.py",
            "onnxsheet.py",
            "ranks.py",
            "stubs.py",
            "check_wheel.py",
            "fuzz.py",
            "ranks.py",
        )
    ),
]


def test_the_list_of_programs_is_whole():
    files = [f for folder in ("examples", "benchmarks", "tests") for f in (commands.ROOT / folder).glob("*.py")]
    programs = {f"{f.parent.name}/{f.name}" for f in files if '\nif __name__ == "__main__":' in f.read_text()}
    assert programs <= set(PROGRAMS)


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name.startswith("examples/")])
def test_examples_find_the_minigrad_beside_them(program, tmp_path):
    shutil.copytree(commands.ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "minigrad").mkdir()
    (tmp_path / "minigrad" / "__init__.py").write_text("raise SystemExit('the minigrad beside the examples')")
    done = subprocess.run([sys.executable, tmp_path / program], cwd="/", capture_output=True, text=True)
    assert done.stderr == "the minigrad beside the examples\n"


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_of_every_program(program, tmp_path):
    command = [sys.executable, str(commands.ROOT / program), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("usage: "), done.stderr
    assert list(tmp_path.iterdir()) == []
    done = subprocess.run([*command[:2], "--no-such-option"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
