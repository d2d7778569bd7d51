"""The coordination service."""
