"""All SQL of query: the audit of look-ups."""
