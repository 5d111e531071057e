"""Training as a job: its folder, photographs, display and workers."""
