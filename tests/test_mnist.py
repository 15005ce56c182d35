"""The MNIST files: where they are looked for, and what happens to bad ones."""

import functools
import gzip
import hashlib
import http.server
import sys
import threading

import numpy as np
import pytest

from minigrad import datasets
from minigrad.datasets import MNIST, DownloadError
from minigrad.datasets.idx import read_idx


def idx(array):
    sizes = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Four small files in tmp_path/files, their checksums known to MNIST, and an empty cache."""
    folder = tmp_path / "files"
    folder.mkdir()
    rng = np.random.default_rng(0)
    known = {}
    for name in MNIST.files:
        n = 6 if name.startswith("train") else 4
        raw = idx(rng.integers(0, 256, (n, 28, 28)) if "images" in name else np.arange(n))
        (folder / name).write_bytes(raw)
        known[name] = hashlib.sha256(raw).hexdigest()
    monkeypatch.setattr(MNIST, "files", known)
    monkeypatch.setattr(MNIST, "mirrors", ())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)
    return folder


@pytest.fixture
def mirror(files, monkeypatch):
    """A server on this machine that has the files; a first mirror that has nothing."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=files))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(MNIST, "mirrors", (f"{url}nothing-here/", url))
    yield server
    server.shutdown()
    server.server_close()


def cache(tmp_path):
    return datasets.mnist.cache_folder() / "mnist"


def test_root_and_variable(files, monkeypatch):
    train = MNIST(files)
    assert len(train) == 6 and train.data.shape == (6, 28, 28) and train.targets.dtype == np.int64
    image, label = train[2]
    assert image.shape == (1, 28, 28) and image.dtype == np.float32 and label == 2
    images, labels = MNIST(files, train=False).tensors()
    assert images.shape == (4, 1, 28, 28) and 0 <= images.min().item() <= images.max().item() <= 1
    assert labels.tolist() == [0, 1, 2, 3]
    monkeypatch.setenv("MINIGRAD_DATA", str(files))
    assert len(MNIST()) == 6
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        MNIST(files / "missing")
    with pytest.raises(FileNotFoundError, match=r"lacks train-images"):
        MNIST(files.parent)


def test_download_through_the_second_mirror(mirror, tmp_path):
    assert len(MNIST()) == 6 and len(MNIST(train=False)) == 4
    assert {p.name for p in cache(tmp_path).iterdir()} == set(MNIST.files)
    mirror.shutdown()
    assert len(MNIST(download=False)) == 6  # now from the cache


def test_a_corrupt_file_in_the_cache_is_set_aside(mirror, tmp_path):
    MNIST()
    bad = cache(tmp_path) / next(iter(MNIST.files))
    bad.write_bytes(bad.read_bytes()[:-5])
    assert len(MNIST()) == 6
    assert bad.with_name(bad.name + ".corrupt").is_file()


def test_a_download_with_a_wrong_checksum_is_not_trusted(mirror, files, tmp_path):
    name = next(iter(MNIST.files))
    (files / name).write_bytes(b"something else")
    with pytest.raises(DownloadError, match="SHA256|hash"):
        MNIST()
    assert not (cache(tmp_path) / name).exists()


