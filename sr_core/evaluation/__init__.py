"""Evaluation of upscalers on benchmark images with known HR."""
