"""One module a peer: ``step(net, optimizer, threads)`` returns a function that takes one training step.

The function returns the loss as a float. A net or optimizer that a peer does not have raises
NotImplementedError. ``NAME`` is what tables show, ``MODULE`` what has to be installed.
"""
