"""AVIF: colour descriptions, which Pillow does not report."""
