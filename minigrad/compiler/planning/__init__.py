"""Planning: which calls of a program are made, in which order, and where their results lie."""
