"""All SQL of access-control, one module per table group."""
