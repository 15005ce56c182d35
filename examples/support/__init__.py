"""What the examples share.

Its import finds the checkout's minigrad, and makes Ctrl-C, a full disk and a missing package end a
program in one line.
"""

import importlib.util
import shutil
import signal
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.argv[0]).resolve()


def leave(*_):
    """End the program, as Ctrl-C does where there is nothing to save."""
    print("\nInterrupted.", file=sys.stderr)
    sys.exit(130)


def need(*packages):
    """End the program where one of these packages is missing, and say what to install."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"{PROGRAM.name} needs {', '.join(missing)}: pip install -e '.[examples]' at the root "
            f"of the project "
            f"(or pip install {' '.join(missing)})",
            file=sys.stderr,
        )
        sys.exit(2)


def need_dot():
    """End the program where graphs cannot be drawn, and say what to install."""
    if shutil.which("dot") is None:
        print(
            f"{PROGRAM.name} needs the program dot: apt install graphviz, brew install graphviz or "
            "winget install graphviz",
            file=sys.stderr,
        )
        sys.exit(2)


def _uncaught(kind, error, traceback):
    """What the machine lacks is one line; a fault of the program shows where it is."""
    if isinstance(error, OSError):
        what = f"{error.filename}: " if error.filename else ""
        print(f"{PROGRAM.name}: {what}{error.strerror or error}", file=sys.stderr)
    elif isinstance(error, ModuleNotFoundError) and error.name in (
        "minigrad",
        "numpy",
        "safetensors",
        "graphviz",
    ):
        need(error.name)
    else:
        sys.__excepthook__(kind, error, traceback)


if EXAMPLES in PROGRAM.parents:  # a program of this folder runs, not a test of it
    sys.path.insert(1, str(EXAMPLES.parent))  # minigrad, installed or not
    sys.excepthook = _uncaught
    if (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):  # in the background it may be deaf
        signal.signal(signal.SIGINT, leave)
