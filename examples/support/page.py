"""What the one-page examples share: their arguments, a bar that Ctrl-C ends, their picture."""

import argparse
import signal
from pathlib import Path

from support import PROGRAM, leave, need
from support.arguments import folder, picture, positive, seed

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # Okabe & Ito: colour-blind readers see them


def arguments(doc, data=False, **options):
    """Return the arguments of an example: --seed, --picture, and ``name=(default, help)`` each.

    A default of False is a switch. With ``data=True`` also --data, the folder of MNIST.
    ``args.error(message)`` ends the program with a usage error.
    """
    parser = argparse.ArgumentParser(
        description=doc.partition(":\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for name, (default, meaning) in options.items():
        option = "--" + name.replace("_", "-")
        if default is False:
            parser.add_argument(option, action="store_true", help=meaning)
            continue
        convert = positive(type(default)) if isinstance(default, int | float) else str
        parser.add_argument(option, type=convert, default=default, help=meaning)
    parser.add_argument("--seed", type=seed, default=0, help="of weights and draws")
    if data:
        parser.add_argument("--data", metavar="FOLDER", help="where the four MNIST files are")
    parser.add_argument(
        "--picture",
        type=picture,
        default=Path("runs", f"{PROGRAM.stem}.png"),
        help="where to draw what came out",
    )
    args = parser.parse_args()
    need("matplotlib", "tqdm")
    folder(args.picture.parent)
    picture(args.picture)  # now, not after minutes of training
    args.error = parser.error
    return args


def bar(items, what="step", total=None):
    """Count the items under a progress bar; Ctrl-C ends the loop after this one, not the program.

    ``.interrupted`` says whether it did. A second Ctrl-C ends the program.
    """
    from tqdm import tqdm

    def stop(*_):
        progress.interrupted = True
        signal.signal(signal.SIGINT, leave)

    def until_interrupted():
        before = signal.signal(signal.SIGINT, stop)
        for item in items:
            yield item
            if progress.interrupted:
                print("\nInterrupted; what follows was reached until here.", flush=True)
                break
        signal.signal(signal.SIGINT, before)

    total = len(items) if total is None else total
    progress = tqdm(until_interrupted(), total=total, unit=what, leave=False, disable=None)
    progress.interrupted = False
    return progress


def figure(columns=1, width=6.4, height=4.2):
    """Return a new figure and its axes (one, or a list side by side)."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(1, columns, figsize=(width, height), layout="constrained")


def write(drawing, path):
    """Write the figure and say where."""
    drawing.savefig(path, dpi=150)
    print(f"picture: {path}")


def show_images(axes, images, columns):
    """Draw images (N, 1, H, W) side by side in rows of ``columns``, dark on white."""
    n, _, height, width = images.shape
    rows = images.reshape(n // columns, columns, height, width)
    sheet = rows.transpose(0, 2, 1, 3).reshape(n // columns * height, columns * width)
    axes.imshow(sheet, cmap="gray_r")
    axes.set_axis_off()
