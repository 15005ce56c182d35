"""DataLoader with worker processes: PyTorch's batches and seeds, errors shown, nobody left behind."""

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import minigrad as mg
from minigrad.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info

if not hasattr(os, "fork"):
    pytest.skip("this system has no fork", allow_module_level=True)


class Numbers(Dataset):
    """0 to n - 1; at some places something happens."""

    def __init__(self, n=8, at=None, does=None):
        self.n, self.at, self.does = n, at, does

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i == self.at:
            self.does()
        return i


def batches(loader):
    return [np.asarray(batch).tolist() for batch in loader]


def left_behind():
    """Wait a little; return the workers that are still there."""
    gc.collect()  # a caught exception keeps the frames it went through, and with them the loop
    end = time.monotonic() + 5
    while multiprocessing.active_children() and time.monotonic() < end:
        time.sleep(0.01)
    return multiprocessing.active_children()


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}])
@pytest.mark.parametrize("workers", [1, 3])
def test_batches_in_order(options, workers):
    def run(**more):
        mg.manual_seed(1)
        return batches(DataLoader(Numbers(), **options, **more))

    assert run(num_workers=workers) == run() and not left_behind()


def test_without_order_every_batch_comes():
    loader = DataLoader(Numbers(20), 3, num_workers=2, in_order=False)
    assert sorted(np.hstack(batches(loader))) == list(range(20))


class Seeds(Dataset):
    def __init__(self, m):
        self.rand, self.info = m.rand, m.utils.data.get_worker_info

    def __len__(self):
        return 4

    def __getitem__(self, i):
        info = self.info()
        drawn = random.random(), np.random.rand(), self.rand(1).item()
        return info.id, info.num_workers, info.seed, *drawn, len(info.dataset)


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_are_seeded_as_pytorchs(torch, persistent):
    def run(m, data):
        m.manual_seed(2)
        loader = data.DataLoader(Seeds(m), None, num_workers=2, persistent_workers=persistent)
        return [[tuple(sample) for sample in loader] for _ in range(2)]

    assert run(mg, mg.utils.data) == run(torch, torch.utils.data)


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, 10, info.num_workers) if info else range(10))


@pytest.mark.parametrize("options", [{"batch_size": 2}, {"batch_size": 2, "drop_last": True}, {"batch_size": None}])
def test_streams_are_shared_by_the_workers(options):
    loader = DataLoader(Stream(), num_workers=3, persistent_workers=True, **options)
    first = batches(loader)
    flat = np.hstack(first).tolist()
    whole = 9 - 3 if options.get("drop_last") else 10  # of 4, 3 and 3 numbers
    assert first == batches(loader) and len(set(flat)) == len(flat) >= whole


def set_to_seven(worker_id):
    get_worker_info().dataset.n_seen = 7 + worker_id


class Seen(Numbers):
    def __getitem__(self, i):
        return self.n_seen


def test_worker_init_fn_is_called_with_the_number_of_the_worker():
    assert batches(DataLoader(Seen(4), 1, num_workers=2, worker_init_fn=set_to_seven)) == [[7], [8], [7], [8]]
    assert get_worker_info() is None


class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)


def raises(error):
    def does():
        raise error

    return does


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ValueError("bad sample"), ValueError), (KeyError("bad sample"), KeyError), (Odd("bad sample", 2), RuntimeError)],
)
def test_an_error_comes_with_the_workers_traceback_and_the_loop_may_go_on(error, kind):
    loader = iter(DataLoader(Numbers(4, 1, raises(error)), None, num_workers=2))
    assert next(loader) == 0
    with pytest.raises(kind) as fault:
        next(loader)
    text = str(fault.value)
    assert f"Caught {type(error).__name__} in DataLoader worker process 1.\nOriginal Traceback" in text
    assert "in does\n    raise error" in text and "bad sample" in text
    assert list(loader) == [2, 3] and not left_behind()


def test_errors_at_the_start_and_of_what_does_not_pickle():
    with pytest.raises(ZeroDivisionError, match="in DataLoader worker process 0"):
        list(DataLoader(Numbers(), num_workers=1, worker_init_fn=lambda i: 1 / i))
    with pytest.raises(Exception, match=r"(?s)in DataLoader worker process 0.*pickle"):
        list(DataLoader(Numbers(), num_workers=1, collate_fn=lambda batch: lambda: batch))


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "is killed by signal: Killed"),
        (lambda: os._exit(3), "exited unexpectedly, with exit code 3"),
        (lambda: sys.exit(4), "exited unexpectedly, with exit code 4"),
    ],
)
def test_a_worker_that_dies_is_reported(does, words):
    for options in ({}, {"in_order": False}, {"persistent_workers": True}):
        loader = DataLoader(Numbers(40, 3, does), 1, num_workers=2, **options)
        with pytest.raises(RuntimeError, match=rf"DataLoader worker \(pid \d+\), number \d, {words}"):
            list(loader)
        assert not left_behind()


