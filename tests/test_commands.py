"""The commands of the pages: all are found, and the table of those that are not run as they stand is no excuse."""

import commands
import pytest


def test_commands_are_found_wherever_they_stand():
    found = commands.commands()
    for command, page in (
        ("make mnist", "README.md"),
        ("python examples/mnist.py --model paper --compare", "README.md"),
        ('make lab ARGS="--full"', "README.md"),
        ("apt install graphviz", "README.md"),
        ("make gallery", "docs/gallery.md"),
        ("python tests/opsheet.py --write", "docs/ops.md"),
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
    _, why = commands.INSTEAD[command]
    assert command in commands.commands() and why
    if why.startswith("a step of .ci/run"):
        assert f"\n{command}" in (commands.ROOT / ".ci" / "run").read_text().replace("MINIGRAD_ORACLE=required ", "")


def test_a_command_that_fails_fails_the_run(monkeypatch, capsys):
    monkeypatch.setattr(commands, "commands", lambda: {"exit 3": "README.md", "true": "README.md"})
    monkeypatch.setattr(commands.sys, "argv", ["commands.py"])
    assert commands.main() == 1
    text = capsys.readouterr().out
    assert "failed" in text and "exit status 3" in text and "right" in text
