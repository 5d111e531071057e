"""Self-contained HTML pages: base template, content-security policy, numbers as text."""
