"""Upscaling of LR to SR: upscalers, tiling, and the engines that compute networks."""
