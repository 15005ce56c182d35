"""Files: what goes in comes out, whole or not at all."""

import io
import os
import pickle
import signal
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import minigrad as mg
from minigrad import nn


def test_nested_state_comes_back(tmp_path):
    state = {
        "model": {"a.b": mg.ones(2, 3), "a": {"b": mg.zeros(1)}},
        "optimizer": {0: {"step": 3, "m": mg.tensor([1.5], dtype=mg.float64)}},
        "list": [1, 2.5, "x", None, True, (0.1, 1 / 3)],
        "count": mg.tensor(7),
        "mask": np.array([True, False]),
        "empty": mg.zeros(0, 3),
        "strided": mg.arange(6).reshape(2, 3).T,
    }
    mg.save(state, tmp_path / "s")
    back = mg.load(tmp_path / "s")
    assert back["list"] == state["list"] and list(back) == list(state)
    assert back["model"]["a.b"].tolist() == state["model"]["a.b"].tolist()
    assert back["model"]["a"]["b"].tolist() == [0]
    assert back["optimizer"][0]["step"] == 3 and back["optimizer"][0]["m"].dtype == np.float64
    assert back["count"].shape == () and back["count"].dtype == np.int64
    assert back["mask"].dtype == bool and back["empty"].shape == (0, 3)
    assert back["strided"].tolist() == state["strided"].tolist()


def test_a_state_dict_is_an_ordinary_safetensors_file(tmp_path):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    mg.save(model.state_dict(), tmp_path / "m.safetensors")
    plain = load_file(tmp_path / "m.safetensors")
    assert set(plain) == set(model.state_dict())
    save_file(plain, tmp_path / "other.safetensors")
    assert str(model.load_state_dict(mg.load(tmp_path / "other.safetensors"))) == "<All keys matched successfully>"


def test_faults(tmp_path):
    path = tmp_path / "s"
    mg.save({"x": mg.ones(100)}, path)
    whole = path.read_bytes()
    with pytest.raises(TypeError, match=r"save: a\.1 is a object"):
        mg.save({"x": mg.zeros(1), "a": [1, object()]}, path)
    assert path.read_bytes() == whole and list(tmp_path.iterdir()) == [path]  # the old file stays
    path.write_bytes(whole[:-10])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        mg.load(path)
    with pytest.raises(FileNotFoundError, match="no file"):
        mg.load(tmp_path / "missing")
    with pytest.raises(OSError):
        mg.save({}, tmp_path / "missing" / "s")


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        mg.save({"x": mg.ones(1)}, tmp_path / "s")
    finally:
        os.umask(before)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o640


def test_what_is_replaced_keeps_its_permissions_and_links_stay(tmp_path):
    private, link = tmp_path / "s", tmp_path / "link"
    mg.save(1, private)
    private.chmod(0o600)
    link.symlink_to(private)
    mg.save(2, link)
    assert link.is_symlink() and mg.load(private) == 2
    assert private.stat().st_mode & 0o777 == 0o600
    assert sorted(tmp_path.iterdir()) == sorted([private, link])


def test_open_files_and_pytorchs_keywords(tmp_path):
    buffer = io.BytesIO()
    mg.save({"x": mg.ones(2)}, buffer)
    buffer.seek(0)
    assert mg.load(buffer, map_location="cpu", weights_only=True)["x"].add_(1).tolist() == [2, 2]
    with open(tmp_path / "s", "wb") as file:
        mg.save([mg.ones(1)], file)
    with open(tmp_path / "s", "rb") as file:
        assert mg.load(file)[0].tolist() == [1]
    with pytest.raises(RuntimeError, match="computes on the CPU alone"):
        mg.load(tmp_path / "s", map_location="cuda:0")
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        mg.load(io.BytesIO(b"text"))


def test_keys_that_no_file_can_hold_and_what_is_no_number(tmp_path):
    back = [mg.save({"\ud800": mg.ones(1), "\\ud800": mg.zeros(1)}, tmp_path / "s"), mg.load(tmp_path / "s")][1]
    assert back["\ud800"].tolist() == [1] and back["\\ud800"].tolist() == [0]
    for array in (np.array(["text"]), np.array([object()]), np.array([1j])):
        with pytest.raises(TypeError, match="save: a is an array of .*, not of numbers"):
            mg.save({"a": array}, tmp_path / "s")
    circle = []
    circle.append(circle)
    with pytest.raises(ValueError, match="in a circle"):
        mg.save(circle, tmp_path / "s")


