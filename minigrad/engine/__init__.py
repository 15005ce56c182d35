"""The reading path, from ``a * b`` to ``.grad``: graph, recording, sweep, backward; views where memory is shared."""
