"""Several processes: collectives, their derivatives, and how they fail; tests/ranks.py is what the ranks run."""

import datetime
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import ranks

import minigrad as mg
from minigrad import distributed as dist
from minigrad import nn
from minigrad.nn.parallel import DistributedDataParallel as DDP

RANKS = (2, 3)


@pytest.fixture
def alone():
    dist.init_process_group()
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("n", RANKS)
@pytest.mark.parametrize("function", ["collectives", "differentiable", "sync_batchnorm", "training", "unused"])
def test_in_several_processes(mpiexec, n, function):
    mpiexec(n, function)


FAILURES = {  # what a rank does: what all are told
    "differ": ["the ranks differ: rank 0 is at collective 3, all_reduce (sum) of float32", "rank 0: collective 3, all_reduce (sum) of float32 (3,)", "rank 1: collective 3, all_reduce (sum) of float32 (2,)"],
    "differ_in_dtype": ["rank 0: collective 3, all_reduce (sum) of float64 (2,)", "rank 1: collective 3, all_reduce (sum) of float32 (2,)"],
    "differ_in_operation": ["rank 0: collective 3, broadcast from rank 0 of float32 (2,)", "rank 1: collective 3, all_reduce (sum)"],
    "differ_in_root": ["rank 0: collective 3, broadcast from rank 0", "rank 1: collective 3, broadcast from rank 1"],
    "differ_in_reduction": ["rank 0: collective 3, all_reduce (sum)", "rank 1: collective 3, all_reduce (max)"],
    "differ_in_unused": ["rank 0: collective 6, all_reduce (sum) of float32 (2,)", "rank 1: collective 6, all_reduce of bucket 0 of DistributedDataParallel (sum) of float32"],
    "fewer_batches": ["rank 0: collective 6, all_reduce (sum)", "rank 1: collective 6, the end of this rank"],
    "fewer_in_a_group": ["in the group of ranks [0, 1", "rank 1: collective 2, the end of this rank"],
    "sleeps": ["has waited 1", "s for the others at collective 3, all_reduce (sum) of float32 (2,)", "rank 1: no answer"],
    "raises": ["rank 1 of", "KeyError: 'what rank 1 did'"],
    "exits": ["rank 1: collective 3, the end of this rank"],
    "exits_at_once": [],
    "killed": [],
}  # fmt: skip


@pytest.mark.parametrize("n", RANKS)
@pytest.mark.parametrize("name", FAILURES)
def test_what_one_rank_does_ends_all_and_is_named(mpiexec, name, n, tmp_path):
    timeout = 1 if name == "sleeps" else 30
    text, seconds = mpiexec(n, "fail", name, timeout, tmp_path, status=True)
    for words in FAILURES[name]:
        assert words in text, text
    assert seconds < 20 and text.count("Traceback") <= 2, text
    pids = [path.name for path in tmp_path.iterdir()]
    assert len(pids) == n and ranks.are_gone(pids)


def test_ctrl_c_ends_all(mpiexec, tmp_path):
    command = [ranks.MPIEXEC, "-n", "3", sys.executable, ranks.__file__, "fail", "waits", "30", str(tmp_path)]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, start_new_session=True
    )
    while len(list(tmp_path.iterdir())) < 3 and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 130 and text.count("Traceback") == text.count("KeyboardInterrupt\n") == 1, text
    assert ranks.are_gone(path.name for path in tmp_path.iterdir())


def test_without_mpi_it_is_a_group_of_one():
    code = """if True:
        import sys
        sys.modules["mpi4py"] = None
        import minigrad as mg
        from minigrad import distributed as dist
        assert not dist.is_mpi_available() and dist.is_available()
        dist.init_process_group("mpi")
        assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, "mpi")
        x = mg.ones(2)
        assert dist.all_reduce(x, async_op=True).wait()
        dist.all_gather([y := mg.zeros(2)], x)
        dist.broadcast_object_list(["a"])
        assert y.tolist() == [1, 1]"""
    subprocess.run([sys.executable, "-c", code], check=True)
    lonely = {"PMI_RANK": "0", "PMI_SIZE": "2"}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **lonely}, capture_output=True, text=True)
    assert done.returncode == 1 and "one of 2 (PMI_SIZE), but it sees no other" in done.stderr
    assert "pip install 'minigrad[mpi]'" in done.stderr


