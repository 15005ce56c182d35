"""docs/performance.md and its picture, made of the benchmark's JSON alone."""

from __future__ import annotations

from pathlib import Path

import turns

DOCS = Path(__file__).parent.parent / "docs"
PAIRS = ("PyTorch eager", "PyTorch compiled", "JAX jit", "tinygrad jit", "MyGrad", "autograd")
FLOORS = ("NumPy by hand", "matrix products alone")
COMPILED = {"minigrad compiled": "exact", "minigrad loops": "loops"}
COMPARED = ("minigrad", "NumPy by hand", "JAX jit", "PyTorch eager", "PyTorch compiled")


def table(result: dict) -> str:
    """Return the table of steps: milliseconds, and minigrad's ratio to each peer."""
    head = (
        "| net | optimizer | threads | minigrad ms | "
        + " | ".join((*PAIRS, *FLOORS))
        + " | peak memory |"
    )
    lines = [head, "| --- | --- | ---: | ---: |" + " ---: |" * (len(PAIRS) + len(FLOORS) + 1)]
    for run in result["steps"]:
        own = run["peers"].get("minigrad")
        cells = [_ratio(run["peers"].get(name)) for name in (*PAIRS, *FLOORS)]
        ms = (
            "–"
            if own is None
            else f"{own['ms']:.2f} ({own['ms_range'][0]:.2f}–{own['ms_range'][1]:.2f})"
        )
        memory = _memory(own, run["peers"].get("PyTorch eager"))
        lines.append(
            f"| {run['net']} | {run['optimizer']} | {run['threads']} | {ms} | {' | '.join(cells)} | {memory} |"
        )
    return "\n".join(lines)


def _ratio(peer: dict | None) -> str:
    if peer is None:
        return "–"
    if "ratio" not in peer:  # minigrad itself was not measured
        return f"{peer['ms']:.2f} ms"
    low, high = peer["ratio_range"]
    return f"**{peer['ratio']:.2f}** ({low:.2f}–{high:.2f})"


def _memory(own: dict | None, other: dict | None) -> str:
    if own is None:
        return "–"
    size = f"{own['peak'] / 2**20:.0f} MiB"
    return f"{own['peak'] / other['peak']:.2f} ({size})" if other and other["peak"] else size


def compiled(result: dict) -> str:
    """Return the table of compiled steps: milliseconds, and their share of others' time."""
    titles = ("net", "optimizer", "threads", "page", "ms", *COMPARED, "MiB, eager's")
    lines = [f"| {' | '.join(titles)} |", "| --- | --- | ---: | --- |" + " ---: |" * 7]
    for run in result["steps"]:
        peers = run["peers"]
        for name, kind in COMPILED.items():
            if name not in peers:
                continue
            own = peers[name]
            cells = [run["net"], run["optimizer"], str(run["threads"]), kind, f"{own['ms']:.2f}"]
            others = [peers.get(other) for other in COMPARED]
            cells += [_ratio(o and turns.share(own["turns"], o["turns"])) for o in others]
            sizes = [peers[n]["peak"] / 2**20 for n in (name, "minigrad") if n in peers]
            cells.append(", ".join(f"{size:.1f}" for size in sizes))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def missing(result: dict) -> str:
    """Return a list of why there are no figures."""
    reasons = {
        f"- {name}: {why}"
        for run in result["steps"]
        for name, why in run.get("missing", {}).items()
    }
    return "\n".join(sorted(reasons)) or "Nothing that was asked for is missing."


def backward(result: dict) -> str:
    """Return the table of backward's cost over forward's."""
    lines = ["| net | threads | minigrad | PyTorch eager |", "| --- | ---: | ---: | ---: |"]
    for run in result["steps"]:
        if run["optimizer"] == result["steps"][0]["optimizer"]:  # no optimizer is at work here
            costs = [
                run["peers"].get(name, {}).get("backward") for name in ("minigrad", "PyTorch eager")
            ]
            shown = ["–" if cost is None else f"{cost:.2f}" for cost in costs]
            lines.append(f"| {run['net']} | {run['threads']} | {' | '.join(shown)} |")
    return "\n".join(lines)


