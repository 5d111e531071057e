"""GIF: profile and metadata, which Pillow does not report."""
