"""No claim of examples/batchnorm_lab chooses a setting by the test set: with its labels poisoned, each that
chooses does as before."""

import importlib
import pkgutil

import pytest
from lab import small_data

from batchnorm_lab import claims, training, tuning

MODULES = [importlib.import_module(f"batchnorm_lab.claims.{m.name}") for m in pkgutil.iter_modules(claims.__path__)]
SEARCHES = ("tuned", "best_rate", "at_best_rate", "held_out")
CHOOSING = [module for module in MODULES if any(hasattr(module, name) for name in SEARCHES)]


def choosing_cell(claim):
    """Return a cell of a full run in which the claim chooses, cut short."""
    chooses = lambda c: isinstance(c.get("rates"), list) or "tuned" in (c.get("rates"), c.get("part"))
    cell = next(c for c in claim.cells("full", 1) if chooses(c) or "held out" in c)
    return {**cell, **({"steps": 4} if "steps" in cell else {})}


def chosen(module, part):
    """Return what decides in such a cell: the choice, or the accuracy on held-out images."""
    tuning._chosen.clear()
    value = module.measure(choosing_cell(module.CLAIM), part)
    return tuning.choice_of(value) or value["held out"]


@pytest.mark.parametrize("module", CHOOSING, ids=lambda module: module.CLAIM.id)
def test_choices_do_not_depend_on_the_test_set(module, monkeypatch):
    few = lambda net, data, *, steps, **options: training.fit(net, data, steps=min(steps, 4), **options)
    monkeypatch.setattr(module, "fit", few, raising=False)
    monkeypatch.setattr(module, "STEPS", 4, raising=False)
    monkeypatch.setattr(tuning, "_chosen", {})
    data = small_data()
    poisoned = data._replace(test=data.test._replace(labels=9 - data.test.labels))
    assert chosen(module, data) == chosen(module, poisoned)


def test_every_claim_that_tunes_is_among_them():
    ids = {module.CLAIM.id for module in CHOOSING}
    assert ids == {f"C{n}" for n in (1, 2, 3, 4, 5, 8, 11, 16, 17, 18, 21, 22, 23, 25, 26, 27, 29, 31)}


def test_a_choice_at_the_edge_of_its_grid_is_told():
    tried = [[{"rate": rate, "weights": "he"}, 0.5] for rate in (0.1, 0.5, 2.0)]
    value = lambda rate: {"choice": {"setting": {"rate": rate, "weights": "he"}, "tried": tried}}
    cells = [({"arm": "Batch", "batch": 2, "seed": s}, 2.0) for s in (0, 1)] + [({"arm": "none", "seed": 0}, 0.5)]
    results = [tuning.Result(cell, value(rate)) for cell, rate in cells]
    assert tuning.at_the_edge(results) == {"the largest rate, 2": ["Batch batch 2"]}
