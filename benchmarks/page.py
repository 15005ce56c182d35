"""docs/performance.md and its picture, made of the benchmark's JSON alone."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
PAIRS = ("PyTorch eager", "PyTorch compiled", "JAX jit", "tinygrad jit", "MyGrad", "autograd")
FLOORS = ("NumPy by hand", "matrix products alone")


def table(result: dict) -> str:
    """Return the table of steps: milliseconds, and minigrad's ratio to each peer."""
    head = "| net | optimizer | threads | minigrad ms | " + " | ".join((*PAIRS, *FLOORS)) + " | peak memory |"
    lines = [head, "| --- | --- | ---: | ---: |" + " ---: |" * (len(PAIRS) + len(FLOORS) + 1)]
    for run in result["steps"]:
        own = run["peers"].get("minigrad")
        if own is None:
            continue
        cells = [_ratio(run["peers"].get(name)) for name in (*PAIRS, *FLOORS)]
        other = run["peers"].get("PyTorch eager", {}).get("peak")
        memory = (
            f"{own['peak'] / other:.2f} ({own['peak'] / 2**20:.0f} MiB)" if other else f"{own['peak'] / 2**20:.0f} MiB"
        )
        lines.append(
            f"| {run['net']} | {run['optimizer']} | {run['threads']} | {own['ms']:.2f} | {' | '.join(cells)} | {memory} |"
        )
    return "\n".join(lines)


def _ratio(peer: dict | None) -> str:
    if peer is None:
        return "–"
    low, high = peer["ratio_range"]
    return f"**{peer['ratio']:.2f}** ({low:.2f}–{high:.2f})"


def chains(result: dict) -> str:
    """Return the table of the overhead of one operation."""
    lines = [
        "| operation | depth | minigrad forward | backward | PyTorch forward | backward |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    found = result["chains"]
    for operation in ("add", "tanh"):
        for depth, (ahead, back) in found["minigrad"][operation].items():
            theirs = found.get("torch", {}).get(operation, {}).get(depth)
            cells = "– | –" if theirs is None else f"{theirs[0]:.2f} | {theirs[1]:.2f}"
            lines.append(f"| {operation} | {int(depth):,} | {ahead:.2f} | {back:.2f} | {cells} |")
    return "\n".join(lines)


def surroundings(result: dict) -> str:
    """Return the table of imports, sizes and loaders."""
    lines = ["| | import | installed with all it requires | DataLoader |", "| --- | ---: | ---: | ---: |"]
    for name, (seconds, size, rows) in result["surroundings"].items():
        lines.append(f"| {name} | {seconds:.2f} s | {size / 2**20:,.0f} MiB | {rows:,.0f} samples/s |")
    return "\n".join(lines)


def write(result: dict, folder: Path = DOCS) -> None:
    """Write the page and its picture."""
    facts = result["machine"]
    described = "\n".join(f"- {key}: {value}" for key, value in facts.items())
    ufunc = result["chains"]["minigrad"]["ufunc"]
    text = f"""# How fast it is

Made by `{result["command"]}` at commit {result["commit"]}; nothing here is written by hand.

A step is forward, loss, backward and optimizer. Each library runs in a process of its own; the processes take turns ({result["repeats"]} turns of {result["seconds"]} s each, in order), and the ratio is taken turn by turn. Columns after the first time are **minigrad's time as a share of the peer's** (below 1 minigrad is faster), the median of the turns with their range in brackets; "–": the peer has no such net here. Peak memory: the process's largest memory in five steps, less what it held after its imports, as a share of PyTorch eager's.

{table(result)}

![The ratios as a picture](performance.svg)

## One operation

Microseconds a node on arrays of one element, all included; a bare NumPy ufunc takes {ufunc:.2f}. `add` runs one ufunc forward and none backward, `tanh` one and three.

{chains(result)}

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
    shown = (("PyTorch eager", "o", "#00694C"), ("PyTorch compiled", "s", "#C75C00"), ("NumPy by hand", "d", "#1C6A94"))
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
                middle, rows, xerr=spread, fmt=marker, color=colour, capsize=2, markersize=5, label=f"against {name}"
            )
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_yticks(
        range(len(runs)),
        [f"{r['net']}, {r['optimizer']}, {r['threads']} thread{'s' * (r['threads'] > 1)}" for r in runs],
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
