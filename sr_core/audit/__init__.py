"""What can be said of a run from its storage alone."""
