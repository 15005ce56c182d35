"""Samplers and data sets beside each other: PyTorch's indices from the same seed."""

import itertools

import numpy as np
import pytest

import minigrad as mg
from minigrad.utils import data as ours

SAMPLERS = [
    lambda m, d, g: d.SequentialSampler(range(7)),
    lambda m, d, g: d.RandomSampler(range(7), generator=g),
    lambda m, d, g: d.RandomSampler(range(7), num_samples=4, generator=g),
    lambda m, d, g: d.RandomSampler(range(7), num_samples=17, generator=g),
    lambda m, d, g: d.RandomSampler(range(7), True, generator=g),
    lambda m, d, g: d.RandomSampler(range(7), True, 71, generator=g),
    lambda m, d, g: d.SubsetRandomSampler([3, 5, 8, 1], generator=g),
    lambda m, d, g: d.WeightedRandomSampler([0.1, 3, 0.5, 1], 9, generator=g),
    lambda m, d, g: d.WeightedRandomSampler([0.1, 3, 0.5, 1], 3, False, generator=g),
    lambda m, d, g: d.BatchSampler(d.RandomSampler(range(7), generator=g), 3, False),
    lambda m, d, g: d.BatchSampler(d.RandomSampler(range(7), generator=g), 3, True),
    lambda m, d, g: d.BatchSampler(range(6), 3, False),
]


@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("make", SAMPLERS)
def test_indices_like_pytorchs(torch, make, own_generator):
    def run(m, d):
        m.manual_seed(5)
        sampler = make(m, d, m.Generator().manual_seed(7) if own_generator else None)
        return len(sampler), list(sampler), list(sampler), m.rand(1).item()

    assert run(mg, ours) == run(torch, torch.utils.data)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: d.RandomSampler([]), "num_samples should be a positive integer value"),
        (lambda d: d.RandomSampler([1], replacement=1), "replacement should be a boolean value"),
        (lambda d: d.WeightedRandomSampler([1.0], 0), "num_samples should be a positive integer value"),
        (lambda d: d.WeightedRandomSampler([1.0], 1, 2), "replacement should be a boolean value"),
        (lambda d: d.WeightedRandomSampler([[1.0]], 1), "weights should be a 1d sequence"),
        (lambda d: d.BatchSampler([1], 0, False), "batch_size should be a positive integer value"),
        (lambda d: d.BatchSampler([1], True, False), "batch_size should be a positive integer value"),
        (lambda d: d.BatchSampler([1], 1, 0), "drop_last should be a boolean value"),
        (lambda d: d.StackDataset(), "At least one dataset should be passed"),
        (lambda d: d.StackDataset([1], [1, 2]), "Size mismatch between datasets"),
        (lambda d: d.StackDataset([1], a=[1]), "Supported either"),
        (lambda d: d.DistributedSampler([1], 2, 2), "Invalid rank 2, rank should be in the interval"),
        (lambda d: d.DistributedSampler([1], 2, -1), "Invalid rank -1, rank should be in the interval"),
        (lambda d: d.random_split(range(4), [1.5, -0.5]), "Fraction at index 0 is not between 0 and 1"),
    ],
)
def test_refused_as_by_pytorch(torch, call, words):
    with pytest.raises((TypeError, ValueError), match=words) as mine:
        call(ours)
    with pytest.raises((TypeError, ValueError), match=words) as theirs:
        call(torch.utils.data)
    assert mine.type is theirs.type


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
def test_every_process_has_pytorchs_share(torch, shuffle, drop_last):
    for n, processes in itertools.product((1, 2, 5, 8, 13), (1, 2, 3, 5, 11)):
        for rank, epoch in itertools.product(range(processes), (0, 3)):
            shares = []
            for module in (ours, torch.utils.data.distributed):
                sampler = module.DistributedSampler(range(n), processes, rank, shuffle, 4, drop_last)
                sampler.set_epoch(epoch)
                shares.append((len(sampler), sampler.total_size, list(sampler)))
            assert shares[0] == shares[1], (n, processes, rank)


def test_without_a_group_one_process_draws_all():
    assert list(ours.distributed.DistributedSampler(range(3), shuffle=False)) == [0, 1, 2]


def test_data_sets_side_by_side_and_one_after_the_other(torch):
    def run(m, d):
        class Stream(d.IterableDataset):
            def __iter__(self):
                return iter(range(3))

            def __len__(self):
                return 3

        x = d.TensorDataset(m.arange(6), m.arange(12).reshape(6, 2))
        pairs = d.StackDataset(x, range(6))
        named = d.StackDataset(x=x, y=range(6))
        both = x + d.Subset(x, [5, 0])
        chain = Stream() + Stream()
        loaded = [
            [str(batch) for batch in d.DataLoader(data, 4)]
            for data in (pairs, named, both, chain, d.Subset(both, [7, 2]))
        ]
        return (
            loaded,
            len(pairs),
            len(both),
            both.cumulative_sizes,
            len(chain),
            list(chain),
            str(both[-1]),
            str(pairs[2]),
        )

    assert run(mg, ours) == run(torch, torch.utils.data)


def test_what_cannot_be_joined_is_named():
    class Stream(ours.IterableDataset):
        pass

    with pytest.raises(ValueError, match="does not support IterableDataset, got a Stream"):
        ours.ConcatDataset([Stream()])
    with pytest.raises(TypeError, match="only supports IterableDataset, got a range"):
        list(ours.ChainDataset([range(3)]))
    with pytest.raises(IndexError, match="index 3 is out of range for 3 samples"):
        ours.ConcatDataset(["ab", "c"])[3]
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        ours.random_split(range(1), [0.5, 0.5])


def test_a_batch_is_served_at_once_unless_a_subclass_has_its_own_samples():
    drawn = []

    class Noted(ours.TensorDataset):
        def __getitem__(self, index):
            drawn.append(index)
            return super().__getitem__(index)

    x = mg.arange(6)
    for data in (ours.TensorDataset(x), ours.Subset(ours.TensorDataset(x), [5, 3, 1]), x, np.arange(6.0)):
        assert ours.dataset.batch_of(data, [0, 2]) is not None
    assert ours.dataset.batch_of(Noted(x), [0, 2]) is None
    assert ours.dataset.batch_of(ours.Subset(Noted(x), [0, 2]), [0, 1]) is None
    list(ours.DataLoader(Noted(x), 3))
    assert drawn == [0, 1, 2, 3, 4, 5]


def test_a_batch_is_the_users_own_memory():
    x = mg.arange(4)
    for batch in ours.DataLoader(ours.TensorDataset(x), 4):
        batch[0].add_(1)
    assert x.tolist() == [0, 1, 2, 3]


def test_published_type_arguments():
    class Every(ours.Sampler[int]):
        def __iter__(self):
            return iter([1, 0])

    class Letters(ours.Dataset[str]):
        def __getitem__(self, i):
            return "ab"[i]

    loader: ours.DataLoader[str] = ours.DataLoader(Letters(), 2, sampler=Every())
    assert list(loader) == [["b", "a"]]
