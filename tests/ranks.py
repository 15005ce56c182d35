"""What several processes do in the tests of minigrad.distributed: ``mpiexec -n 2 python tests/ranks.py collectives``.

Every function here is run by each rank, and checks what it sees; an assertion that fails ends them all.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import distributed as dist
from minigrad.distributed.nn import functional as DF

HERE = Path(__file__).resolve()
SECONDS = 5  # the time-out of a collective, where nobody is meant to wait for it


def launch(n, *arguments, status=0, environment=None, program=(str(HERE),)):
    """Run a function of this file in ``n`` processes; return what they print and the seconds it took."""
    env = {**os.environ, "PYTHONPATH": str(HERE.parent.parent), "OPENBLAS_NUM_THREADS": "1", **(environment or {})}
    command = ["mpiexec", "-n", str(n), sys.executable, *program, *map(str, arguments)]
    start = time.monotonic()
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    text = done.stdout + done.stderr
    failed = done.returncode != 0
    assert failed == bool(status) and status in (done.returncode, True, 0), f"status {done.returncode}\n{text}"
    return text, time.monotonic() - start


def alive(pid):
    """Return whether a process runs still; one that has ended may wait for somebody to take note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def join(timeout=SECONDS):
    """Begin; return rank and number of ranks."""
    dist.init_process_group(timeout=timeout)
    return dist.get_rank(), dist.get_world_size()


# ---- collectives --------------------------------------------------------------------------------
DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")
NUMPY = {"SUM": np.add, "PRODUCT": np.multiply, "MAX": np.maximum, "MIN": np.minimum}


def shapes(x):
    """Yield a tensor or an array of the values of ``x``, in every layout."""
    yield mg.tensor(x)
    yield np.array(x)
    yield mg.tensor(np.array(x.T, order="C")).T
    yield np.repeat(x, 2, axis=0)[::2]
    wide = mg.zeros(3, 9, dtype=mg.tensor(x).dtype)
    wide[:, 1:7:2].copy_(mg.tensor(x))
    yield wide[:, 1:7:2]


def value(x):
    return x.detach().numpy() if isinstance(x, mg.Tensor) else np.asarray(x)


def collectives():
    """Every collective, dtype and layout against NumPy on the values of all ranks."""
    r, p = join()
    for dtype in DTYPES:
        every = [(np.arange(9).reshape(3, 3) % 4 + k).astype(dtype) for k in range(p)]
        mine = every[r]
        for name, ufunc in NUMPY.items():
            expected = ufunc.reduce(every, axis=0, dtype=None if name in ("MAX", "MIN") else dtype)
            for x in shapes(mine):
                dist.all_reduce(x, dist.ReduceOp[name])
                np.testing.assert_array_equal(value(x), expected, f"{name} {dtype}")
        for x in shapes(mine):
            dist.broadcast(x, src=p - 1)
            np.testing.assert_array_equal(value(x), every[-1])
        for x in shapes(mine):
            found = [mg.zeros_like(mg.tensor(mine)).T for _ in range(p)]
            dist.all_gather(found, x)
            np.testing.assert_array_equal([value(part) for part in found], every)
            at_last = [np.zeros_like(mine) for _ in range(p)] if r == p - 1 else None
            dist.gather(x, at_last, dst=p - 1)
            assert at_last is None or np.array_equal(at_last, every)
        for x in shapes(np.zeros_like(mine)):
            dist.scatter(x, [mg.tensor(part) for part in every] if r == 0 else None, src=0)
            np.testing.assert_array_equal(value(x), mine)
            dist.reduce_scatter(x, [mg.tensor(every[0])] * p)
            np.testing.assert_array_equal(value(x), np.add.reduce([every[0]] * p, dtype=dtype))
    more(r, p)


