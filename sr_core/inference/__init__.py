"""Anything that turns lr into sr: tiling and the upscalers."""
