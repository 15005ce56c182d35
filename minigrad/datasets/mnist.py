"""MNIST (LeCun, Cortes & Burges, 1998) and Fashion-MNIST (Xiao et al., 2017).

60,000 training and 10,000 test images of 28×28 bytes in ten classes. The files are looked for in
``root``, in the folder named by the variable MINIGRAD_DATA, in the user's cache; else downloaded
into the cache. Every file is checked before it is trusted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.datasets.idx import read_idx
from minigrad.files import write_atomically
from minigrad.tensor.tensor import Tensor
from minigrad.utils.data.dataset import Dataset


class DownloadError(OSError):
    """The files are nowhere on this machine and could not be downloaded."""


class MNIST(Dataset):
    """Handwritten digits: ``dataset[i]`` is (image (1, 28, 28) float32 in [0, 1], label int).

    ``data`` (N, 28, 28) uint8 and ``targets`` (N,) int64 hold them all; ``tensors()`` gives float
    images (N, 1, 28, 28) and labels at once. ``transform`` is applied to each image drawn,
    ``target_transform`` to its label.

    The files may be compressed or not, and lie as torchvision keeps them (``MNIST/raw``). Those of
    MNIST's sizes must have its contents; uncompressed ones of another size are a set of your own,
    of 28x28 images and labels 0 to 9.

    ``download=True`` puts them into ``root``, where it lacks them: from the folder MINIGRAD_DATA,
    the cache or a mirror. ``download=False`` asks no mirror.

    Raises FileNotFoundError for a ``root`` or MINIGRAD_DATA without the files, ValueError for
    a file there that is corrupt, DownloadError where nothing was found and no mirror answers. A
    corrupt file in the cache is set aside (``*.corrupt``) and downloaded anew.
    """

    name = "mnist"
    # below the folder named by the user
    places: tuple[str, ...] = ("", "mnist", "raw", "MNIST/raw")
    mirrors: tuple[str, ...] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    digest = "sha256"
    files: dict[str, str] = {  # name -> its digest
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    }
    contents: dict[tuple[str, int], str] = {  # (part of the name, how many) -> SHA-256 of the array
        ("train-images", 60000): "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        ("train-labels", 60000): "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        ("t10k-images", 10000): "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        ("t10k-labels", 10000): "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    }

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[Tensor], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool | None = None,
    ) -> None:
        names = [name for name in self.files if name.startswith("train") == train]
        if root is not None and download is True:
            self._fill(Path(root), names)
        folder = self._named_folder(root, names)
        images, labels = (self._file(name, folder, download is not False) for name in names)
        self.data, self.targets = read_idx(images), read_idx(labels).astype(np.int64)
        self._check_arrays(images, labels)
        self.train = train
        self.transform = transform
        self.target_transform = target_transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = Tensor._wrap(_to_unit_floats(self.data[index][None]))
        label: Any = int(self.targets[index])
        if self.transform:
            image = self.transform(image)
        if self.target_transform:
            label = self.target_transform(label)
        return image, label

    def __getbatch__(self, indices: Sequence[int]) -> Any:
        """Return all samples at these indices; None where transforms want them one by one."""
        if self.transform or self.target_transform:
            return None
        chosen = np.asarray(indices)
        images = _to_unit_floats(self.data[chosen][:, None])
        return [Tensor._wrap(images), Tensor._wrap(self.targets[chosen])]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return all images, float32 (N, 1, 28, 28) in [0, 1], and all labels, int64 (N,)."""
        return Tensor._wrap(_to_unit_floats(self.data[:, None])), Tensor._wrap(self.targets)

    # ---- where the files are -----------------------------------------------------------------
    def _fill(self, root: Path, names: list[str]) -> None:
        """Put the files into ``root`` unless it has them, as torchvision does: all of them."""
        if self._place(root, names):
            return
        folder = root / self.places[-1]
        folder.mkdir(parents=True, exist_ok=True)
        source = self._named_folder(None, list(self.files))
        for name in self.files:
            path = self._file(name, source, download=True)
            write_atomically(folder / path.name, path.read_bytes())

    def _place(self, folder: Path, names: list[str]) -> Path | None:
        """Return where in a folder the files are."""
        for place in self.places:
            if all(_either(folder / place, name) for name in names):
                return folder / place
        return None

    def _named_folder(self, root: Any, names: list[str]) -> Path | None:
        """Return the folder the user named, which then must have the files."""
        for what, named in (("root", root), ("MINIGRAD_DATA", os.environ.get("MINIGRAD_DATA"))):
            if not named:
                continue
            folder = Path(named)
            if place := self._place(folder, names):
                return place
            if not folder.is_dir():
                raise FileNotFoundError(
                    f"{type(self).__name__}: {what} {str(folder)!r} is not a folder"
                )
            missing = [name for name in names if not _either(folder, name)]
            raise FileNotFoundError(
                f"{type(self).__name__}: {what} {str(folder)!r} lacks {', '.join(missing)}"
            )
        return None

    def _file(self, name: str, folder: Path | None, download: bool) -> Path:
        if folder is not None:
            path = _either(folder, name)
            assert path is not None
            if path.suffix == ".gz":
                self._check(path, name)
            return path
        cached = cache_folder() / self.name / name
        if cached.is_file():
            try:
                self._check(cached, name)
                return cached
            except ValueError:
                cached.replace(cached.with_name(f"{name}.corrupt"))
        if not download:
            raise FileNotFoundError(
                f"{type(self).__name__}: no {name} in {cached.parent}; pass download=True "
                "or name a folder by root= or MINIGRAD_DATA"
            )
        return self._download(name, cached)

    def _check_arrays(self, images: Path, labels: Path) -> None:
        n = len(self.targets)
        if self.data.shape != (n, 28, 28) or self.targets.ndim != 1:
            raise ValueError(
                f"{images}: expected images (N, 28, 28) for {n} labels, found {self.data.shape}"
            )
        if n and self.targets.max() > 9:
            wrong = int(self.targets.argmax())
            raise ValueError(
                f"{labels}: expected labels 0 to 9, found {self.targets[wrong]} at place {wrong}"
            )
        for path, array in ((images, self.data), (labels, self.targets)):
            expected = self.contents.get((path.name.partition("-idx")[0], n))
            if path.suffix != ".gz" and expected not in (None, _sha256(array.astype(np.uint8))):
                raise ValueError(
                    f"{path}: {n} are as many as {type(self).__name__} has, but not what it has "
                    "(by their SHA-256); the file is corrupt. Remove it, or name another folder."
                )

    def _check(self, path: Path, name: str) -> None:
        actual = hashlib.new(self.digest, path.read_bytes()).hexdigest()
        if actual != self.files[name]:
            kind = {"sha256": "SHA-256", "md5": "MD5"}[self.digest]
            raise ValueError(
                f"{path}: expected {kind} {self.files[name]}, found {actual}; the file is cut "
                "off, corrupt or another one. Remove it, or name another folder."
            )

    def _download(self, name: str, cached: Path) -> Path:
        pooch = _pooch()
        quiet = pooch.get_logger()
        quiet.setLevel("WARNING")
        faults = []
        for mirror in self.mirrors:
            try:  # pooch writes a temporary file, checks it and only then renames it
                pooch.retrieve(
                    mirror + name,
                    known_hash=f"{self.digest}:{self.files[name]}",
                    fname=name,
                    path=cached.parent,
                    progressbar=_has_tqdm(),
                )
                return cached
            except (OSError, ValueError) as error:  # requests' errors are OSErrors
                faults.append(f"{mirror}: {_first_line(error)}")
        listing = "\n  ".join(faults)
        raise DownloadError(
            f"{type(self).__name__}: {name} is not in {cached.parent}, and no mirror gave it:\n  "
            f"{listing}\nPut the four files into a folder and name it by root= or MINIGRAD_DATA, "
            "or use minigrad.datasets.mnist_sample()."
        )


