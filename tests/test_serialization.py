"""Files: what goes in comes out, whole or not at all."""

import os

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
    with pytest.raises(ValueError, match="no whole safetensors file"):
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
    import io

    buffer = io.BytesIO()
    mg.save({"x": mg.ones(2)}, buffer)
    buffer.seek(0)
    assert mg.load(buffer, map_location="cpu", weights_only=True)["x"].add_(1).tolist() == [2, 2]
    with open(tmp_path / "s", "wb") as file:
        mg.save([mg.ones(1)], file)
    with open(tmp_path / "s", "rb") as file:
        assert mg.load(file)[0].tolist() == [1]
    with pytest.raises(RuntimeError, match="expected 'cpu'"):
        mg.load(tmp_path / "s", map_location="cuda:0")
    with pytest.raises(ValueError, match="no whole safetensors file"):
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
    with pytest.raises(ValueError, match="no whole safetensors file"):
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
