"""One module a claim; each ends in its declaration, ``CLAIM``."""

import importlib
import pkgutil


def claims():
    """Return every claim by its id, C0 first."""
    names = [m.name for m in pkgutil.iter_modules(__path__)]
    found = [importlib.import_module(f"{__name__}.{name}").CLAIM for name in names]
    return {claim.id: claim for claim in sorted(found, key=lambda claim: int(claim.id[1:]))}
