"""BMP: header, colours and pixels."""
