"""Guards: what a function reaches, and whether it is as it was when its program was made."""
