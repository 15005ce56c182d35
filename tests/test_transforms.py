"""Transforms of images: arrays, tensors and Pillow's alike; torchvision's draws from the same seed."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import transforms as T


def image(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 256, shape or (5, 4, 3)).astype(dtype)


def as_tensor(array):
    return mg.tensor(np.moveaxis(array if array.ndim == 3 else array[..., None], -1, 0).copy())


def test_to_tensor():
    array = image()
    result = T.ToTensor()(array)
    assert result.dtype == mg.float32 and result.shape == (3, 5, 4)
    np.testing.assert_array_equal(result, np.moveaxis(array, -1, 0).astype(np.float32) / 255)
    floats = image(5, 4, dtype=np.float64)
    assert T.ToTensor()(floats).dtype == mg.float64 and T.ToTensor()(floats).tolist() == [floats.tolist()]
    x = mg.ones(1, 2, 2)
    assert T.ToTensor()(x) is x
    with pytest.raises(ValueError, match="pic should be 2/3 dimensional. Got 1"):
        T.ToTensor()(np.zeros(3))
    with pytest.raises(TypeError, match="got a str"):
        T.ToTensor()("image")


def test_normalize():
    x, mean, std = mg.rand(3, 2, 2), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    expected = (x - mg.tensor(mean)[:, None, None]) / mg.tensor(std)[:, None, None]
    np.testing.assert_allclose(T.Normalize(mean, std)(x), expected, rtol=1e-6)
    np.testing.assert_allclose(T.Normalize(mean, std)(mg.stack([x, x]))[1], expected, rtol=1e-6)
    last = np.moveaxis(x.numpy(), 0, -1)
    np.testing.assert_allclose(np.moveaxis(T.Normalize(mean, std)(last), -1, 0), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="std evaluated to zero"):
        T.Normalize((0.1,), (0.0,))(x)
    with pytest.raises(TypeError, match="should be a float tensor. Got int64"):
        T.Normalize((0.1,), (1.0,))(mg.ones(1, 2, 2, dtype=mg.int64))


@pytest.mark.parametrize("make", [lambda: T.RandomHorizontalFlip(), lambda: T.RandomCrop(3, padding=1), lambda: T.CenterCrop((2, 7)),
                                  lambda: T.RandomCrop((3, 2), (1, 2, 0, 1), fill=7), lambda: T.RandomCrop(9, pad_if_needed=True),
                                  lambda: T.RandomCrop(3, 2, padding_mode="reflect"), lambda: T.CenterCrop(3), lambda: T.Resize(8), lambda: T.Resize((3, 9))])  # fmt: skip
@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3)])
def test_arrays_tensors_and_pillows_images_are_transformed_alike(make, shape):
    pillow = pytest.importorskip("PIL.Image")
    array = image(*shape)
    results = []
    for kind in (array, as_tensor(array), pillow.fromarray(array)):
        before = np.array(kind)
        mg.manual_seed(3)
        result = make()(kind)
        assert type(result).__mro__[-2] is type(kind).__mro__[-2]
        np.testing.assert_array_equal(np.array(kind), before)
        results.append(result if isinstance(result, mg.Tensor) else as_tensor(np.array(result)))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_crops_are_torchvisions_from_the_same_seed(torch):
    array = image(9, 8)
    for seed in range(5):
        mg.manual_seed(seed)
        torch.manual_seed(seed)
        top, left = (torch.randint(0, n - 3 + 1, (1,)).item() for n in (9 + 4, 8 + 4))  # as RandomCrop.get_params
        padded = np.pad(array, 2)
        np.testing.assert_array_equal(T.RandomCrop(3, 2)(array), padded[top : top + 3, left : left + 3])
        expected = array[:, ::-1] if torch.rand(1).item() < 0.5 else array
        np.testing.assert_array_equal(T.RandomHorizontalFlip()(array), expected)


def test_the_middle_and_the_size():
    array = image(5, 4)
    np.testing.assert_array_equal(T.CenterCrop(3)(array), array[1:4, 0:3])  # half a pixel goes to the even place
    assert T.CenterCrop(6)(array).shape == (6, 6) and not T.CenterCrop(6)(array)[5].any()
    with pytest.raises(ValueError, match=r"Required crop size \(6, 6\) is larger than input image size \(5, 4\)"):
        T.RandomCrop(6)(array)
    pytest.importorskip("PIL")
    assert T.Resize(8)(array).shape == (10, 8) and T.Resize((3, 7))(array.astype(np.float32)).dtype == np.float32
    flat = np.full((4, 4), 9.5)
    np.testing.assert_allclose(T.Resize(7)(flat), 9.5)


def test_what_they_say_and_refuse():
    both = T.Compose([T.ToTensor(), T.Lambda(lambda x: x + 1)])
    assert both(image(2, 2)).min().item() >= 1
    assert repr(both) == "Compose(\n    ToTensor()\n    Lambda()\n)"
    assert repr(T.Normalize((0.5,), (0.1,))) == "Normalize(mean=(0.5,), std=(0.1,), inplace=False)"
    for call, words in (
        (lambda: T.Lambda(3), "should be callable, got int"),
        (lambda: T.RandomCrop((1, 2, 3)), "only two dimensions"),
        (lambda: T.RandomCrop(1, padding_mode="odd"), "padding_mode should be one of"),
        (lambda: T.RandomCrop(1, padding=(1, 2, 3))(image()), "1, 2, or 4 element tuple"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            call()


def test_drawn_sets():
    for make, classes in ((mg.datasets.two_moons, 2), (lambda n: mg.datasets.spirals(n, classes=3), 3)):
        mg.manual_seed(0)
        x, y = make(300)
        mg.manual_seed(0)
        assert make(300)[0].tolist() == x.tolist()
        assert x.dtype == mg.float32 and y.dtype == mg.int64 and x.shape == (300, 2)
        assert np.bincount(y.numpy()).tolist() == [300 // classes] * classes
    x, _ = mg.datasets.two_moons(100, noise=0, generator=mg.Generator())
    upper, lower = x.numpy()[::2], x.numpy()[1::2]
    np.testing.assert_allclose((upper**2).sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(((lower - [1, 0.5]) ** 2).sum(1), 1, rtol=1e-5)
    for call in (
        lambda: mg.datasets.two_moons(1),
        lambda: mg.datasets.spirals(5, noise=-1),
        lambda: mg.datasets.spirals(5, classes=0),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


def test_grids_of_images(tmp_path):
    from minigrad.utils import make_grid, save_image

    images = mg.rand(5, 1, 4, 3)
    grid = make_grid(images, nrow=3, padding=1, pad_value=0.5)
    assert grid.shape == (3, 11, 13)
    np.testing.assert_array_equal(grid[1, 6:10, 5:8], images[4, 0])
    assert (grid[:, 0] == 0.5).all() and (grid[:, 6:10, 9:12] == 0.5).all()
    assert make_grid([images[0], images[1]], normalize=True).max().item() == 1
    with pytest.raises(TypeError, match="2 to 4 dimensions"):
        make_grid(mg.ones(3))
    pillow = pytest.importorskip("PIL.Image")
    save_image(images, tmp_path / "grid.png", nrow=5, padding=0)
    pixels = np.asarray(pillow.open(tmp_path / "grid.png"))
    np.testing.assert_array_equal(pixels[:, 3:6, 2], (images[1, 0].numpy() * 255 + 0.5).astype(np.uint8))


CONSTRAINTS = {
    "real": lambda c, lib: c.real,
    "real vector": lambda c, lib: c.real_vector,
    "positive": lambda c, lib: c.positive,
    "nonnegative": lambda c, lib: c.nonnegative,
    "above": lambda c, lib: c.greater_than(lib.tensor(2.0)),
    "below": lambda c, lib: c.less_than(-1.5),
    "unit": lambda c, lib: c.unit_interval,
    "interval": lambda c, lib: c.interval(-1.0, 3.0),
    "half open": lambda c, lib: c.half_open_interval(0.0, 2.0),
    "simplex": lambda c, lib: c.simplex,
    "lower cholesky": lambda c, lib: c.lower_cholesky,
    "positive definite": lambda c, lib: c.positive_definite,
    "corr cholesky": lambda c, lib: c.corr_cholesky,
    "independent": lambda c, lib: c.independent(c.positive, 1),
    "cat": lambda c, lib: c.cat([c.positive, c.unit_interval], -1, [1, 2]),
    "stack": lambda c, lib: c.stack([c.positive, c.unit_interval, c.real], -1),
    "boolean": lambda c, lib: c.boolean,
    "one hot": lambda c, lib: c.one_hot,
    "dependent": lambda c, lib: c.dependent,
}


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("registry", ("biject_to", "transform_to"))
def test_unbounded_numbers_are_brought_into_a_constraint_as_in_pytorch(torch, registry, name):
    found = []
    for lib in (mg, torch):
        D = lib.distributions
        x = lib.tensor([[0.3, -1.2, 0.8], [1.0, 0.1, -0.4], [0.0, 2.0, 0.5]])
        constraint = CONSTRAINTS[name](D.constraints, lib)
        try:
            transform = getattr(D, registry)(constraint)
        except NotImplementedError:
            found.append(None)
            continue
        y = transform(x)
        assert bool(constraint.check(y).all())
        found.append((type(transform).__name__, y.tolist()))
    ours, theirs = found
    assert (ours is None) == (theirs is None)
    if ours:
        assert ours[0] == theirs[0]
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5, atol=1e-6)


def test_a_registry_takes_what_a_user_registers(torch):
    for lib in (mg, torch):
        D = lib.distributions
        registry = D.constraint_registry.ConstraintRegistry()

        class Even(D.constraints.Constraint):
            pass

        @registry.register(Even)
        def to_even(constraint, transforms=D.transforms):
            return transforms.AffineTransform(0, 2)

        assert registry(Even())(lib.tensor(3.0)).item() == 6.0
        registry.register(D.constraints.positive, lambda constraint, D=D: D.ExpTransform())
        assert type(registry(D.constraints.greater_than(1.0))) is D.ExpTransform
        with pytest.raises(NotImplementedError, match="Cannot transform"):
            registry(D.constraints.simplex)
        with pytest.raises(TypeError, match="Expected constraint to be either"):
            registry.register(3, D.ExpTransform)