def more(r, p):
    """Means, single numbers, groups, objects and what comes later."""
    x = mg.tensor(float(r))
    dist.all_reduce(x, dist.ReduceOp.MEAN)
    assert x.item() == (p - 1) / 2 and dist.ReduceOp.MEAN is dist.ReduceOp.AVG
    y = mg.full((2,), float(r))
    dist.reduce(y, dst=1, op=dist.ReduceOp.SUM)
    assert y[0].item() == (p * (p - 1) / 2 if r == 1 else r)
    works = [dist.all_reduce(t := mg.full((k + 1,), float(r)), async_op=True) for k in range(20)]
    dist.all_reduce(mg.ones(3))  # after those that are under way
    assert all(work.wait() for work in reversed(works)) and t[0].item() == p * (p - 1) / 2
    out, parts = mg.zeros(2 * p), mg.zeros(p, 2)
    dist.all_gather_into_tensor(out, mg.full((2,), float(r)))
    dist.all_gather_into_tensor(parts, mg.full((2,), float(r)))
    assert out.reshape(p, 2).tolist() == parts.tolist() == [[k, k] for k in range(p)]
    dist.reduce_scatter_tensor(half := mg.zeros(2), mg.arange(2.0 * p))
    assert half.tolist() == [p * 2 * r, p * (2 * r + 1)]
    dist.all_to_all(got := [mg.zeros(1) for _ in range(p)], [mg.full((1,), 10.0 * r + k) for k in range(p)])
    assert [t.item() for t in got] == [10 * k + r for k in range(p)]
    dist.all_reduce(mg.zeros(0, 3))
    objects = [{"a": mg.ones(2)}, None, "x" * 1000] if r == 1 else [None] * 3
    dist.broadcast_object_list(objects, src=1)
    assert objects[0]["a"].tolist() == [1, 1] and objects[2] == "x" * 1000
    dist.all_gather_object(names := [None] * p, "r" * r)
    dist.gather_object(r, numbers := [None] * p if r == 0 else None)
    dist.scatter_object_list(one := [None], [k**2 for k in range(p)] if r == 0 else None)
    assert names == ["r" * k for k in range(p)] and numbers in (None, list(range(p))) and one == [r**2]
    group = dist.new_group([0, p - 1])
    inside = r in (0, p - 1)
    assert dist.get_rank(group) == ([0, p - 1].index(r) if inside else -1)
    if inside:
        dist.all_reduce(z := mg.ones(1), group=group)
        dist.broadcast(z, src=p - 1, group=group)
        assert z.item() == dist.get_world_size(group) == 2
        assert dist.get_global_rank(group, 1) == p - 1 and dist.get_process_group_ranks(group) == [0, p - 1]
    dist.barrier()
    dist.destroy_process_group()
    assert not dist.is_initialized()
    join()
    dist.all_reduce(x := mg.ones(1))
    assert x.item() == p


FUNCTIONS = {
    "sum": lambda x, p: DF.all_reduce(x),
    "mean": lambda x, p: DF.all_reduce(x, dist.ReduceOp.MEAN),
    "max": lambda x, p: DF.all_reduce(x, dist.ReduceOp.MAX),
    "min": lambda x, p: DF.all_reduce(x, dist.ReduceOp.MIN),
    "product": lambda x, p: DF.all_reduce(x, dist.ReduceOp.PRODUCT),
    "gathered": lambda x, p: mg.stack([(k + 1) * part for k, part in enumerate(DF.all_gather(x))]),
    "scattered sums": lambda x, p: DF.reduce_scatter(None, [(k + 1) * x for k in range(p)]),
    "scattered means": lambda x, p: DF.reduce_scatter(None, [x**k for k in range(p)], dist.ReduceOp.MEAN),
    "broadcast": lambda x, p: DF.broadcast(x, p - 1),
    "reduced": lambda x, p: DF.reduce(x, 1),
    "gathered at one": lambda x, p: mg.stack(DF.gather(x, 1)),
    "scattered": lambda x, p: DF.scatter([(k + 1) * x for k in range(p)], 1),
    "all to all": lambda x, p: mg.stack(DF.all_to_all(None, [(k + 1) * x for k in range(p)])),
}
AT_ONE = {  # the same on a list of all ranks' tensors: what rank k gets
    "sum": lambda xs, k: sum(xs),
    "mean": lambda xs, k: sum(xs) / len(xs),
    "max": lambda xs, k: mg.stack(xs).amax(0),
    "min": lambda xs, k: mg.stack(xs).amin(0),
    "product": lambda xs, k: mg.stack(xs).prod(0),
    "gathered": lambda xs, k: mg.stack([(i + 1) * x for i, x in enumerate(xs)]),
    "scattered sums": lambda xs, k: sum((k + 1) * x for x in xs),
    "scattered means": lambda xs, k: sum(x**k for x in xs) / len(xs),
    "broadcast": lambda xs, k: xs[-1],
    "reduced": lambda xs, k: sum(xs) if k == 1 else xs[k].detach(),
    "gathered at one": lambda xs, k: mg.stack(xs) if k == 1 else mg.zeros(1),
    "scattered": lambda xs, k: (k + 1) * xs[1],
    "all to all": lambda xs, k: mg.stack([(k + 1) * x for x in xs]),
}


