"""Linear algebra by family; ``minigrad.linalg`` names all of it."""
