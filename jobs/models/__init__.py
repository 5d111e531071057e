"""Jobs about models: evaluating and quantizing them."""
