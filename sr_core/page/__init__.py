"""HTML pages that load nothing: their base, their content-security policy, numbers as text."""
