"""From bytes to pixels and back, tensors, interpolation."""
