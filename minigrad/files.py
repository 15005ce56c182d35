"""Files: written whole or not at all, and told by their first bytes."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import zlib
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows: there a file that is open cannot be removed
    fcntl = None  # type: ignore[assignment]


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Put ``content`` at ``path`` by renaming a finished file; an old one stays until then.

    What is there keeps its permissions; through a symbolic link the file behind it is replaced.
    What is no file (a terminal, /dev/null, a FIFO that is read) is written into, and stays. What a
    killed process left of an earlier try is removed. Raises OSError, with ``path`` as its filename.
    """
    try:
        kind = _kind(path)
        if kind is None or stat.S_ISREG(kind):
            _replace(Path(os.path.realpath(path)), content)
        else:
            _write_into(path, kind, content)
    except OSError as error:
        error.filename = os.fspath(path)  # not the temporary file; a full disk names none
        raise


def _kind(path: str | os.PathLike[str]) -> int | None:
    """Return the mode of what is at ``path``, None where nothing is."""
    if not os.fspath(path):
        raise FileNotFoundError(errno.ENOENT, "a file needs a name")
    if not os.path.basename(path):
        return stat.S_IFDIR
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _replace(path: Path, content: bytes) -> None:
    # short, whatever the length of the name beside it
    prefix = f".minigrad-{zlib.crc32(os.fsencode(path.name)):08x}-"
    _remove_abandoned(path.parent, prefix)
    temporary, handle = _create(path.parent, prefix)
    try:
        with _locked(handle):
            with os.fdopen(handle, "wb") as file:
                if path.exists():
                    os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _create(folder: Path, prefix: str) -> tuple[Path, int]:
    """Return a new file of ours, locked while this process lives: so others know it is in use."""
    while True:
        temporary = folder / f"{prefix}{secrets.token_hex(8)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        handle = os.open(temporary, flags, 0o666)  # less umask
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        if temporary.exists():  # else another process took it for abandoned, before the lock
            return temporary, handle
        os.close(handle)


def _locked(handle: int) -> contextlib.AbstractContextManager:
    """Return what keeps the lock of a file beyond its end, until it is renamed."""
    return contextlib.nullcontext() if fcntl is None else os.fdopen(os.dup(handle), "wb")


def _remove_abandoned(folder: Path, prefix: str) -> None:
    """Remove what killed processes left: files of ours that nobody has locked."""
    if fcntl is None:
        return
    for left in folder.glob(f"{prefix}*.tmp"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            at_once = fcntl.LOCK_EX | fcntl.LOCK_NB
            fcntl.flock(file, at_once)
            left.unlink()


def _write_into(path: str | os.PathLike[str], kind: int, content: bytes) -> None:
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, "is a folder, not a file")
    if stat.S_ISBLK(kind):
        raise OSError(errno.ENOTSUP, "is a whole disk, not a file")
    try:  # without waiting for a reader of a FIFO, who may never come
        handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == errno.ENXIO:
            error.strerror = "is a FIFO or socket that nobody reads"
        raise
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


# ---- which format it is ------------------------------------------------------------------------
_TORCH = (
    "a file of PyTorch's torch.save ({}), whose pickle would run code when read. "
    "Convert it where PyTorch is: safetensors.torch.save_file("
    'torch.load("model.pt", map_location="cpu"), "model.safetensors"), given a state_dict'
)
_NPZ = (
    "an .npz file of NumPy (a zip of arrays). "
    "Convert it: mg.save(dict(np.load(path)), 'arrays.safetensors')"
)
_FORMATS = (  # where, first bytes, what it is and the way out
    (
        0,
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19",
        _TORCH.format("a pickle, as before PyTorch 1.6"),
    ),
    (0, b"\x93NUMPY", "an .npy file of NumPy. Read it: mg.from_numpy(np.load(path))"),
    (
        0,
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file (Keras, h5py). Read its arrays with h5py, and mg.save a dict of them",
    ),
    (
        0,
        b"GGUF",
        "a GGUF file (llama.cpp). "
        "Read its tensors with gguf.GGUFReader(path), and mg.save a dict of them",
    ),
    (
        4,
        b"TFL3",
        "a TensorFlow Lite model. Read its arrays with its own program, and mg.save a dict of them",
    ),
    (
        0,
        b"MATLAB 5.0",
        "a .mat file of MATLAB. Read its arrays with scipy.io.loadmat, and mg.save a dict of them",
    ),
    (257, b"ustar", "a tar archive. Unpack it, and load the files in it"),
    (0, b"\x1f\x8b", "gzip-compressed. Unpack it first, with gunzip"),
    (0, b"BZh", "bzip2-compressed. Unpack it first, with bunzip2"),
    (0, b"\xfd7zXZ", "xz-compressed. Unpack it first, with unxz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd-compressed. Unpack it first, with unzstd"),
    (
        0,
        b"version https://git-lfs",
        "a Git LFS pointer, not the file itself. Fetch that with: git lfs pull",
    ),
)
_PICKLE = (
    "a Python pickle, which would run code when read. If you trust it: "
    "mg.load(path, weights_only=False). Safer: mg.save the state_dict of what was in it"
)
_START = 512  # bytes that tell


def is_pickle(start: bytes) -> bool:
    """Tell whether these first bytes are a pickle's, and not the size of a safetensors header."""
    is_size = start[4:9] == b"\0\0\0\0{"
    return start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5") and not is_size


def other_format(file: BinaryIO) -> str | None:
    """Say what a file that is not of safetensors is, and how to convert it; None if unknown.

    Little of it is read, however large it is.
    """
    start = file.read(_START)
    if not start:
        return "empty, not a complete safetensors file. Use another copy"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(file)
    for place, magic, what in _FORMATS:
        if start.startswith(magic, place):
            return what
    if is_pickle(start):
        file.seek(-1, os.SEEK_END)
        if file.read(1) == b".":
            return _PICKLE
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return (
            "a web page, perhaps an error that was downloaded in place of the file. "
            "Download it again"
        )
    return None


def _zip(file: BinaryIO) -> str:
    import zipfile

    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return (
            "a zip file that is cut off or damaged (files of torch.save and .npz files are zips "
            "of pickle and arrays). Use another copy"
        )
    if any(name.endswith("data.pkl") for name in names):
        return _TORCH.format("a zip with a pickle in it")
    if names and all(name.endswith(".npy") for name in names):
        return _NPZ
    return (
        f"a zip file (of {', '.join(names[:3]) or 'nothing'}). Unpack it, and load the files in it"
    )
