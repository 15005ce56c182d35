"""The page: a program as text of NumPy, its views, and what an exported file needs beside it."""
