"""JPEG: reading, writing, metadata and compression."""
