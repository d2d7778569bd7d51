"""Look-ups in the read model: one key, or a list as a stream."""
