"""One image's way through an actor, one shard's, and one run's."""
