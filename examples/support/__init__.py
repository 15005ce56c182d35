"""What examples/mnist.py needs beside the training itself."""
