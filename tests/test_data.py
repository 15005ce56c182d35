"""Data sets and DataLoader: PyTorch's batches, options, and the middle of an epoch."""

import collections
import copy

import numpy as np
import pytest
from layers import same_error

import minigrad as mg
from minigrad.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset, random_split


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(5))


def indices(loader):
    return [batch[0].tolist() for batch in loader]


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"shuffle": True, "drop_last": True, "batch_size": 4}])
@pytest.mark.parametrize("own_generator", [False, True])
def test_batches_like_pytorch(torch, options, own_generator):
    import torch.utils.data as theirs

    def run(m, data):
        m.manual_seed(3)
        generator = {"generator": m.Generator().manual_seed(7)} if own_generator else {}
        loader = data.DataLoader(data.TensorDataset(m.arange(10)), **{"batch_size": 3, **options}, **generator)
        return len(loader), indices(loader), indices(loader), m.rand(1).item()

    assert run(mg, mg.utils.data) == run(torch, theirs)


@pytest.mark.parametrize("own_generator", [False, True])
def test_two_shuffled_loaders_side_by_side_draw_as_pytorchs(torch, own_generator):
    import torch.utils.data as theirs

    def run(m, data):
        m.manual_seed(3)
        shared = {"generator": m.Generator().manual_seed(7)} if own_generator else {}
        a, b = (data.DataLoader(data.TensorDataset(m.arange(n)), 2, shuffle=True, **shared) for n in (6, 8))
        pairs = [(x.tolist(), y.tolist()) for (x,), (y,) in zip(a, b, strict=False)]
        return pairs, [x.tolist() for (x,) in a], m.rand(1).item()

    assert run(mg, mg.utils.data) == run(torch, theirs)


PUBLISHED = [  # options of published scripts that change no batch
    {"num_workers": 2, "pin_memory": True},
    {"num_workers": 1, "prefetch_factor": 4, "persistent_workers": True, "in_order": True},
    {"pin_memory": True, "pin_memory_device": "", "timeout": 0},
    {"num_workers": 2, "timeout": 60, "multiprocessing_context": "fork"},
]


@pytest.mark.parametrize("options", PUBLISHED)
@pytest.mark.filterwarnings("ignore:'pin_memory' argument")
def test_options_of_workers_and_memory_give_pytorchs_batches(torch, options):
    def run(m, data):
        m.manual_seed(0)
        loader = data.DataLoader(data.TensorDataset(m.arange(7)), batch_size=3, shuffle=True, **options)
        return len(loader), indices(loader), indices(loader)

    assert run(mg, mg.utils.data) == run(torch, torch.utils.data)


def test_pytorchs_order_of_arguments():
    mine = DataLoader(TensorDataset(mg.arange(3)), 2, None, None, None, 0, len, False, True)
    assert list(mine) == [2] and mine.drop_last


@pytest.mark.parametrize(
    "options", [{}, {"shuffle": True}, {"sampler": [2, 0]}, {"sampler": [[2, 0], [1]]}, {"collate_fn": str}]
)
def test_without_a_batch_size_the_samples_come_as_they_are(torch, options):
    import torch.utils.data as theirs

    class Samples:
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return np.array([1.5, 2]) * np.mean(i), {"n": 2.5, "m": np.float32(1)}, "x", [np.array(3)]

    def run(m, data):
        m.manual_seed(0)
        loader = data.DataLoader(Samples(), batch_size=None, **options)
        return len(loader), [str(sample) for sample in loader]

    n, ours = run(mg, mg.utils.data)
    assert (n, [text.replace("minigrad", "torch") for text in ours]) == run(torch, theirs)


def test_streams_and_samplers_without_a_length(torch):
    import itertools

    import torch.utils.data as theirs

    class Theirs(theirs.IterableDataset):
        __iter__ = Stream.__iter__

    for options in ({"batch_size": 2}, {"batch_size": 2, "drop_last": True}, {"batch_size": None}):
        ours, other = DataLoader(Stream(), **options), theirs.DataLoader(Theirs(), **options)
        assert [str(batch) for batch in ours] == [str(batch) for batch in other]
    endless = DataLoader(range(3), 2, sampler=itertools.cycle([2, 0, 1]))
    assert [b.tolist() for b in itertools.islice(endless, 3)] == [[2, 0], [1, 2], [0, 1]]
    with pytest.raises(TypeError, match="no len"):
        len(endless)


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "batch",
    [
        [1.5, 2], [True, False], [1, 2], [np.float32(1), np.float32(2)], [np.float64(1), np.int64(2)],
        [np.ones(2, np.float16)] * 2, [(1, 2.5, "x"), (3, 4.5, "y")], [Point(1, [2.0]), Point(3, [4.0])], ["a", "b"],
        [b"a"], [{"a": np.array(1), "b": "x"}] * 2, [collections.OrderedDict(a=1)] * 2, [[[1, 2], [3, 4]]] * 2,
        [{"a": 1}, {"a": 2, "more": 3}],
    ],
)  # fmt: skip
def test_collated_as_by_pytorch(torch, batch):
    from torch.utils.data import default_collate

    ours, theirs = mg.utils.data.default_collate(batch), default_collate(batch)
    assert repr(ours).replace("minigrad", "torch") == repr(theirs)


