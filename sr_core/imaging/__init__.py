"""Image codecs, pixel arrays, tensors and interpolation."""
