"""What several processes do in the tests of minigrad.distributed: ``mpiexec -n 2 python tests/ranks.py collectives``.

Every function here is run by each rank, and checks what it sees; an assertion that fails ends them all.
"""

import argparse
import contextlib
import copy
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import distributed as dist
from minigrad import nn, optim
from minigrad.distributed.nn import functional as DF

HERE = Path(__file__).resolve()
BESIDE = Path(sys.executable).with_name("mpiexec")  # of the wheel, in an environment that is not activated
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
SECONDS = 5  # the time-out of a collective, where nobody is meant to wait for it


def there_is_mpi():
    """Return whether mpiexec and mpi4py are installed and fit."""
    if MPIEXEC is None:
        return False
    command = [MPIEXEC, "-n", "1", sys.executable, "-c", "from mpi4py import MPI"]
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def launch(n, *arguments, status=0, environment=None, program=(str(HERE),)):
    """Run a function of this file in ``n`` processes; return what they print and the seconds it took."""
    env = {**os.environ, "PYTHONPATH": str(HERE.parent.parent), "OPENBLAS_NUM_THREADS": "1", **(environment or {})}
    command = [MPIEXEC, "-n", str(n), sys.executable, *program, *map(str, arguments)]
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


def are_gone(pids):
    """Return whether these processes have ended; mpiexec may be quicker than they are."""
    pids, until = list(pids), time.monotonic() + 5
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(alive, pids))


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


# ---- training -----------------------------------------------------------------------------------
def part_of(x, sizes, r):
    """Return rank r's rows of ``x``."""
    start = sum(sizes[:r])
    return x[start : start + sizes[r]]


PARTITIONS = {2: [(3, 3), (5, 1), (1, 1), (6, 0)], 3: [(2, 2, 2), (1, 4, 1), (0, 5, 2), (1, 1, 1)]}


def sync_batchnorm():
    """Values, gradients and gradients of gradients of every layer, against one process on the joined batch."""
    r, p = join()
    rng = np.random.default_rng(0)
    for sizes in PARTITIONS[p]:
        for make in (
            nn.BatchNorm1d,
            nn.LazyBatchNorm1d,
            lambda n: nn.GhostBatchNorm(n, 2),
            lambda n: nn.GhostBatchNorm(n, 4),
        ):
            data = rng.standard_normal((sum(sizes), 3, 2)) * 5 + 100
            layer, one = (
                make(3) if make is not nn.LazyBatchNorm1d else cls(*n)
                for cls, n in ((make, ()), (nn.BatchNorm1d, (3,)))
            )
            layer, one = layer.double(), one.double()
            assert nn.SyncBatchNorm.convert_sync_batchnorm(layer) is layer
            x, whole = mg.tensor(part_of(data, sizes, r), requires_grad=True), mg.tensor(data, requires_grad=True)
            dy = mg.tensor(rng.standard_normal(data.shape))
            found, expected = [], []
            for _ in range(2):  # the running statistics move, too
                for model, z, g, out in ((layer, x, part_of(dy, sizes, r), found), (one, whole, dy, expected)):
                    y = model(z)
                    (dx,) = mg.autograd.grad((y * g).sum(), z, create_graph=True)
                    (ddx,) = mg.autograd.grad((dx**2).sum(), z)
                    out[:] = [value(v) for v in (y, dx, ddx)]
            for what, a, b in zip(("y", "dx", "ddx"), found, expected, strict=True):
                b = part_of(b, sizes, r)
                np.testing.assert_allclose(
                    a, b, rtol=1e-11, atol=1e-11 * max(1, np.abs(b).max(initial=0)), err_msg=f"{what} {sizes} {layer}"
                )
            for key, v in one.state_dict().items():
                np.testing.assert_allclose(value(layer.state_dict()[key]), value(v), rtol=1e-12, err_msg=key)
    few_sums(r, p)


def few_sums(r, p):
    """Three sums a layer and step, none in evaluation; float32 at an offset; a group of its own; a refused batch."""
    layer, x = nn.SyncBatchNorm(3), mg.randn(4, 3, requires_grad=True)
    before = dist.group.WORLD.count
    layer(x).square().sum().backward()
    assert dist.group.WORLD.count - before == 3
    layer.eval()(x).sum().backward()
    assert dist.group.WORLD.count - before == 3
    data = np.random.default_rng(1).standard_normal((4 * p, 3)) + 1e4
    y = nn.SyncBatchNorm(3)(mg.tensor(data[r::p].astype(np.float32)))
    exact = data.astype(np.float32).astype(np.float64)
    exact = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5)
    np.testing.assert_allclose(value(y), exact[r::p], atol=2e-5)
    own = [dist.new_group([k]) for k in range(p)][r]
    z = mg.randn(4, 3)
    np.testing.assert_array_equal(value(nn.SyncBatchNorm(3, process_group=own)(z)), value(nn.BatchNorm1d(3)(z)))
    try:
        nn.SyncBatchNorm(3)(mg.randn(1 if r == 0 else 0, 3))
        raise AssertionError("one value per channel was taken")
    except ValueError as error:
        assert "more than 1 value per channel" in str(error)