@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        ([[1, 2], [1]], RuntimeError, "of equal size, but sample 0 has 2 and sample 1 has 1"),
        ([(1,), (1, 2)], RuntimeError, "of equal size, but sample 0 has 1 and sample 1 has 2"),
        ([np.ones(2), np.ones(3)], RuntimeError, r"equal size, but got \[2\] at entry 0 and \[3\] at entry 1"),
        ([mg.ones(2, 1), mg.ones(2)], RuntimeError, r"equal size, but got \[2, 1\] at entry 0 and \[2\] at entry 1"),
        ([{"a": 1}, {"b": 1}], KeyError, "sample 1 lacks 'a', which sample 0 has"),
        ([1, "x"], TypeError, "sample 0 is a int, sample 1 a str"),
        ([[1], None], TypeError, "sample 0 is a list, sample 1 a NoneType"),
        ([None, None], TypeError, "found <class 'NoneType'>"),
        ([np.array(["a"])], TypeError, "found an array of <U1"),
    ],
)
def test_what_is_not_collated_says_sizes_and_kinds(batch, error, words):
    with pytest.raises(error, match=words):
        mg.utils.data.default_collate(batch)


def test_an_interrupted_epoch_goes_on_with_what_was_left():
    def loader():
        return DataLoader(TensorDataset(mg.arange(10)), batch_size=3, shuffle=True)

    mg.manual_seed(0)
    first = loader()
    whole = indices(first)
    mg.manual_seed(0)
    stopped = loader()
    head = []
    for batch in stopped:
        head.append(batch[0].tolist())
        if len(head) == 2:
            state = stopped.state_dict()
            break
    resumed = loader()
    resumed.load_state_dict(state)
    assert head + indices(resumed) == whole
    assert sorted(i for batch in indices(resumed) for i in batch) == list(range(10))  # the next epoch is whole again
    assert len(indices(stopped)) == 4  # and a broken loop starts anew
    with pytest.raises(ValueError, match="the saved epoch has 10 samples, this one 4"):
        DataLoader(TensorDataset(mg.arange(4))).load_state_dict(state)


def test_samples_of_every_kind_are_collated():
    class Pairs(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return {"x": mg.ones(2) * i, "y": i}, i + 1700000000.25, np.float32(i), "name"

    ((d, f, a, names),) = DataLoader(Pairs(), batch_size=3)
    assert d["x"].shape == (3, 2) and d["y"].tolist() == [0, 1, 2]
    assert f.dtype == np.float64 and f[0].item() == 1700000000.25 and a.dtype == np.float32
    assert a.tolist() == [0, 1, 2] and names == ("name",) * 3  # as in PyTorch


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
        ({"shuffle": True, "sampler": [0]}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multiprocessing"),
        ({"num_workers": 1, "prefetch_factor": -1}, "prefetch_factor option should be non-negative"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"multiprocessing_context": "fork"}, "multiprocessing_context can only be used with num_workers > 0"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"shuffle": True, "dataset": Stream()}, "DataLoader with IterableDataset: expected unspecified shuffle"),
        ({"sampler": [0], "dataset": Stream()}, "DataLoader with IterableDataset: expected unspecified sampler"),
    ],
)
def test_options_that_contradict(options, words):
    with pytest.raises(ValueError, match=words):
        DataLoader(**{"dataset": TensorDataset(mg.arange(3)), **options})


@pytest.mark.parametrize(
    "name", ["dataset", "batch_size", "sampler", "batch_sampler", "drop_last", "persistent_workers"]
)
def test_what_the_samplers_were_made_of_stays(torch, name):
    loader = DataLoader(range(5), batch_size=2)
    same_error(torch, lambda lib: setattr(lib.utils.data.DataLoader(range(5)), name, 3), opening=40)
    with pytest.raises(ValueError, match=f"{name} attribute should not be set .* got 3"):
        setattr(loader, name, 3)
    assert [len(batch) for batch in copy.deepcopy(loader)] == [2, 2, 1]


def test_parts_of_data_sets(torch):
    import torch.utils.data as theirs

    data = TensorDataset(mg.arange(10))
    assert Subset(data, [3, 1])[1][0].item() == 1
    both = ConcatDataset([data, data])
    assert len(both) == 20 and both[-1][0].item() == 9 and both[12][0].item() == 2
    mg.manual_seed(0)
    torch.manual_seed(0)
    ours = random_split(data, [0.7, 0.3])
    other = theirs.random_split(list(range(10)), [0.7, 0.3])
    assert [p.indices for p in ours] == [p.indices for p in other]
    with pytest.raises(ValueError, match="Sum of input lengths"):
        random_split(data, [3, 3])
    with pytest.raises(ValueError, match="Size mismatch"):
        TensorDataset(mg.ones(2), mg.ones(3))
