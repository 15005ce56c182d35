"""Loops in several threads: what they give, and that none is left behind."""

import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import cores, nn
from minigrad.nn import functional as F

pytest.importorskip("numba", reason="loops are compiled by Numba")

from minigrad.compiler.loops import image_loops, threads


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path_factory.getbasetemp() / "loops"))


def net():
    mg.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=(0, 1), bias=False),
        nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 3 * 4, 3),
    )  # fmt: skip


def trained(samples, loops):
    """Return the page, the losses of some steps with their gradients, and the state."""
    model = net()
    sgd = mg.optim.SGD(model.parameters(), lr=0.1)

    @mg.compile(loops=loops)
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        return loss.detach(), [p.grad for p in model.parameters()]

    rng, numbers = np.random.default_rng(0), []
    for _ in range(6):
        x = mg.tensor(rng.standard_normal((samples, 2, 8, 8)).astype("f"))
        loss, grads = step(x, mg.tensor(rng.integers(0, 3, samples)))
        numbers += [loss.numpy(), *(g.numpy() for g in grads)]
    assert "0 calls decided otherwise and ran eagerly" in step.explain()
    return step.source, numbers + [x.numpy() for x in model.state_dict().values()]


@pytest.mark.parametrize("samples", [1, 5, 8])
@pytest.mark.parametrize("parts", [2, 3, 5])
def test_samples_in_several_threads_give_the_same_but_for_rounding(samples, parts, monkeypatch):
    monkeypatch.setattr(image_loops, "parts_of", lambda n, products: min(n, parts))
    page, ours = trained(samples, "numba")
    _, eager = trained(samples, None)
    assert page.count("in_threads(") == (5 if samples > 1 else 0)
    for a, b in zip(ours, eager, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("samples", [5, 8])
def test_no_thread_writes_where_another_does(samples, monkeypatch):
    """Addresses of one thread begin behind what the one before it writes."""
    monkeypatch.setattr(image_loops, "parts_of", lambda n, products: 3)
    texts = []
    write = image_loops.Images.write
    monkeypatch.setattr(image_loops.Images, "write", lambda text: (write(text), texts.append(text))[0])
    trained(samples, "numba")
    assert texts
    for text in texts:
        sizes = text.scratch()
        first = len(text.stores) + len(text.reads)
        counts = text.apart[:, len(text.pointers)] + samples
        assert counts.sum() == samples
        assert counts.min() > 0
        for i, size in enumerate(sizes):
            assert np.diff(text.apart[:, first + i]).tolist() == [size * 4] * 2
        (target,) = text.stores
        written = counts * target.strides[0] if target.memory is text.image.memory else text.weight.memory.nbytes / 3
        assert (np.diff(text.apart[:, 0]) == np.broadcast_to(written, 3)[:-1]).all()


@pytest.mark.parametrize("who", [0, 1])
def test_an_error_leaves_no_thread_behind(who):
    """Who writes into the memory of a page has ended when the error is seen."""
    ended, may_end = [], threading.Event()

    def loop(table):
        if table == who:
            may_end.set()
            raise KeyboardInterrupt if who == 0 else ValueError
        may_end.wait(10)
        ended.append(table)

    with pytest.raises(KeyboardInterrupt if who == 0 else ValueError):
        threads.in_threads(loop, [0, 1, 2])
    assert sorted(ended) == sorted({0, 1, 2} - {who})


@pytest.mark.parametrize(
    ("told", "expected"), [({}, 3), ({"OMP_NUM_THREADS": "2"}, 2), ({"OMP_NUM_THREADS": "8"}, 3), ({"OMP_NUM_THREADS": "0"}, 1),
     ({"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "2"}, 1), ({"OMP_NUM_THREADS": "many"}, 3)],
)  # fmt: skip
def test_there_are_as_many_threads_as_blas_is_told(told, expected, monkeypatch):
    for name in cores._NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cores, "available_cores", lambda: 3)
    assert cores.threads() == expected


def test_small_work_stays_on_one_thread(monkeypatch):
    monkeypatch.setattr(threads, "_threads", lambda: 4)
    enough = threads.ENOUGH
    assert [threads.parts_of(*work) for work in ((64, enough - 1), (64, 3 * enough), (64, 99 * enough), (2, 99 * enough))] == [
        1, 3, 4, 2,
    ]  # fmt: skip


def test_a_process_has_threads_of_its_own():
    assert threads._pool(1, 2) is threads._pool(1, 2)
    assert threads._pool(1, 2) is not threads._pool(2, 2)
