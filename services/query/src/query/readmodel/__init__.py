"""The read model: what it holds, who writes it, from where."""
