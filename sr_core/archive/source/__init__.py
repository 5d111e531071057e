"""The source of a run: listing, probing and manifests."""
