"""Batches in several places and in parts: SyncBatchNorm over every partition, GhostBatchNorm."""

import copy
import itertools
import re
import threading
import time

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn.batchnorm.shards import in_threads

PARTITIONS = [p for k in (1, 2, 3, 6) for p in itertools.product(range(1, 7), repeat=k) if sum(p) == 6]


def split(x, sizes):
    ends = np.cumsum([0, *sizes])
    return [x[a:b] for a, b in itertools.pairwise(ends.tolist())]


@pytest.mark.parametrize("sizes", PARTITIONS, ids=str)
def test_every_partition_equals_one_big_batch(sizes, threads):
    rng = np.random.default_rng(0)
    data, dy = rng.standard_normal((6, 3, 2)) * 5 + 100, mg.tensor(rng.standard_normal((6, 3, 2)))
    whole = nn.BatchNorm1d(3).double()
    with mg.no_grad():
        whole.weight.copy_(mg.tensor(rng.standard_normal(3)))
    shards = [nn.SyncBatchNorm(3).double() for _ in sizes]
    for shard in shards:
        shard.load_state_dict(whole.state_dict())
    a, b = (mg.tensor(data, requires_grad=True) for _ in range(2))
    expected, found = whole(a), mg.cat(in_threads(shards, split(b, sizes)))
    expected.backward(dy)
    found.backward(dy)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(b.grad.numpy(), a.grad.numpy(), rtol=0, atol=1e-12 * np.abs(a.grad.numpy()).max())
    for name in ("weight", "bias"):  # what an all-reduce of the parameters' gradients will add up
        together = sum(getattr(shard, name).grad.numpy() for shard in shards)
        np.testing.assert_allclose(together, getattr(whole, name).grad.numpy(), rtol=1e-11, atol=1e-12)
    for shard in shards:
        for key, value in whole.state_dict().items():
            np.testing.assert_allclose(shard.state_dict()[key].numpy(), value.numpy(), rtol=1e-12, err_msg=key)


def test_one_shard_is_an_ordinary_batch_norm_and_evaluation_needs_nobody():
    x = mg.randn(5, 3)
    sync, plain = nn.SyncBatchNorm(3), nn.BatchNorm1d(3)
    np.testing.assert_array_equal(sync(x).detach().numpy(), plain(x).detach().numpy())
    sync.all_reduce = None
    assert sync.eval()(x[:1]).shape == (1, 3)


def test_a_shard_of_one_is_fine_but_a_batch_of_one_is_not(threads):
    assert len(in_threads([nn.SyncBatchNorm(2), nn.SyncBatchNorm(2)], [mg.randn(1, 2), mg.randn(1, 2)])) == 2
    layers = [nn.SyncBatchNorm(2), nn.SyncBatchNorm(2)]
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        in_threads(layers, [mg.randn(1, 2), mg.randn(0, 2)])
    assert [layer.num_batches_tracked.item() for layer in layers] == [0, 0]


def test_what_one_shard_raises_reaches_the_caller_and_nobody_waits_for_ever(threads):
    with pytest.raises(RuntimeError, match="expected 2 channels"):
        in_threads([nn.SyncBatchNorm(2), nn.SyncBatchNorm(2)], [mg.randn(4, 2), mg.randn(4, 3)])


class Calls(nn.Module):
    """Calls its layers in the order of ``names``."""

    def __init__(self, names):
        super().__init__()
        self.names, self.a, self.b = names, nn.BatchNorm1d(2), nn.BatchNorm1d(2)

    def forward(self, x):
        for name in self.names:
            x = getattr(self, name)(x)
        return x