def test_an_interrupted_download_leaves_nothing_behind(mirror, tmp_path):
    def cut_off(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(b"the beginning")
        handler.close_connection = True

    mirror.RequestHandlerClass.func.do_GET = cut_off
    with pytest.raises(DownloadError, match="no mirror gave it"):
        MNIST()
    assert not cache(tmp_path).exists() or not list(cache(tmp_path).iterdir())


def test_nothing_anywhere_says_where_it_looked(files):
    with pytest.raises(DownloadError, match="MINIGRAD_DATA"):
        MNIST()
    with pytest.raises(FileNotFoundError, match="download=True"):
        MNIST(download=False)


def test_a_corrupt_file_of_the_users_own_is_an_error_and_stays(files):
    bad = files / "train-labels-idx1-ubyte.gz"
    raw = bad.read_bytes()[:-3]
    bad.write_bytes(raw)
    with pytest.raises(ValueError, match=r"train-labels.*expected SHA-256 .*, found"):
        MNIST(files)
    assert bad.read_bytes() == raw


@pytest.mark.parametrize("place", ["", "mnist", "raw", "MNIST/raw"])
@pytest.mark.parametrize("unpacked", [False, True])
def test_folders_of_other_programs_and_one_half_of_the_files(files, tmp_path, place, unpacked):
    folder = tmp_path / "root" / place
    folder.mkdir(parents=True)
    for path in files.glob("t10k*"):
        raw = path.read_bytes()
        (folder / (path.stem if unpacked else path.name)).write_bytes(gzip.decompress(raw) if unpacked else raw)
    assert len(MNIST(tmp_path / "root", train=False)) == 4
    with pytest.raises(FileNotFoundError, match=r"lacks train-images\S+, train-labels\S+gz$"):
        MNIST(tmp_path / "root")


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("images", lambda a: a ^ (np.arange(a.size).reshape(a.shape) == 999), "as many as MNIST has, but not what it"),
        ("images", lambda a: a[:, :27], r"expected images \(N, 28, 28\) for 4 labels, found \(4, 27, 28\)"),
        ("images", lambda a: a[:3], r"for 4 labels, found \(3, 28, 28\)"),
        ("labels", lambda a: a[::-1], "t10k-labels.*: 4 are as many as MNIST has, but not what it has"),
        ("labels", lambda a: np.where(a == 2, 77, a), "expected labels 0 to 9, found 77 at place 2"),
        ("labels", lambda a: a[:, None], "expected images"),
    ],
)
def test_unpacked_files_are_checked(files, monkeypatch, part, change, words):
    known = {}
    for path in files.glob("t10k*"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        known[path.name.partition("-idx")[0], 4] = hashlib.sha256(read_idx(path)).hexdigest()
        path.unlink()
    monkeypatch.setattr(MNIST, "contents", known)
    assert len(MNIST(files, train=False)) == 4
    path = next(files.glob(f"t10k-{part}*"))
    path.write_bytes(gzip.decompress(idx(change(read_idx(path)))))
    with pytest.raises(ValueError, match=words):
        MNIST(files, train=False)


def test_without_pooch_it_names_the_extra_and_folders_go_on_working(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert len(MNIST(files)) == 6
    with pytest.raises(ModuleNotFoundError, match=r"package pooch: pip install 'minigrad\[examples\]'"):
        MNIST()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (idx(np.zeros((2, 3)))[:-6], "cut off or corrupt"),
        (gzip.decompress(idx(np.zeros((2, 3))))[:-1], r"expected 6 bytes of data for shape \(2, 3\), found 5"),
        (b"\0\0\x0d\x01" + bytes(8), r"magic 00 00 08 01 to 04\), found 00 00 0d 01"),
        (b"", "found nothing"),
    ],
)
def test_bad_idx_files(tmp_path, raw, words):
    path = tmp_path / "bad"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=words) as fault:
        read_idx(path)
    assert str(path) in str(fault.value)


@pytest.mark.filterwarnings("ignore")  # of the package's own imports
def test_the_sample():
    for train, n in ((True, 4000), (False, 1000)):
        images, labels = datasets.mnist_sample(train)
        assert images.shape == (n, 1, 28, 28) and images.dtype == np.float32
        assert np.bincount(labels.numpy()).tolist() == [n // 10] * 10


def test_a_root_without_the_files_is_filled_where_they_may_be_downloaded(mirror, tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        MNIST(tmp_path / "new")
    drawn = MNIST(tmp_path / "new", True, lambda image: image + 1, lambda label: -label, download=True)
    assert drawn[2][0].min().item() >= 1 and drawn[2][1] == -2
    assert len(MNIST(tmp_path / "new", train=False)) == 4  # as published scripts do after the first
    assert {path.name for path in (tmp_path / "new" / "MNIST" / "raw").iterdir()} == set(MNIST.files)


def test_a_root_is_filled_from_the_folder_of_the_variable(files, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGRAD_DATA", str(files))
    assert len(MNIST(tmp_path / "new", download=True)) == 6


def test_batches_are_served_at_once_unless_a_transform_wants_each_sample(files):
    from minigrad.utils.data import DataLoader

    plain, turned = MNIST(files), MNIST(files, transform=lambda image: image)
    for ours, theirs in zip(DataLoader(plain, 4), DataLoader(turned, 4), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def test_fashion_mnist_is_checked_by_its_md5(files, mirror, monkeypatch):
    from minigrad.datasets import FashionMNIST

    known = {name: hashlib.md5((files / name).read_bytes()).hexdigest() for name in MNIST.files}
    monkeypatch.setattr(FashionMNIST, "mirrors", MNIST.mirrors)
    with pytest.raises(DownloadError, match="no mirror gave it"):
        FashionMNIST()
    with pytest.raises(ValueError, match="expected MD5"):
        FashionMNIST(files)
    monkeypatch.setattr(FashionMNIST, "files", known)
    assert len(FashionMNIST()) == len(FashionMNIST(files)) == 6