def test_an_idle_worker_that_was_killed_is_reported():
    loader = DataLoader(Numbers(), 1, num_workers=2, persistent_workers=True)
    list(loader)
    victim = multiprocessing.active_children()[0]
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    with pytest.raises(RuntimeError, match="is killed by signal: Killed"):
        list(loader)
    assert batches(loader) == [[i] for i in range(8)]  # new workers


def test_silence_for_too_long():
    loader = DataLoader(Numbers(4, 0, lambda: time.sleep(60)), num_workers=1, timeout=0.2)
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.2 seconds"):
        next(iter(loader))
    assert not left_behind()


def test_a_loop_that_is_broken_off_leaves_nobody():
    for _ in DataLoader(Numbers(100), 1, num_workers=2):
        break
    assert not left_behind()


def test_persistent_workers_stay_and_forget_a_broken_pass():
    loader = DataLoader(Numbers(20), 2, num_workers=2, persistent_workers=True)
    for _ in loader:
        break
    first = {process.pid for process in multiprocessing.active_children()}
    assert batches(loader) == batches(DataLoader(Numbers(20), 2))
    assert {process.pid for process in multiprocessing.active_children()} == first
    old = iter(loader)
    iter(loader)
    with pytest.raises(RuntimeError, match="another pass"):
        next(old)
    del loader, old
    assert not left_behind()


def test_workers_work_ahead_and_not_too_far(tmp_path):
    class Noted(Numbers):
        def __getitem__(self, i):
            (tmp_path / str(i)).touch()
            return np.zeros(100_000)  # more than a pipe holds

    loader = iter(DataLoader(Noted(20), 1, num_workers=1, prefetch_factor=3))
    next(loader)
    end = time.monotonic() + 10
    while len(list(tmp_path.iterdir())) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(list(tmp_path.iterdir())) == 4  # one handed out, three ahead


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_start_anew(method):
    data = TensorDataset(mg.arange(5), mg.arange(10.0).reshape(5, 2))
    loaders = [DataLoader(data, 2, num_workers=n, multiprocessing_context=m) for n, m in ((0, None), (1, method))]
    ours, theirs = ([str(batch) for batch in loader] for loader in loaders)
    assert ours == theirs
    with pytest.raises(Exception, match="pickle") as fault:
        list(DataLoader(data, num_workers=1, collate_fn=lambda b: b, multiprocessing_context=method))
    assert "define functions and classes at the top of a module" in "".join(fault.value.__notes__)


def test_arrays_arrive_whole_and_writable():
    class Arrays(Numbers):
        def __getitem__(self, i):
            return {"a": np.full((3, 2), i), "e": np.zeros((0, 2)), "t": mg.ones(2, dtype=mg.float16), "s": "x"}

    for batch in DataLoader(Arrays(4), 2, num_workers=2, shuffle=False):
        batch["a"].add_(1)
        assert batch["a"].shape == (2, 3, 2) and batch["e"].shape == (2, 0, 2) and batch["s"] == ["x", "x"]
        assert batch["t"].dtype == mg.float16


def test_an_epoch_with_workers_goes_on_where_it_stood():
    def loader(workers):
        return DataLoader(Numbers(30), 4, shuffle=True, num_workers=workers, generator=mg.Generator().manual_seed(3))

    whole = batches(loader(2))
    stopped, head = loader(2), []
    for batch in stopped:
        head.append(batch.tolist())
        if len(head) == 3:
            break
    resumed = loader(1)
    resumed.load_state_dict(stopped.state_dict())
    assert head + batches(resumed) == whole and not left_behind()


SCRIPT = """
    import os, signal, sys, time
    import minigrad as mg
    from minigrad.utils.data import DataLoader, Dataset

    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be deaf

    class Slow(Dataset):
        def __len__(self): return 1000
        def __getitem__(self, i):
            os.write(1, b"%d\\n" % os.getpid())
            time.sleep(0.01)
            return i

    for batch in DataLoader(Slow(), 1, num_workers=2, persistent_workers=True):
        pass
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_script(tmp_path, how):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    workers = {int(process.stdout.readline()) for _ in range(20)}
    send = os.killpg if how == signal.SIGINT else os.kill  # Ctrl-C goes to all of them
    send(process.pid, how)
    words = process.communicate(timeout=20)[1]  # ends when the last worker has closed its output
    assert process.returncode == -how and len(workers) == 2
    assert words.count("Traceback") == (how == signal.SIGINT)