class FashionMNIST(MNIST):
    """Fashion-MNIST: clothes instead of digits, the same sizes, in the same ways as :class:`MNIST`.

    Its files are checked by the MD5 that its authors publish.
    https://github.com/zalandoresearch/fashion-mnist
    """

    name = "fashion-mnist"
    places = ("", "fashion-mnist", "raw", "FashionMNIST/raw")
    mirrors = (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    )
    digest = "md5"
    files = {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    }
    contents = {}


def cache_folder() -> Path:
    """Return the user's cache of minigrad: $XDG_CACHE_HOME/minigrad or what the system uses."""
    return Path(_pooch().os_cache("minigrad"))


def _pooch() -> Any:
    try:
        import pooch
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "the cache of MNIST and its download need the package pooch: "
            "pip install 'minigrad[examples]'. "
            "Or put the files into a folder and name it by root= or MINIGRAD_DATA."
        ) from None
    return pooch


def _either(folder: Path, name: str) -> Path | None:
    """Return the file in this folder, compressed or not."""
    for path in (folder / name, folder / name.removesuffix(".gz")):
        if path.is_file():
            return path
    return None


def _sha256(content: Any) -> str:
    return hashlib.sha256(content).hexdigest()


def _to_unit_floats(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / 255


def _has_tqdm() -> bool:
    import importlib.util

    return importlib.util.find_spec("tqdm") is not None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
