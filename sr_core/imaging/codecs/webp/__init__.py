"""WebP: header, metadata, pixels and writing."""