def net(norm=nn.BatchNorm2d):
    """Convolutions, BatchNorm, pooling, a linear layer."""
    mg.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), norm(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3), norm(5), nn.ReLU(),
        nn.Flatten(), nn.Linear(20, 3),
    )  # fmt: skip


def steps(model, batches, penalty=0.0, steps_of=1):
    """Train; ``steps_of`` parts of a batch make a step."""
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    for x, y in batches:
        optimizer.zero_grad()
        for k in range(steps_of):
            skip = model.no_sync() if k < steps_of - 1 and hasattr(model, "no_sync") else contextlib.nullcontext()
            with skip:
                z = x[k::steps_of].requires_grad_() if penalty else x[k::steps_of]
                loss = F.cross_entropy(model(z), y[k::steps_of])
                if penalty:
                    (g,) = mg.autograd.grad(loss, z, create_graph=True)
                    loss = loss + penalty * len(x) * (g**2).sum() / 10
                loss.backward()
        optimizer.step()
    return model


def bits(model):
    return [value(t).tobytes() for t in model.state_dict().values()]


def same_on_all_ranks(model):
    every = [None] * dist.get_world_size()
    dist.all_gather_object(every, bits(model))
    assert all(other == every[0] for other in every), "the ranks' bits differ"


def training():
    """Twenty steps of data parallel training against one process on the joined batch, in both precisions."""
    r, p = join()
    rng = np.random.default_rng(0)
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-5)):
        batches = [(rng.standard_normal((6 * p, 1, 8, 8)).astype(dtype), rng.integers(0, 3, 6 * p)) for _ in range(20)]
        for options in ({}, {"bucket_cap_mb": 1e-4}, {"weight_by_samples": True}):
            uneven = "weight_by_samples" in options
            sizes = [6 + (k == 0) - (k == 1) for k in range(p)] if uneven else [6] * p
            mine = [tuple(mg.tensor(part_of(v, sizes, r)) for v in batch) for batch in batches]
            joined = [tuple(mg.tensor(v) for v in batch) for batch in batches]
            model = net().to(getattr(mg, dtype))
            if r:
                model[0].weight.data.zero_()  # what the first rank has is taken over
            model = nn.parallel.DistributedDataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(model), **options)
            if "bucket_cap_mb" in options:
                assert len(model._reducer.buckets) > 4
            steps(model, mine)
            one = steps(net().to(getattr(mg, dtype)), joined)
            for (key, a), b in zip(model.state_dict().items(), one.state_dict().values(), strict=True):
                assert key.startswith("module.")
                np.testing.assert_allclose(
                    value(a),
                    value(b),
                    rtol=0,
                    atol=tolerance * max(1, np.abs(value(b)).max()),
                    err_msg=f"{key} {options}",
                )
            same_on_all_ranks(model)
    accumulation_and_penalty(r, p, batches)


