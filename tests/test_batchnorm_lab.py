"""examples/batchnorm_lab as a stranger would run it: it reports, resumes, refuses; and its statistics."""

import inspect
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from lab import EXAMPLES, small_data

import batchnorm_lab.command
import minigrad as mg
from batchnorm_lab import deep, report, training, tuning
from batchnorm_lab.claim import (
    NOT_HERE,
    NOT_TESTABLE,
    PARTLY,
    REPRODUCED,
    Result,
    above,
    geometric,
    interval,
    percent,
    pick,
    points,
    ratio_above,
    ratio_interval,
    spread,
    times,
)
from batchnorm_lab.claims import claims


@pytest.fixture(scope="module")
def data():
    return small_data()


# ---- statistics -----------------------------------------------------------------------------------
def test_interval_is_students():
    low, high = interval([1.0, 2.0, 4.0])
    assert (low, high) == pytest.approx((-1.461, 6.128), abs=1e-3)  # t = 4.303 at 2 degrees of freedom
    assert interval([1.0]) == (-math.inf, math.inf)
    low, high = interval([0.0, 1.0] * 6)  # beyond the table: t = 2.201 at 11 degrees of freedom
    assert (high - low) / 2 == pytest.approx(2.201 * np.std([0, 1] * 6, ddof=1) / math.sqrt(12), rel=0.01)


def test_more_comparisons_widen_intervals_and_texts_carry_them():
    one, four = interval([1.0, 2.0, 4.0]), interval([1.0, 2.0, 4.0], comparisons=4)
    assert (four[1] - four[0]) / (one[1] - one[0]) == pytest.approx(8.860 / 4.303, abs=1e-3)  # t of 98.75 %
    assert ratio_interval([2.0, 2.0, 2.0]) == pytest.approx((2, 2))
    assert points([0.01, 0.02, 0.015]) == "+1.50 (+0.26..+2.74)" and points([0.1]) == "+10.00 (no interval)"
    assert percent([0.99, 1.0, 0.995]) == "99.5% (98.3%..100.0%)" and times([2.0, 4.0, 8.0]) == "×4 (0.71..22)"
    assert above([0.1, 0.2, 0.3], -0.1) and not above([0.1, 0.2, 0.3], 0.1) and above([0.1])
    assert ratio_above([2.0, 2.1, 2.2], 1.8) and not ratio_above([2.0, 2.1, 2.2], 1.8, comparisons=4)


def test_geometric_spread_and_ratio():
    assert geometric([1.0, 4.0]) == pytest.approx(2)
    assert spread([0.3, 0.1, 0.2]) == "20.0% (10.0%..30.0%)" and spread([0.5]) == "50.0%"
    assert deep.ratio([2.0, 8.0]) == 4 and deep.ratio([0.0, 1.0]) == deep.ratio([math.nan, 1.0]) == 1e300


def test_pick_sorts_by_seed_and_filters():
    results = [Result({"arm": a, "seed": s}, {"v": (a, s)}) for s in (2, 0, 1) for a in "xy"]
    assert [v["v"] for v in pick(results, arm="x")] == [("x", 0), ("x", 1), ("x", 2)]


def test_every_claim_says_everything_and_costs_no_more_quick_than_full():
    for name, claim in claims().items():
        for field in ("title", "source", "claimed", "protocol", "criterion", "reference"):
            assert getattr(claim, field), (name, field)
        inspect.signature(claim.measure).bind({}, None, tick=len)  # as the runner calls it
        quick, full = (claim.cells(mode, 2) for mode in ("quick", "full"))
        assert 0 < len(quick) <= len(full)
        assert len({json.dumps(cell, sort_keys=True) for cell in full}) == len(full)  # no cell twice


# ---- settings are chosen without the test set -----------------------------------------------------
def rates_chosen(data, monkeypatch):
    """Return what a search over three rates finds, and how many images each run saw."""
    monkeypatch.setattr(tuning, "_chosen", {})
    seen = []

    def score(setting, split, seed):
        seen.append((len(split.train.labels), len(split.test.labels), seed))
        mg.manual_seed(seed)
        net = training.mlp((784, 20, 10), norm=False)
        ((_, reached),) = training.fit(net, split, steps=60, batch=20, lr=setting["rate"], seed=seed)
        return reached

    settings = tuning.grid(rate=(1e-3, 1.0, 1e3))
    choices = [tuning.tuned("an arm", settings, score, data, seeds=(7, 8)) for _ in range(2)]
    assert choices[0] is choices[1] and seen == [(500, 100, 7), (500, 100, 8)] * 3  # a process looks once
    return choices[0]


