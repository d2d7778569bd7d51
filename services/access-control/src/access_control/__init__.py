"""The access-control service."""
