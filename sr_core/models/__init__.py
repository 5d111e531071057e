"""Networks, their checkpoints, and the shipped weights with their cards."""
