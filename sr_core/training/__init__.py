"""How the generators are trained."""