def test_a_choice_is_the_same_with_poisoned_test_labels(data, monkeypatch):
    poisoned = data._replace(test=training.Part(data.test.images, (data.test.labels + 1) % 10))
    choice = rates_chosen(data, monkeypatch)
    assert choice.setting == {"rate": 1.0} and choice == rates_chosen(poisoned, monkeypatch)
    flipped = data._replace(train=training.Part(data.train.images, (data.train.labels + 1) % 10))
    assert choice.tried != rates_chosen(flipped, monkeypatch).tried  # held-out labels do count
    assert json.loads(json.dumps(choice.told()))["tried"][1] == [{"rate": 1.0}, choice.tried[1][1]]


def test_scores_that_are_no_numbers_lose_and_a_sixth_at_most_is_held_out(data, monkeypatch):
    monkeypatch.setattr(tuning, "_chosen", {})
    scores = {0.1: math.nan, 0.2: 0.3, 0.3: 0.3, 0.4: math.inf}
    choice = tuning.tuned("x", tuning.grid(rate=list(scores)), lambda s, *_: scores[s["rate"]], data)
    assert choice.setting == {"rate": 0.2}  # of equals the first
    split = tuning.held_out(data, 50)
    assert len(split.train.labels) == 550 and np.array_equal(split.test.labels, data.train.labels[-50:])
    assert len(tuning.held_out(data).test.labels) == 100


# ---- what is published ----------------------------------------------------------------------------
DOCS = EXAMPLES.parent / "docs"


@pytest.fixture(scope="module")
def published():
    return json.loads((DOCS / "batchnorm" / "results.json").read_text())


def test_what_the_documentation_counts_are_the_verdicts_of_the_report(published):
    verdicts = Counter(claim["verdict"] for claim in published["claims"].values())
    n = len(published["claims"])
    counts = (verdicts[which] for which in (REPRODUCED, PARTLY, NOT_HERE, NOT_TESTABLE))
    told = "{} reproduce, {} partly, {} do not at this scale, {} (ImageNet) is out of reach".format(*counts)
    assert told in (DOCS / "batchnorm.md").read_text()
    pages = [DOCS.parent / "README.md", *DOCS.glob("*.md"), *(DOCS / "tutorials").glob("*.md")]
    numbers = {page.name: re.findall(r"(\d+) (?:published )?\[?claims", page.read_text()) for page in pages}
    told = {name: found for name, found in numbers.items() if found}
    assert set(told) >= {"README.md", "index.md", "batchnorm.md"} and all(set(f) == {str(n)} for f in told.values()), (
        told
    )


def test_the_published_report_follows_from_its_results(published):
    if set(published["claims"]) != set(claims()):
        pytest.skip("docs/batchnorm is of another set of claims: `run --full`, then copy it there")
    parts = report.parts_of(published)
    assert (DOCS / "batchnorm" / "REPORT.md").read_text() == report.markdown(published, parts)
    page = DOCS / "batchnorm" / "report.html"
    assert page.stat().st_size < 1_000_000 and all(f"<section id={name}>" in page.read_text() for name in claims())


# ---- the command ----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    """The data as MNIST's files."""
    path = tmp_path_factory.mktemp("mnist")
    for name, part in zip(("train", "t10k"), data, strict=True):
        images = (part.images.reshape(-1, 28, 28) * 255).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", part.labels.astype(np.uint8))):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(int(k).to_bytes(4, "big") for k in array.shape)
            (path / f"{name}-{kind}-ubyte").write_bytes(head + array.tobytes())
    return path


def command(*arguments):
    return [sys.executable, str(EXAMPLES / "batchnorm_lab"), *map(str, arguments)]


HERE = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}  # the checkout's minigrad, whichever is installed


