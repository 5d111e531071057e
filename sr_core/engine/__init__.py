"""Processing of images, files, shards and runs."""
