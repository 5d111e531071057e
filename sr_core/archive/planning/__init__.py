"""Planning a round: shards, output names, sizes and totals."""
