"""What was built in, as scripts ask: no CUDA, no HIP."""

cuda: str | None = None
hip: str | None = None
debug = False
