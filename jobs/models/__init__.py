"""Jobs on models: evaluating, reading print, quantizing, exporting and listing."""
