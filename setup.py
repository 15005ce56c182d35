"""What pyproject.toml cannot say: an editable install puts a link to `nn` in `minigrad/nn`.

With it every package lies where its name says, so the install is the checkout's path in a .pth
file: type checkers and editors, which run no import hook, find `minigrad.nn` as Python does. Where
no link can be made, setuptools' import hook does for Python alone.
"""

import os
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.editable_wheel import editable_wheel

ROOT = Path(__file__).parent.resolve()


def link() -> bool:
    """Make minigrad/nn a link to nn; return whether it is there."""
    place = ROOT / "minigrad" / "nn"
    if place.is_dir():
        return True
    try:
        place.symlink_to(Path("..", "nn"), target_is_directory=True)
    except OSError:  # Windows without the right to make links: a junction needs none
        if os.name == "nt":
            command = ["cmd", "/c", "mklink", "/J", str(place), str(ROOT / "nn")]
            subprocess.run(command, check=False, stdout=sys.stderr)
    return place.is_dir()


class LinkedEditableWheel(editable_wheel):
    def finalize_options(self) -> None:
        if link():
            self.distribution.package_dir = {"": "."}
        super().finalize_options()


setup(cmdclass={"editable_wheel": LinkedEditableWheel})