WRONG = {
    "no group": (ValueError, "has not been initialized", lambda: dist.get_rank()),
    "another backend": (ValueError, "minigrad has 'mpi' alone", lambda: dist.init_process_group("nccl")),
    "no time": (ValueError, "more than 0 seconds", lambda: dist.init_process_group(timeout=0)),
    "no seconds": (TypeError, "timeout: expected", lambda: dist.init_process_group(timeout="5")),
}
WRONG_ALONE = {
    "twice": (ValueError, "initialize the default process group twice", lambda: dist.init_process_group()),
    "a list": (TypeError, "expected a Tensor or a NumPy array", lambda: dist.all_reduce([1.0])),
    "read-only": (ValueError, "read-only", lambda: dist.all_reduce(np.broadcast_to(np.ones(1), 3))),
    "mean of integers": (RuntimeError, "of int64 is not defined", lambda: dist.all_reduce(mg.arange(2), dist.ReduceOp.MEAN)),
    "bits of floats": (RuntimeError, "of float32 is not defined", lambda: dist.all_reduce(mg.ones(2), dist.ReduceOp.BOR)),
    "a root that is not there": (ValueError, "src=1 is not among the ranks", lambda: dist.broadcast(mg.ones(1), 1)),
    "a list too long": (ValueError, "has 2 tensors; there are 1 ranks", lambda: dist.all_gather([mg.ones(1)] * 2, mg.ones(1))),
    "other shapes": (ValueError, "holds float32 .2,. beside float32 .1,.", lambda: dist.all_gather([mg.ones(2)], mg.ones(1))),
    "a group twice": (ValueError, "not all different", lambda: dist.new_group([0, 0])),
    "a module without parameters": (RuntimeError, "doesn't have any parameters that require a gradient", lambda: DDP(nn.ReLU())),
    "a lazy module": (RuntimeError, "Run a dummy forward pass", lambda: DDP(nn.LazyLinear(2))),
    "devices": (ValueError, "leave out device_ids", lambda: DDP(nn.Linear(1, 1), device_ids=[0])),
    "in a compiled step": (TypeError, "compile: .*all_reduce .sum. of float32", lambda: mg.compile(lambda x: dist.all_reduce(x))(mg.ones(2))),
    "no room in a bucket": (ValueError, "bucket_cap_mb: expected a number above 0", lambda: DDP(nn.Linear(1, 1), bucket_cap_mb=0)),
    "no group": (ValueError, "expected a group of distributed.new_group", lambda: nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm1d(2), "world")),
    "a rank that is not there": (ValueError, "among the 1 of this job", lambda: dist.new_group([1])),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors_before_a_group_is_there(name):
    kind, words, call = WRONG[name]
    with pytest.raises(kind, match=words):
        call()
    assert not dist.is_initialized()


@pytest.mark.parametrize("name", WRONG_ALONE)
def test_errors_in_a_group(alone, name):
    kind, words, call = WRONG_ALONE[name]
    with pytest.raises(kind, match=words):
        call()


def test_a_group_of_one(alone):
    x = mg.arange(4.0).reshape(2, 2).T
    for call in (dist.all_reduce, dist.broadcast, dist.reduce):
        call(x)
    dist.scatter(x, [x + 1])
    dist.gather(x, out := [mg.zeros(2, 2)])
    dist.reduce_scatter(x, [x * 2])
    assert x.tolist() == [[2, 6], [4, 8]] and out[0].tolist() == [[1, 3], [2, 4]]
    dist.barrier()
    dist.monitored_barrier(timeout=datetime.timedelta(seconds=1))
    assert dist.group.WORLD.size() == 1
    with pytest.warns(UserWarning, match="does not belong to the given group"):
        dist.all_reduce(x, group=dist.GroupMember.NON_GROUP_MEMBER)
    saved = (leaf := mg.ones(2, requires_grad=True)) * (y := mg.ones(2))
    dist.all_reduce(y)
    with pytest.raises(RuntimeError, match="overwritten by all_reduce"):
        saved.sum().backward()
    assert leaf.grad is None


def test_data_parallel_training_in_one_process(alone):
    model = DDP(net := nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))))
    plain = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    plain.load_state_dict(net.state_dict())
    x, group = mg.randn(4, 2), dist.group.WORLD
    before = group.count
    with model.no_sync():
        model(x).square().sum().backward()
    plain(x).square().sum().backward()
    assert group.count == before and list(model.state_dict()) == [f"module.{key}" for key in plain.state_dict()]
    for a, b in zip(model.parameters(), plain.parameters(), strict=True):
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())


def test_a_group_that_was_left_says_so():
    dist.init_process_group()
    group = dist.new_group([0])
    dist.destroy_process_group(group)
    with pytest.raises(dist.DistBackendError, match="it was destroyed"):
        dist.barrier(group)
    with pytest.raises(ValueError, match="has been destroyed"):
        dist.destroy_process_group(group)
    dist.destroy_process_group()


def test_names_and_signatures_are_pytorchs(torch):
    import inspect

    theirs = torch.distributed
    for name in ("all_reduce", "broadcast", "all_gather", "reduce_scatter", "scatter", "gather", "reduce", "barrier", "new_group", "broadcast_object_list", "init_process_group", "destroy_process_group", "get_rank", "get_world_size", "all_gather_object", "gather_object", "all_gather_into_tensor", "reduce_scatter_tensor", "all_to_all"):  # fmt: skip
        ours, others = (inspect.signature(getattr(lib, name)).parameters for lib in (dist, theirs))
        assert list(ours) == [n for n in others if n in ours], name
        for n in ours:
            assert (ours[n].default is inspect.Parameter.empty) == (others[n].default is inspect.Parameter.empty), (
                name,
                n,
            )
    with pytest.raises(ValueError) as a:
        dist.get_world_size()
    with pytest.raises(ValueError) as b:
        theirs.get_world_size()
    assert str(a.value) == str(b.value)
