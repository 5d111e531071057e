"""Image codecs, pixel arrays, tensors, interpolation and degradation."""