def test_without_threads_it_says_what_to_do(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(
        RuntimeError, match=r"in_threads: a thread cannot start here \(can't start new thread\).*whole batch"
    ):
        in_threads([nn.BatchNorm1d(2), nn.BatchNorm1d(2)], [mg.randn(4, 2)] * 2)


UNEQUAL = {
    ("ab", "a"): "shard 0 is at layer 'b', shard 1 has ended",
    ("", "a"): "shard 1 is at layer 'a', shard 0 has ended",
    ("aaa", "aaa", "aa"): "shard 0 is at layer 'a', shard 2 has ended",
    ("ab", "ba"): "shard 0 is at layer 'a', shard 1 at layer 'b'",
    ("ab", "aab"): "shard 0 is at layer 'b', shard 1 at layer 'a'",
}


@pytest.mark.parametrize("names", UNEQUAL, ids=str)
@pytest.mark.usefixtures("threads")
def test_shards_that_call_unequally_are_told_apart_and_nobody_waits(names):
    start, threads = time.monotonic(), threading.active_count()
    with pytest.raises(RuntimeError, match="is at layer '[ab]', shard . (has ended|at layer '[ab]'): every shard") as e:
        in_threads([Calls(order) for order in names], [mg.randn(4, 2) for _ in names])
    shards = set(re.findall(r"shard (\d)", str(e.value)))
    assert shards == set(re.findall(r"shard (\d)", UNEQUAL[names])) or len(names) > 2
    assert time.monotonic() - start < 5 and threading.active_count() == threads


def test_evaluation_in_one_shard_and_a_shard_that_sleeps(threads):
    with pytest.raises(RuntimeError, match="shard 0 is at layer 'a', shard 1 has ended"):
        in_threads([Calls("a"), Calls("a").eval()], [mg.randn(4, 2)] * 2)
    slow = Calls("a")
    slow.register_forward_pre_hook(lambda *_: time.sleep(1))
    with pytest.raises(RuntimeError, match="shard 0 has waited at layer 'a' for shard 1 for 0.1 seconds"):
        in_threads([Calls("a"), slow], [mg.randn(4, 2)] * 2, timeout=0.1)
    assert len(in_threads([Calls("ab"), Calls("ab")], [mg.randn(4, 2)] * 2)) == 2  # a new group starts anew


def test_a_layer_outside_its_group_says_so_instead_of_waiting(threads):
    models = [Calls("ab"), Calls("ab")]
    in_threads(models, [mg.randn(4, 2)] * 2)
    with pytest.raises(RuntimeError, match="layer 'a' was one of several shards"):
        models[0](mg.randn(4, 2))
    assert models[0].eval()(mg.randn(4, 2)).shape == (4, 2)
    one = nn.SyncBatchNorm(2)
    in_threads([one], [mg.randn(4, 2)])
    assert one(mg.randn(4, 2)).shape == (4, 2)


def test_what_does_not_match_is_refused_before_anything_runs(threads):
    with pytest.raises(ValueError, match="1 modules and 2 shards"):
        in_threads([nn.SyncBatchNorm(2)], [mg.randn(4, 2)] * 2)
    with pytest.raises(ValueError, match="share a SyncBatchNorm"):
        in_threads([nn.SyncBatchNorm(2)] * 2, [mg.randn(4, 2)] * 2)


def test_shards_run_in_the_modes_of_the_caller(threads):
    with mg.no_grad():
        results = in_threads([nn.SyncBatchNorm(2) for _ in range(2)], [mg.randn(4, 2, requires_grad=True)] * 2)
    assert not any(y.requires_grad for y in results)


def test_what_conversion_keeps_and_what_it_refuses(threads):
    class Own(nn.BatchNorm1d):
        def forward(self, x):
            return super().forward(x) * 2

    class Checked(nn.BatchNorm1d):
        def _check_input_dim(self, x):
            pass

    model = nn.Sequential(nn.GhostBatchNorm(2, 2), nn.LazyBatchNorm1d(), Checked(2))
    nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert [type(m).__name__ for m in model] == ["GhostBatchNorm", "LazyBatchNorm1d", "SyncBatchNorm"]
    x = mg.randn(4, 2)
    plain = nn.Sequential(nn.GhostBatchNorm(2, 2), nn.BatchNorm1d(2), nn.BatchNorm1d(2))
    np.testing.assert_array_equal(model(x).detach().numpy(), plain(x).detach().numpy())
    assert type(model[1]) is nn.SyncBatchNorm
    model = nn.Sequential(nn.BatchNorm1d(2), Own(2))
    with pytest.raises(TypeError, match="layer '1', a Own, has a forward of its own"):
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert type(model[0]) is nn.BatchNorm1d
    lazy, x = [nn.LazyBatchNorm1d().double() for _ in range(2)], mg.randn(6, 3).double()
    found = mg.cat(in_threads(lazy, [x[:4], x[4:]]))
    np.testing.assert_allclose(found.detach().numpy(), nn.BatchNorm1d(3).double()(x).detach().numpy(), rtol=1e-12)


def test_a_model_is_converted_with_its_state():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Sequential(nn.BatchNorm2d(2, affine=False)))
    model(mg.randn(2, 1, 5, 5))
    before = copy.deepcopy(model.state_dict())
    assert nn.SyncBatchNorm.convert_sync_batchnorm(model) is model
    assert type(model[1]) is type(model[2][0]) is nn.SyncBatchNorm
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key].numpy())


@pytest.mark.parametrize(
    ("n", "size", "parts"), [(8, 4, [4, 4]), (9, 4, [4, 5]), (7, 4, [7]), (3, 2, [3]), (6, 2, [2, 2, 2])]
)
def test_ghost_batches_are_normalised_one_by_one(n, size, parts):
    x = mg.tensor(np.random.default_rng(0).standard_normal((n, 3)) * 4)
    ghost, plain = nn.GhostBatchNorm(3, size).double(), nn.BatchNorm1d(3).double()
    expected = mg.cat([plain(part) for part in split(x, parts)])
    np.testing.assert_array_equal(ghost(x).detach().numpy(), expected.detach().numpy())
    for key, value in plain.state_dict().items():
        np.testing.assert_array_equal(ghost.state_dict()[key].numpy(), value.numpy())
    np.testing.assert_array_equal(ghost.eval()(x).detach().numpy(), plain.eval()(x).detach().numpy())


def test_a_part_that_is_refused_leaves_all_statistics():
    ghost = nn.GhostBatchNorm(2, 2, on_nonfinite="raise")
    before = {k: v.numpy().tobytes() for k, v in ghost.state_dict().items()}
    x = np.ones((4, 2), np.float32)
    x[3] = np.nan
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="have not changed"):
        ghost(mg.tensor(x))
    assert {k: v.numpy().tobytes() for k, v in ghost.state_dict().items()} == before
    with pytest.raises(ValueError, match="at least 1, got 0"):
        nn.GhostBatchNorm(2, 0)
    assert "virtual_batch_size=2" in repr(ghost)