def accumulation_and_penalty(r, p, batches):
    """no_sync, a penalty on the gradient of the input, a net whose norm is not synchronised, no momentum lost."""
    batches = [(x.astype(np.float64), y) for x, y in batches[:4]]
    mine = [tuple(mg.tensor(v[6 * r : 6 * r + 6]) for v in batch) for batch in batches]
    joined = [tuple(mg.tensor(v) for v in batch) for batch in batches]
    for steps_of, penalty, norm in ((3, 0.0, nn.Identity), (1, 0.01, nn.BatchNorm2d)):
        norm = norm if norm is nn.BatchNorm2d else lambda n: nn.Identity()
        model = nn.SyncBatchNorm.convert_sync_batchnorm(net(norm).double())
        ddp = steps(nn.parallel.DistributedDataParallel(model), mine, penalty, steps_of)
        one = steps(net(norm).double(), joined, penalty * p if penalty else 0.0, 1) if not penalty else None
        if one is not None:
            summed = [(x, y) for x, y in joined]
            one = net(norm).double()
            optimizer = optim.SGD(one.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
            for x, y in summed:
                optimizer.zero_grad()
                for k in range(steps_of):
                    rows = np.concatenate([np.arange(6 * q, 6 * q + 6)[k::steps_of] for q in range(p)])
                    F.cross_entropy(one(x[rows]), y[rows]).backward()
                optimizer.step()
        else:
            one = penalised_in_one_process(net(norm).double(), joined, penalty, p)
        for a, b in zip(ddp.module.state_dict().values(), one.state_dict().values(), strict=True):
            np.testing.assert_allclose(value(a), value(b), rtol=0, atol=1e-12)
        same_on_all_ranks(ddp)


def penalised_in_one_process(model, joined, penalty, p):
    """The mean of the ranks' losses, each with the penalty on the gradient of all ranks' losses."""
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    for x, y in joined:
        optimizer.zero_grad()
        x = x.detach().requires_grad_()
        loss = F.cross_entropy(model(x), y)  # the mean of the ranks' means
        (g,) = mg.autograd.grad(loss * p, x, create_graph=True)
        (loss + penalty * (len(x) // p) * (g**2).sum() / 10 / p).backward()
        optimizer.step()
    return model


class Branches(nn.Module):
    """Uses what it is told to use."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(4)])

    def forward(self, x, which):
        for i in which:
            x = self.layers[i](x)
        return x


def unused():
    """Parameters that some ranks do not use, that none uses, and that come in another order."""
    r, p = join()
    mg.manual_seed(0)
    model = Branches().double()
    ddp = nn.parallel.DistributedDataParallel(model, bucket_cap_mb=1e-5)
    for which in ([[0, 1], [0, 2]], [[2, 1, 0], [0, 1, 2]], [[1], [1]], [[0, 0, 2], [1]]):
        which = [*which, which[0]][:p]
        ddp.zero_grad()
        xs = [mg.tensor(np.random.default_rng(k).standard_normal((2, 3))) for k in range(p)]
        ddp(xs[r], which[r]).square().mean().backward()
        one = Branches().double()
        one.load_state_dict(model.state_dict())
        (sum(one(x, w).square().mean() for x, w in zip(xs, which, strict=True)) / p).backward()
        for (name, a), b in zip(model.named_parameters(), one.parameters(), strict=True):
            assert (a.grad is None) == (b.grad is None), (name, which)
            if a.grad is not None:
                np.testing.assert_allclose(value(a.grad), value(b.grad), rtol=1e-13, atol=1e-15)
    more_of_ddp(r, p, model, ddp)


def more_of_ddp(r, p, model, ddp):
    """Frozen parameters, half precision, buffers, another group, copies, what is refused, when sums go out."""
    assert ddp.module is model and list(ddp.state_dict()) == [f"module.{key}" for key in model.state_dict()]
    half = nn.parallel.DistributedDataParallel(nn.Linear(2, 2).half())
    half(mg.full((1, 2), 1.0 + r).half()).sum().backward()
    assert half.module.weight.grad.dtype == mg.float16 and half.module.weight.grad[0, 0].item() == 1 + (p - 1) / 2
    part = Branches()
    part.layers[0].requires_grad_(False)
    frozen = nn.parallel.DistributedDataParallel(part)
    frozen(mg.ones(1, 3), [0, 1]).sum().backward()
    assert part.layers[0].weight.grad is None and part.layers[1].weight.grad is not None
    norm = nn.BatchNorm1d(2)
    plain = nn.parallel.DistributedDataParallel(norm)
    plain(mg.randn(4, 2) + r)
    own = [None] * p
    dist.all_gather_object(own, norm.running_mean.tolist())
    assert own[0] != own[-1]
    plain.eval()(mg.ones(1, 2))  # now those of the first rank
    assert norm.running_mean.tolist() == own[0]
    twin = copy.deepcopy(ddp)
    twin.zero_grad()
    twin(mg.full((1, 3), 1.0 + r).double(), [1]).sum().backward()
    assert twin.module.layers[1].weight.grad[0, 0].item() == 1 + (p - 1) / 2
    pairs = dist.new_group([0, 1])
    if r < 2:
        two = nn.parallel.DistributedDataParallel(nn.Linear(1, 1, bias=False), process_group=pairs)
        two(mg.full((1, 1), float(r))).sum().backward()
        assert two.module.weight.grad.item() == 0.5
    try:
        nn.parallel.DistributedDataParallel(nn.Linear(2, 2 + r))
        raise AssertionError("models that differ were taken")
    except RuntimeError as error:
        assert "rank 1 has 'weight' of float32 (3, 2) where rank 0 has 'weight' of float32 (2, 2)" in str(error)
    early(r)


def early(r):
    """Sums are under way before backward has come to the first layer."""
    layers = [nn.Linear(300, 300) for _ in range(4)]
    model = nn.parallel.DistributedDataParallel(nn.Sequential(*layers), bucket_cap_mb=0.4)
    begun = []
    count = dist.group.WORLD.count
    note = lambda _g: begun.append(dist.group.WORLD.count - count)
    layers[0].register_forward_hook(lambda _m, _x, y: setattr(y, "handle", y.register_hook(note)))
    loss = model(mg.randn(2, 300)).sum()
    count = dist.group.WORLD.count
    loss.backward()
    assert begun == [2] and dist.group.WORLD.count - count == 4, begun


def differ_in_unused(r):
    model = nn.parallel.DistributedDataParallel(nn.Linear(2, 2))
    loss = model(mg.ones(1, 2)).sum()
    loss.backward() if r else dist.all_reduce(mg.ones(2))


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


def waits(r):
    while True:
        dist.all_reduce(mg.ones(2))
        time.sleep(0.01)


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
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("function", help="of this file")
    parser.add_argument("arguments", nargs="*", help="of the function")
    args = parser.parse_args()
    globals()[args.function](*args.arguments)
