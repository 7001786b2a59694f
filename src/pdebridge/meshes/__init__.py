"""What a mesh can do: transport and crowd motion in 2-D, Poisson's equation on n^d cells."""
