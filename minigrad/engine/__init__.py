"""The reading path, from ``a * b`` to ``.grad``: graph, recording, sweep, backward."""
