"""Training of the generators: data, losses, steps, validation and pages."""
