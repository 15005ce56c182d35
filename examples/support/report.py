"""What a run prints and leaves behind: progress, metrics.json, curves.png, graph.svg, the table."""

import json
import platform
import signal
import sys

from support import leave, ranks
from support.checkpoint import SETTINGS

import minigrad as mg

NAMES = {"batch": "with BatchNorm", "none": "without"}
COLORS = {"batch": "#0072B2", "none": "#D55E00"}  # Okabe & Ito: told apart by colour-blind readers
STYLES = {"batch": "-", "none": "--"}


def started(args, source, n_train, n_test):
    """Say what is trained on what."""
    what = "with and without BatchNorm" if args.compare else NAMES[args.norm]
    print(
        f"{args.model} {what}, {args.epochs} epochs, batch {args.batch_size}, lr {args.lr:g}, seed "
        f"{args.seed}; data: {source} ({n_train:,} to train on, {n_test:,} to test)"
    )


def progress(loader, run, args):
    """Yield the batches under a bar with loss and accuracy (on a terminal)."""
    from tqdm import tqdm

    silent = not ranks.is_first() if ranks.are_several() else None  # None: where no terminal is
    bar = tqdm(
        loader,
        desc=f"epoch {run.epoch + 1}/{args.epochs}",
        leave=False,
        disable=silent,
        unit="batch",
    )
    with bar:
        for batch in bar:
            yield batch
            if run.seen:
                bar.set_postfix(
                    loss=f"{run.loss / run.seen:.3f}",
                    accuracy=f"{run.right / run.seen:.2%}",
                    refresh=False,
                )


def finished(args, source, model, runs, test_set):
    """Write model, metrics and pictures, and say where."""
    signal.signal(signal.SIGINT, leave)  # nothing is lost: the last checkpoint has it all
    mg.save(model.state_dict(), args.out / "model.safetensors")
    metrics = {
        "title": f"{args.model} on {source}", "data": source, "model": args.model,
        "settings": {key: getattr(args, key) for key in SETTINGS},
        "test_accuracy": {norm: run.history[-1]["test_accuracy"] for norm, run in runs.items()},
        "runs": {norm: {"history": run.history, "curve": run.curve} for norm, run in runs.items()},
        "versions": {"minigrad": mg.__version__, "python": platform.python_version()},
    }  # fmt: skip
    if len(runs) == 1:
        (metrics["test_accuracy"],) = metrics["test_accuracy"].values()
    text = json.dumps(metrics, indent=2)
    mg.serialization.write_atomically(args.out / "metrics.json", text.encode())
    _draw_curves(args, source, runs)
    written = ["model.safetensors", "metrics.json", "curves.png"]
    if _draw_graph(args, source, model, test_set):
        written.append("graph.svg")
    for norm, run in runs.items():
        seconds = sum(h["seconds"] for h in run.history)
        print(
            f"test accuracy {run.history[-1]['test_accuracy']:.2%} {NAMES[norm]}, {seconds:.0f} s "
            f"({source})"
        )
    print(f"written to {args.out}: {' '.join(written)}")


def _points(run):
    """Return steps and test accuracies: the fine curve of a comparison, else one point an epoch."""
    return zip(*(run.curve or [[h["step"], h["test_accuracy"]] for h in run.history]), strict=True)


def _draw_curves(args, source, runs):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    lowest = 1.0
    for norm, run in runs.items():
        steps, accuracies = _points(run)
        marker = "o" if len(steps) < 30 else None
        axes.plot(
            steps,
            accuracies,
            STYLES[norm],
            color=COLORS[norm],
            marker=marker,
            ms=4,
            label=NAMES[norm],
        )
        lowest = min(lowest, *accuracies)
    if not args.compare:
        (run,) = runs.values()
        steps = [h["step"] for h in run.history]
        axes.plot(
            steps,
            [h["train_accuracy"] for h in run.history],
            ":",
            color="#555555",
            label="training batches",
        )
        lowest = min(lowest, run.history[0]["train_accuracy"])
    bottom = max(0.0, lowest - 0.01) if lowest > 0.8 else 0.0
    axes.set(
        xlabel="training steps",
        ylabel="test accuracy" if args.compare else "accuracy",
        title=f"{args.model} on {source}",
        ylim=(bottom, 1.0),
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(args.out / "curves.png", dpi=150)
    plt.close(figure)


def _draw_graph(args, source, model, test_set):
    """Draw the net's graph; return whether it could be drawn."""
    images, labels = test_set[:2]
    loss = lambda images: mg.nn.functional.cross_entropy(model.train()(images), labels)
    picture = mg.viz.trace(loss, images, model=model)  # which changes nothing
    picture.title = f"{args.model} on {source}"
    try:
        picture.render(args.out / "graph.svg")
        return True
    except RuntimeError as error:
        print(f"graph.svg was not drawn: {error}", file=sys.stderr)
        return False


def compared(args, source, runs):
    """Print the table of both nets, test accuracy by step."""
    print(
        f"\n{args.model} on {source}: test accuracy\n{'steps':>8}  {'without':>9}  {'BatchNorm':>9}"
    )
    curves = {norm: dict(run.curve) for norm, run in runs.items()}
    steps = sorted(curves["batch"])
    for step in [
        s for i, s in enumerate(steps) if i % max(1, len(steps) // 12) == 0 or s == steps[-1]
    ]:
        print(f"{step:8d}  {curves['none'][step]:9.2%}  {curves['batch'][step]:9.2%}")
