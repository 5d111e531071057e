"""PNG: reading, writing and metadata."""
