"""JPEG 2000: reading, colour and metadata."""