def differentiable():
    """Values and derivatives to the third order, against the same in one process."""
    r, p = join()
    every = np.random.default_rng(0).standard_normal((p, 3))
    for name, function in FUNCTIONS.items():
        x = mg.tensor(every[r], requires_grad=True)
        y = function(x, p)
        xs = [mg.tensor(v, requires_grad=True) for v in every]
        ys = [AT_ONE[name](xs, k) for k in range(p)]
        np.testing.assert_allclose(value(y), value(ys[r]) * np.ones(y.shape), rtol=1e-14, err_msg=name)
        loss = ((y + 0.1) ** 3).sum()
        zero = 0 * sum(x.sum() for x in xs)  # some are read by nobody
        total = sum(((y + 0.1) ** 3).sum() for y in ys) + zero
        for order in range(3):
            (g,) = mg.autograd.grad(loss, x, create_graph=True)
            gs = mg.autograd.grad(total, xs, create_graph=True)
            np.testing.assert_allclose(value(g), value(gs[r]), rtol=1e-12, atol=1e-12, err_msg=f"{name}, {order}")
            loss = (g.sin() + g**2 * 0.1).sum()
            total = sum((g.sin() + g**2 * 0.1).sum() for g in gs) + zero


# ---- failing ------------------------------------------------------------------------------------
def differ(r):
    dist.all_reduce(mg.ones(2) if r else mg.ones(3))


def differ_in_dtype(r):
    dist.all_reduce(mg.ones(2) if r else mg.ones(2).double())


def differ_in_operation(r):
    dist.all_reduce(mg.ones(2)) if r else dist.broadcast(mg.ones(2), 0)


def differ_in_root(r):
    dist.broadcast(mg.ones(2), min(r, 1))


def differ_in_reduction(r):
    dist.all_reduce(mg.ones(2), dist.ReduceOp.MAX if r else dist.ReduceOp.SUM)


def fewer_batches(r):
    for _ in range(3 if r == 1 else 5):
        dist.all_reduce(mg.ones(2))


def fewer_in_a_group(r):
    group = dist.new_group()
    for _ in range(1 if r == 1 else 2):
        dist.all_reduce(mg.ones(2), group=group)


def sleeps(r):
    time.sleep(20 if r == 1 else 0)
    dist.all_reduce(mg.ones(2))


def raises(r):
    if r == 1:
        raise KeyError("what rank 1 did")
    dist.all_reduce(mg.ones(2))


def exits(r):
    if r == 1:
        sys.exit(7)
    dist.all_reduce(mg.ones(2))


def exits_at_once(r):
    if r == 1:
        os._exit(7)
    dist.all_reduce(mg.ones(2))


def killed(r):
    if r == 1:
        os.kill(os.getpid(), 9)
    dist.all_reduce(mg.ones(2))


def fail(name, timeout, folder):
    """Do one of the above, after a collective that works; leave a file of the name of the process."""
    r, p = join(float(timeout))
    x = mg.full((2,), float(r))
    dist.all_reduce(x)
    Path(folder, str(os.getpid())).touch()
    dist.barrier()
    try:
        globals()[name](r)
    except dist.DistBackendError:
        assert x.tolist() == [p * (p - 1) / 2] * 2
        raise


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
