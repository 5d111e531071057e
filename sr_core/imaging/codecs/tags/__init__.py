"""Tags of TIFF and EXIF: their directories, values and edits."""
