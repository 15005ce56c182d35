"""Recording: one call of a function as it is run, on arrays that note what NumPy is asked for."""
