"""JPEG XL: coding, header and colour."""