def chains(result: dict) -> str:
    """Return the table of the overhead of one operation."""
    lines = [
        "| operation | depth | minigrad forward | backward | beyond NumPy's calls: forward | backward "
        "| nodes a second | PyTorch forward | backward |",
        "| --- |" + " ---: |" * 8,
    ]
    found = result["chains"]
    for operation, bare in found["minigrad"]["bare"].items():
        for depth, own in found["minigrad"][operation].items():
            theirs = found.get("torch", {}).get(operation, {}).get(depth, ())
            beyond = [a - b for a, b in zip(own, bare, strict=True)]
            cells = [*(f"{v:.2f}" for v in (*own, *beyond)), f"{1e6 / sum(own):,.0f}"]
            cells += [f"{v:.2f}" for v in theirs] or ["–", "–"]
            lines.append(f"| {operation} | {int(depth):,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def optimizers(result: dict) -> str:
    """Return the table of the optimizers' steps."""
    names = {"minigrad": "minigrad ms", "torch": "PyTorch ms"}
    there = [name for name in names if name in result["optimizers"]]
    lines = [
        "| step | " + " | ".join(names[n] for n in there) + " |",
        "| --- |" + " ---: |" * len(there),
    ]
    for cell in result["optimizers"]["minigrad"]:
        lines.append(
            f"| {cell} | "
            + " | ".join(f"{result['optimizers'][n][cell]:.3f}" for n in there)
            + " |"
        )
    return "\n".join(lines)


def surroundings(result: dict) -> str:
    """Return the table of imports, sizes and loaders."""
    lines = [
        "| | import | installed with all it requires | DataLoader |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, (seconds, size, rows) in result["surroundings"].items():
        shown = f"{size / 2**20:,.0f} MiB" if size else "–"
        lines.append(f"| {name} | {seconds:.2f} s | {shown} | {rows:,.0f} samples/s |")
    return "\n".join(lines)


def write(result: dict, folder: Path = DOCS) -> None:
    """Write the page and its picture."""
    facts = result["machine"]
    described = "\n".join(f"- {key}: {value}" for key, value in facts.items())
    bare = result["chains"]["minigrad"]["bare"]
    text = f"""# How fast it is

Made by `{result["command"]}` at commit {result["commit"]}; nothing here is written by hand.

A step is forward, loss, backward and optimizer. Each library runs in a process of its own, on as many processors as threads, the same for all; the processes take turns ({result["repeats"]} turns of {result["seconds"]} s each, in order, and stand still in between), and the ratio is taken turn by turn. Columns after the first time are **minigrad's time as a share of the peer's** (below 1 minigrad is faster), the median of the turns with their range in brackets; "–": the peer has no such net here, failed, or was not asked for. Peak memory is the same for every peer: the largest resident memory of its process (`VmHWM`, set back before) during the fifth step, less what it held (`VmRSS`) before the net was built, when a tiny net's steps had made the library set up what it sets up at first use. Parameters, optimizer state and memory that an allocator keeps count. Shown as a share of PyTorch eager's.

{table(result)}

Where "–" stands for a peer that is installed:

{missing(result)}

![The ratios as a picture](performance.svg)

## Compiled steps

The same steps through `mg.compile`: the page in NumPy alone, exact to the bit, and with `loops="numba"`; see [compiled steps](compile.md). Shares of the others' time in the same turns, below 1 where the compiled step is faster; behind them the peak memory, and that of minigrad's eager step.

{compiled(result)}

## Backward over forward

The time of backward as a multiple of forward's (which records), without the optimizer.

{backward(result)}

## One operation

Microseconds a node on arrays of one element. `add` runs one ufunc forward ({bare["add"][0]:.2f}) and none backward; `tanh` runs one forward ({bare["tanh"][0]:.2f}) and three backward ({bare["tanh"][1]:.2f}).

{chains(result)}

## Optimizers

One step on one thread, milliseconds.

{optimizers(result)}

## Around the step

{surroundings(result)}

## The machine

{described}
"""
    (folder / "performance.md").write_text(text, encoding="utf-8")
    picture(result, folder / "performance.svg")


def picture(result: dict, path: Path) -> None:
    """Draw each ratio to PyTorch eager with its range, and the floors."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    matplotlib.rcParams["svg.hashsalt"] = "minigrad"  # the same file for the same figures
    runs = [run for run in result["steps"] if "minigrad" in run["peers"]]
    figure, axes = plt.subplots(figsize=(7, 0.32 * len(runs) + 1.2))
    shown = (
        ("PyTorch eager", "o", "#00694C"),
        ("PyTorch compiled", "s", "#C75C00"),
        ("NumPy by hand", "d", "#1C6A94"),
    )
    for name, marker, colour in shown:
        points = [(i, run["peers"][name]) for i, run in enumerate(runs) if name in run["peers"]]
        if points:
            rows, peers = zip(*points, strict=True)
            middle = [p["ratio"] for p in peers]
            spread = [
                [m - p["ratio_range"][0] for m, p in zip(middle, peers, strict=True)],
                [p["ratio_range"][1] - m for m, p in zip(middle, peers, strict=True)],
            ]
            axes.errorbar(
                middle,
                rows,
                xerr=spread,
                fmt=marker,
                color=colour,
                capsize=2,
                markersize=5,
                label=f"against {name}",
            )
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_yticks(
        range(len(runs)),
        [
            f"{r['net']}, {r['optimizer']}, {r['threads']} thread{'s' * (r['threads'] > 1)}"
            for r in runs
        ],
    )
    axes.invert_yaxis()
    axes.set_xscale("log")
    ticks = [0.25, 0.5, 0.7, 1, 1.5, 2, 3, 4]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel("minigrad's time as a share of the other's: left of 1, minigrad is faster")
    axes.grid(axis="x", color="#DDDDDD")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best", fontsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
