"""One world per service."""
