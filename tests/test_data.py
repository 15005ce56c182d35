"""Data sets and DataLoader: PyTorch's batches, options, and the middle of an epoch."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.utils.data import ConcatDataset, DataLoader, Dataset, Subset, TensorDataset, random_split


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
    with pytest.raises(ValueError, match="the saved epoch has 10 samples"):
        DataLoader(TensorDataset(mg.arange(4))).load_state_dict(state)


def test_samples_of_every_kind_are_collated():
    class Pairs(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return {"x": mg.ones(2) * i, "y": i}, float(i), np.float32(i), "name"

    ((d, f, a, names),) = DataLoader(Pairs(), batch_size=3)
    assert d["x"].shape == (3, 2) and d["y"].tolist() == [0, 1, 2] and f.dtype == np.float32
    assert a.tolist() == [0, 1, 2] and names == ["name"] * 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
        ({"shuffle": True, "sampler": [0]}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
        ({"num_workers": 2}, "num_workers must be 0"),
    ],
)
def test_options_that_contradict(options, words):
    with pytest.raises(ValueError, match=words):
        DataLoader(TensorDataset(mg.arange(3)), **options)


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