def lab(*arguments, status=0):
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120, env=HERE)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_run_reports_and_is_not_repeated(folder, tmp_path):
    options = ("run", "--only", "C13,C20", "--seeds", 1, "--jobs", 1, "--data", folder, "--out", tmp_path)
    assert "11 cells, 0 of them finished" in lab(*options)
    cells = {file: file.stat().st_mtime_ns for file in (tmp_path / "cells").iterdir()}
    assert "11 cells, 11 of them finished" in lab(*options)
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "cells").iterdir()} == cells
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["settings"]["mode"] == "quick" and set(found["claims"]) == {"C13", "C20"}
    assert found["claims"]["C13"]["verdict"] == "reproduced"
    assert {c["commit"] for cells in found["cells"].values() for c in cells} == {found["commit"]}
    kept = {name: (tmp_path / name).read_bytes() for name in ("REPORT.md", "report.html", "figures/C20.png")}
    for name in kept:
        (tmp_path / name).unlink()
    lab("report", "--out", tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept  # from results.json alone
    text = kept["report.html"].decode()
    assert "data:image/webp;base64" in text and "Verdict" in text and 'src="http' not in text
    assert "| [C13](#c13) |" in kept["REPORT.md"].decode() and "Bonferroni" in kept["REPORT.md"].decode()
    assert "`" not in text and "<code>python examples/batchnorm_lab run" in text
    assert re.search(r"BLAS .+, 1 thread", text)


def test_the_report_reads_on_a_phone_and_in_the_dark(folder, tmp_path, browser):
    lab("run", "--only", "C13,C0", "--seeds", 1, "--jobs", 1, "--data", folder, "--out", tmp_path)
    for scheme in ("dark", "light"):
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
        page.goto((tmp_path / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390  # wide tables scroll by themselves
        brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
        assert (page.evaluate(brightness) < 60) == (scheme == "dark")
        assert page.evaluate("[...document.images].every(i => i.naturalWidth > 300)")
        page.close()


def test_going_on_with_other_code_is_told_and_the_clock_goes_on(folder, tmp_path):
    options = ("run", "--only", "C13", "--seeds", 1, "--jobs", 1, "--data", folder, "--out", tmp_path)
    lab(*options)
    before = json.loads((tmp_path / "results.json").read_text())["settings"]["seconds"]
    assert "cells measured at" not in (tmp_path / "REPORT.md").read_text()
    (file,) = (tmp_path / "cells").iterdir()
    file.write_text(json.dumps({**json.loads(file.read_text()), "commit": "0ldc0de"}))
    lab(*options)
    assert json.loads((tmp_path / "results.json").read_text())["settings"]["seconds"] > before
    assert "cells measured at 0ldc0de" in (tmp_path / "REPORT.md").read_text()


def test_the_same_seeds_give_the_same_results(folder, tmp_path):
    values = []
    for out, jobs in (("a", 1), ("b", 2)):
        lab("run", "--only", "C20", "--seeds", 1, "--jobs", jobs, "--data", folder, "--out", tmp_path / out)
        cells = json.loads((tmp_path / out / "results.json").read_text())["cells"]["C20"]
        values.append([cell["value"] for cell in cells])
    assert values[0] == values[1]


def test_stopped_by_ctrl_c_it_keeps_what_is_done(folder, tmp_path):
    options = ("run", "--only", "C10,C18", "--seeds", 2, "--jobs", 1, "--data", folder, "--out", tmp_path)
    listening = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # what runs in the background may be deaf to it
    started = subprocess.Popen(
        command(*options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=HERE, preexec_fn=listening
    )
    while len(list((tmp_path / "cells").glob("C*.json"))) < 2 and started.poll() is None:
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    text, _ = started.communicate(timeout=60)
    assert started.returncode == 130 and "goes on" in text, text
    assert re.search("not judged, cells are missing: (C10, )?C18", text), text  # C10 may have ended before the signal
    done = len(list((tmp_path / "cells").glob("C*.json")))
    assert 2 <= done < 48 and (tmp_path / "REPORT.md").is_file()


def test_wrong_arguments(folder, tmp_path):
    assert "unknown C99" in lab("run", "--only", "C99", "--out", tmp_path, status=2)
    assert "expected a number above 0" in lab("run", "--seeds", 0, status=2)
    assert "no results.json" in lab("report", "--out", tmp_path, status=2)
    assert "is not a folder" in lab("run", "--only", "C13", "--out", tmp_path, "--data", "/nowhere", status=2)


def test_the_commit_tells_of_a_minigrad_from_elsewhere(monkeypatch):
    monkeypatch.setattr(batchnorm_lab.command, "_described", lambda folder: f"of {folder.name}")
    assert batchnorm_lab.command._commit() == "of batchnorm_lab (minigrad: of minigrad)"
    monkeypatch.setattr(batchnorm_lab.command, "_described", lambda folder: "abc")
    assert batchnorm_lab.command._commit() == "abc"


def test_list_and_help():
    assert "C17" in lab("list") and "--only" in lab("run", "--help")
