"""Each arm at its best: settings chosen on held-out training images, never on the test set."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from batchnorm_lab.claim import Result, pick
from batchnorm_lab.training import Data

EQUAL_AND_TUNED = ("equal", "tuned")  # the two comparisons: a rate for both arms, one for each
HELD_OUT, SEEDS = 10_000, (1000, 1001)  # no run that is judged has one of these seeds
_chosen: dict[Hashable, Choice] = {}  # each process looks once for the settings of an arm


class Choice(NamedTuple):
    """The best setting of an arm, and what each that was tried reached on held-out images."""

    setting: dict[str, Any]
    tried: list[tuple[dict[str, Any], float]]

    def told(self) -> dict[str, Any]:
        """Return the choice as it goes into results.json."""
        return {"setting": self.setting, "tried": [list(pair) for pair in self.tried]}


def grid(**options: Sequence[Any]) -> list[dict[str, Any]]:
    """Return every combination as a setting.

    >>> grid(rate=(0.1, 0.5), std=(0.02,))
    [{'rate': 0.1, 'std': 0.02}, {'rate': 0.5, 'std': 0.02}]
    """
    return [
        dict(zip(options, values, strict=True)) for values in itertools.product(*options.values())
    ]


def held_out(data: Data, size: int = HELD_OUT) -> Data:
    """Return the training images less the last ``size``, and those in place of the test set.

    A sixth is held out where that is fewer: as many as 10,000 are of MNIST's 60,000.
    """
    size = min(size, len(data.train.labels) // 6)
    return Data(data.train[:-size], data.train[-size:])


def tuned(
    arm: Hashable,
    settings: Iterable[dict[str, Any]],
    score: Callable[[dict[str, Any], Data, int], float],
    data: Data,
    *,
    size: int = HELD_OUT,
    seeds: Sequence[int] = SEEDS,
) -> Choice:
    """Return the setting of ``arm`` with the highest mean score on held-out training images.

    ``score(setting, split, seed)`` trains on ``split.train`` and returns the accuracy on
    ``split.test``. That is the part held out of the training images (see `held_out`): the test
    set is not handed over, so no choice can depend on it. A score that is no finite number counts
    as 0; of equals the first wins.

    A process looks once for each ``arm``, whose name must tell apart all that a choice depends on:
    the claim, the net, the arm, the steps. The seeds do not belong to it: all seeds of an arm are
    trained, on all training images, with the one setting. ``seeds`` are those of the search,
    ``size`` is how many images are held out; a quick run takes fewer of both.

        choice = tuned(("C18", arm, batch), grid(rate=(0.02, 0.1, 0.5)), score, data)
        net = trained(arm, choice.setting["rate"], data, seed)
        return {"accuracy": accuracy(net, data.test), "choice": choice.told()}
    """
    if arm not in _chosen:
        split = held_out(data, size)
        tried = [
            (setting, statistics.fmean(_finite(score(setting, split, seed)) for seed in seeds))
            for setting in settings
        ]
        best, _ = max(tried, key=lambda pair: pair[1])
        _chosen[arm] = Choice(best, tried)
    return _chosen[arm]


def best_rate(
    name: Hashable,
    cell: Mapping[str, Any],
    run: Callable[[float, int, Data], float],
    data: Data,
    *,
    size: int = HELD_OUT,
    seeds: Sequence[int] = SEEDS[:1],
) -> Choice:
    """Return `tuned`'s choice of a cell's ``rates``; ``run(rate, seed, data)`` is the accuracy."""
    score = lambda setting, split, seed: run(setting["rate"], seed, split)
    settings = grid(rate=cell["rates"])
    return tuned(name, settings, score, data, size=size, seeds=seeds)


def at_best_rate(
    name: Hashable,
    cell: Mapping[str, Any],
    run: Callable[..., dict[str, Any]],
    data: Data,
    tick: Callable[[int], None],
    **options: Any,
) -> dict[str, Any]:
    """Return what ``run`` gives at the cell's `best_rate`, and which rate that is.

    ``run(rate, seed, data, tick)`` trains and returns {"accuracy": …}; a search shows no progress.
    """
    reached = lambda rate, seed, split: run(rate, seed, split, lambda n: None)["accuracy"]
    choice = best_rate(name, cell, reached, data, **options)
    found = run(choice.setting["rate"], cell["seed"], data, tick)
    return {**found, "choice": choice.told()}


def choice_of(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the setting that a cell was given, and those tried; None where none was chosen."""
    told = value.get("choice", value)
    if "setting" not in told:
        return None
    return {"setting": told["setting"], "tried": told.get("tried", [])}


def at_the_edge(results: Iterable[Result]) -> dict[str, list[str]]:
    """Return who was given the smallest or the largest setting that was tried.

    A better one may lie beyond.
    """
    found: dict[str, list[str]] = {}
    for result in results:
        choice = choice_of(result.value)
        for end in _ends(choice) if choice else ():
            names = found.setdefault(end, [])
            if (name := _arm(result.cell)) not in names:
                names.append(name)
    return found


def _ends(choice: Mapping[str, Any]) -> Iterator[str]:
    settings = [setting for setting, _ in choice["tried"]]
    for name, value in choice["setting"].items():
        tried = sorted({setting[name] for setting in settings if _is_number(setting[name])})
        if len(tried) < 2 or not _is_number(value):
            continue
        ends = {tried[0]: "smallest", tried[-1]: "largest"}
        if value in ends:
            yield f"the {ends[value]} {name}, {value:g}"


def _is_number(value: Any) -> bool:
    return not isinstance(value, str)


UNNAMED = {"seed", "steps", "rates", "part", "search"}  # of a cell: what tells no arm


def _arm(cell: Mapping[str, Any]) -> str:
    told = {name: value for name, value in cell.items() if name not in UNNAMED and value != ""}
    texts = (v if isinstance(v, str) else f"{k} {v:g}" for k, v in told.items())
    return " ".join(texts) or "the one net"


def chosen_rates(results: Iterable[Result], **where: Any) -> str:
    """Return the settings that cells with these settings were given, as text behind a figure."""
    choices = [choice for v in pick(results, **where) if (choice := choice_of(v))]
    texts = dict.fromkeys(", ".join(map(_text, c["setting"].items())) for c in choices)
    return f", {' or '.join(texts)}" if texts else ""


def _text(pair: tuple[str, Any]) -> str:
    name, value = pair
    return f"{name} {value if isinstance(value, str) else format(value, 'g')}"


def _finite(score: float) -> float:
    return score if math.isfinite(score) else 0.0
