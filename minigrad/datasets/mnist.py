"""MNIST (LeCun, Cortes & Burges, 1998) and Fashion-MNIST (Xiao et al., 2017).

60,000 training and 10,000 test images of 28×28 bytes in ten classes. The files are looked for in
``root``, in the folder named by the variable MINIGRAD_DATA, in the user's cache; else downloaded
into the cache. Every file is checked before it is trusted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.datasets.idx import read_idx
from minigrad.tensor import Tensor
from minigrad.utils.data.dataset import Dataset


class DownloadError(OSError):
    """The files are nowhere on this machine and could not be downloaded."""


class MNIST(Dataset):
    """Handwritten digits: ``dataset[i]`` is (image (1, 28, 28) float32 in [0, 1], label int).

    ``data`` (N, 28, 28) uint8 and ``targets`` (N,) int64 hold them all; ``tensors()`` gives float
    images (N, 1, 28, 28) and labels at once. ``transform`` is applied to each image drawn.

    Raises FileNotFoundError for a ``root`` or MINIGRAD_DATA without the files, ValueError for
    a file there that is corrupt, DownloadError where nothing was found and no mirror answers. A
    corrupt file in the cache is set aside (``*.corrupt``) and downloaded anew.
    """

    name = "mnist"
    mirrors: tuple[str, ...] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    files: dict[str, str] = {  # name -> SHA-256
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        download: bool = True,
        transform: Callable[[Tensor], Any] | None = None,
    ) -> None:
        images, labels = (name for name in self.files if name.startswith("train") == train)
        folder = self._named_folder(root)
        found = [self._file(name, folder, download) for name in (images, labels)]
        self.data, self.targets = read_idx(found[0]), read_idx(found[1]).astype(np.int64)
        if self.data.ndim != 3 or len(self.data) != len(self.targets):
            raise ValueError(
                f"{found[0]}: expected images (N, 28, 28) for {len(self.targets)} labels, found {self.data.shape}"
            )
        self.train, self.transform = train, transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = Tensor._wrap(_scaled(self.data[index][None]))
        return (self.transform(image) if self.transform else image), int(self.targets[index])

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return all images, float32 (N, 1, 28, 28) in [0, 1], and all labels, int64 (N,)."""
        return Tensor._wrap(_scaled(self.data[:, None])), Tensor._wrap(self.targets)

    # ---- where the files are -----------------------------------------------------------------
    def _named_folder(self, root: str | os.PathLike[str] | None) -> Path | None:
        """Return the folder the user named, which then must have the files."""
        for what, named in (("root", root), ("MINIGRAD_DATA", os.environ.get("MINIGRAD_DATA"))):
            if not named:
                continue
            folder = Path(named)
            if not folder.is_dir():
                raise FileNotFoundError(f"{type(self).__name__}: {what} {str(folder)!r} is not a folder")
            for place in (folder, folder / self.name):
                if all(_either(place, name) for name in self.files):
                    return place
            missing = [name for name in self.files if not _either(folder, name)]
            raise FileNotFoundError(f"{type(self).__name__}: {what} {str(folder)!r} lacks {', '.join(missing)}")
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
                f"{type(self).__name__}: no {name} in {cached.parent}; pass download=True or name a "
                "folder by root= or MINIGRAD_DATA"
            )
        return self._download(name, cached)

    def _check(self, path: Path, name: str) -> None:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != self.files[name]:
            raise ValueError(
                f"{path}: expected SHA-256 {self.files[name]}, found {found}; the file is cut off, "
                "corrupt or another one. Remove it, or name another folder."
            )

    def _download(self, name: str, cached: Path) -> Path:
        import pooch

        quiet = pooch.get_logger()
        quiet.setLevel("WARNING")
        faults = []
        for mirror in self.mirrors:
            try:  # pooch writes a temporary file, checks it and only then renames it
                pooch.retrieve(
                    mirror + name,
                    known_hash=f"sha256:{self.files[name]}",
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
            f"{listing}\nPut the four files into a folder and name it by root= or MINIGRAD_DATA, or "
            "use minigrad.datasets.mnist_sample()."
        )


class FashionMNIST(MNIST):
    """Fashion-MNIST: clothes in place of digits, the same sizes; no checksums beyond IDX's sizes."""

    name = "fashion-mnist"
    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)

    def _check(self, path: Path, name: str) -> None:
        read_idx(path)

    def _download(self, name: str, cached: Path) -> Path:
        raise DownloadError(
            f"FashionMNIST: {name} is not in {cached.parent}; download the four files from "
            f"{self.mirrors[0]} into a folder and name it by root="
        )


def cache_folder() -> Path:
    """Return the user's cache of minigrad: $XDG_CACHE_HOME/minigrad or what the system uses."""
    import pooch

    return Path(pooch.os_cache("minigrad"))


def _either(folder: Path, name: str) -> Path | None:
    """Return the file in this folder, compressed or not."""
    for path in (folder / name, folder / name.removesuffix(".gz")):
        if path.is_file():
            return path
    return None


def _scaled(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / 255


def _has_tqdm() -> bool:
    import importlib.util

    return importlib.util.find_spec("tqdm") is not None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
