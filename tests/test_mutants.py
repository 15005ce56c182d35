"""The list of faults and its runner: no fault has become void, and a survivor is reported."""

import pytest
from mutants import MUTANTS, PAGE, ROOT, Mutant, run


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.fault)
def test_the_text_that_a_fault_changes_is_there_once(mutant):
    assert len(mutant.places((ROOT / mutant.file).read_text(encoding="utf-8"))) == 1
    assert mutant.old != mutant.new
    for name in mutant.tests.split():
        assert (ROOT / name.partition("::")[0]).exists()


def test_the_page_lists_every_fault_and_none_survives():
    text = PAGE.read_text(encoding="utf-8")
    for mutant in MUTANTS:
        assert f"| {mutant.fault} |" in text, "run: make mutants ARGS='--new --write'"
    assert "**none**" not in text


def test_a_fault_that_changes_nothing_survives_and_a_void_one_is_an_error():
    tests = "tests/test_mutants.py::test_nothing"
    assert run(Mutant("no fault", "nn/batchnorm/layers.py", "# normalize\n", "# Normalize\n"), tests) == []
    with pytest.raises(ValueError, match="is found 0 times"):
        run(Mutant("void", "nn/batchnorm/layers.py", "no such text", ""), tests)
    assert run(
        Mutant("import fails", "minigrad/__init__.py", '"""minigrad:', 'raise SystemError\n"""minigrad:'), tests
    ) == ["test_nothing"]


def test_nothing():
    import minigrad  # noqa: F401
