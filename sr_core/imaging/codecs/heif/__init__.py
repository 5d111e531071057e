"""HEIF and HEIC: items and properties of the container; libheif decodes the pixels."""