@pytest.mark.parametrize("cut", [0, 4, 8, 20])
def test_a_file_that_was_cut_off(tmp_path, cut):
    mg.save({"x": mg.ones(3)}, tmp_path / "s")
    (tmp_path / "s").write_bytes((tmp_path / "s").read_bytes()[:cut])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        mg.load(tmp_path / "s")


def test_odd_keys_come_back(tmp_path):
    state = {0.5: 1, None: 2, True: [3], "__metadata__": mg.ones(2), float("inf"): "x", 7: {"a": mg.zeros(1)}}
    mg.save(state, tmp_path / "s")
    back = mg.load(tmp_path / "s")
    assert list(back) == list(state) and type(list(back)[2]) is bool
    assert back["__metadata__"].tolist() == [1, 1] and back[7]["a"].tolist() == [0] and back[None] == 2


@pytest.mark.parametrize(
    "text", ["{", "[]", "3", '{"tensor": "missing"}', '{"dict": 3}', '{"list": [1]}', '{"a": 1, "b": 2}', '{"odd": 1}']
)
def test_damaged_metadata_is_a_value_error(tmp_path, text):
    save_file({"x": np.ones(2)}, tmp_path / "s", metadata={"minigrad": text})
    with pytest.raises(ValueError, match="metadata is damaged"):
        mg.load(tmp_path / "s")


def test_bfloat16_comes_as_float32(tmp_path, torch):
    from safetensors.torch import save_file as save_torch

    x = torch.randn(3, 5).to(torch.bfloat16)
    save_torch({"a": torch.ones(2), "x": x}, tmp_path / "s")
    back = mg.load(tmp_path / "s")
    assert back["x"].dtype == np.float32 and back["x"].tolist() == x.float().tolist() and back["a"].tolist() == [1, 1]


def test_arrays_and_numpys_numbers_come_back_as_what_they_were(tmp_path):
    state = [np.arange(3), np.array(2.5), np.float32(0.1), np.float64(2), np.bool_(True), np.array([1, 2], ">i4"), 0.1]
    mg.save(state, tmp_path / "s")
    back = mg.load(tmp_path / "s")
    assert [type(x) for x in back] == [type(x) for x in state]
    for ours, theirs in zip(back, state, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=not isinstance(theirs, np.ndarray))
    assert back[0].flags.writeable and back[2].dtype == np.float32


def test_every_changed_byte_is_noticed(tmp_path):
    state = {"a": mg.arange(3.0), "b": [np.ones((2, 1), np.int16), 7, "text", mg.zeros(0, 2), mg.tensor(True)]}
    mg.save(state, tmp_path / "s")
    raw, expected = (tmp_path / "s").read_bytes(), repr(mg.load(tmp_path / "s"))
    name = range(raw.index(b"minigrad.crc32"), raw.index(b"minigrad.crc32") + 14)
    for i in range(len(raw)):
        changed = io.BytesIO(raw[:i] + bytes([raw[i] ^ (1 << i % 8)]) + raw[i + 1 :])
        try:
            back = mg.load(changed)
            assert i in name and repr(back) == expected  # not looked for, then, but all is right
        except ValueError as error:
            assert "checksum" in str(error) or "not a complete safetensors file" in str(error)


def test_a_file_written_anew_by_another_program_keeps_its_checksum(tmp_path):
    from safetensors import safe_open

    mg.save({"b": mg.ones(2), "a": 3}, tmp_path / "s")
    with safe_open(tmp_path / "s", "np") as file:
        metadata = file.metadata()
    save_file({"b": np.ones(2, np.float32)}, tmp_path / "t", metadata=metadata)
    assert mg.load(tmp_path / "t")["a"] == 3
    save_file({"b": np.array([1, 2], np.float32)}, tmp_path / "t", metadata=metadata)
    with pytest.raises(ValueError, match="its checksum does not fit"):
        mg.load(tmp_path / "t")
    save_file({"b": np.ones(2)}, tmp_path / "t", metadata={"minigrad": '{"tensor": "b"}'})  # of before checksums
    assert mg.load(tmp_path / "t").tolist() == [1, 1]


