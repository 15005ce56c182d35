"""Install the wheel of a folder into an environment of its own, use it there, and type-check it.

python tests/check_wheel.py dist
"""

import argparse
import subprocess
import tempfile
import venv
from pathlib import Path

SCRIPT = """
import minigrad as mg
from minigrad import nn, optim
import minigrad.nn.functional as F

model: nn.Module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
optimizer = optim.SGD(model.parameters(), lr=0.1)
loss: mg.Tensor = F.cross_entropy(model(mg.randn(8, 3)), mg.randint(0, 2, (8,)))
loss.backward()
optimizer.step()
"""


def main(folder: str) -> None:
    """Raise CalledProcessError where the wheel does not work or does not type-check."""
    (wheel,) = Path(folder).glob("*.whl")
    with tempfile.TemporaryDirectory() as work:
        venv.create(f"{work}/env", with_pip=True)
        python = f"{work}/env/bin/python"
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, str(wheel.resolve()), "mypy"], check=True)
        (Path(work) / "use.py").write_text(SCRIPT)
        subprocess.run([python, "use.py"], cwd=work, check=True)
        config = str(Path(__file__).parent.parent.resolve() / "pyproject.toml")
        for what in (["use.py"], ["-p", "minigrad"]):
            subprocess.run([python, "-m", "mypy", "--config-file", config, *what], cwd=work, check=True)
    print(f"{wheel.name}: works and type-checks outside the checkout")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", help="where the wheel is")
    main(parser.parse_args().folder)
