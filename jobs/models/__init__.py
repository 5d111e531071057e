"""Jobs about models: evaluating and quantizing them, and finding their weights."""