@pytest.mark.parametrize(("target", "words"), [(".", "is a folder"), ("new/", "is a folder"), ("", "needs a name")])
def test_what_no_file_can_replace(tmp_path, monkeypatch, target, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match=words) as fault:
        mg.save(1, target)
    assert fault.value.filename == target and not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_is_written_into_and_stays(tmp_path):
    fifo, seen = tmp_path / "fifo", []
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="a FIFO or socket that nobody reads"):
        mg.save(1, fifo)
    ours = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # somebody reads, from now on
    reader = threading.Thread(target=lambda: seen.append(fifo.read_bytes()))
    reader.start()
    mg.save(mg.ones(100_000), fifo)
    os.close(ours)
    reader.join()
    assert stat.S_ISFIFO(fifo.stat().st_mode) and list(tmp_path.iterdir()) == [fifo]


def test_a_device_is_written_into_and_stays(tmp_path):
    null, full = tmp_path / "null", tmp_path / "full"  # of our own: a fault must not replace the machine's
    try:
        os.mknod(null, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.mknod(full, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        null.write_bytes(b"")
    except (OSError, AttributeError):
        pytest.skip("only root of a Linux machine makes devices")
    mg.save(1, null)
    with pytest.raises(OSError, match="No space left on device") as fault:
        mg.save(1, full)
    assert fault.value.filename == os.fspath(full)
    assert stat.S_ISCHR(null.stat().st_mode) and sorted(tmp_path.iterdir()) == [full, null]


def test_names_of_any_length(tmp_path):
    for name in ("x" * 237, "x" * 255, "ü" * 127):
        mg.save(len(name), tmp_path / name)
        assert mg.load(tmp_path / name) == len(name)
    with pytest.raises(OSError, match="too long"):
        mg.save(1, tmp_path / ("x" * 256))


def test_what_a_killed_process_left_is_removed_at_the_next_save(tmp_path):
    script = "import os, sys, time, minigrad as mg\nos.fsync = lambda f: (print(flush=True), time.sleep(60))\n"
    script += "mg.save(1, sys.argv[1])"
    path = str(tmp_path / "s")
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as process:
        process.stdout.readline()  # it is about to write
        mg.save(2, path)
        assert len(list(tmp_path.iterdir())) == 2  # what another process writes stays
        process.send_signal(signal.SIGKILL)
    mg.save(3, path)
    assert [p.name for p in tmp_path.iterdir()] == ["s"] and mg.load(path) == 3


def test_files_of_other_programs_are_named(tmp_path, torch):
    def npz(path):
        np.savez(path, a=np.ones(2))

    write = {
        "m.pt": lambda path: torch.save({"a": torch.ones(2)}, path),
        "old.pt": lambda path: torch.save({"a": torch.ones(2)}, path, _use_new_zipfile_serialization=False),
        "a.npz": npz,
        "a.npy": lambda path: np.save(path, np.ones(2)),
        "p.pkl": lambda path: path.write_bytes(pickle.dumps([1])),
        "a.h5": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(90)),
        "a.gguf": lambda path: path.write_bytes(b"GGUF" + bytes(90)),
        "cut.pt": lambda path: path.write_bytes(b"PK\3\4" + bytes(90)),
        "page": lambda path: path.write_bytes(b"\n<!DOCTYPE html><html>404"),
    }
    words = {
        "m.pt": "torch.save .*zip.*safetensors.torch.save_file", "old.pt": "torch.save .*pickle", "a.npz": r"np\.load",
        "a.npy": r"np\.load", "p.pkl": "pickle", "a.h5": "HDF5", "a.gguf": "GGUF", "cut.pt": "zip .*cut off",
        "page": "web page",
    }  # fmt: skip
    for name, make in write.items():
        make(tmp_path / name)
        with pytest.raises(ValueError, match=f"load: .*{name}' is .*{words[name]}"):
            mg.load(tmp_path / name)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        mg.load(tmp_path)
