"""TIFF: reading, writing, colour and metadata of each page."""
