"""A kit that plays the access desk for one provider and tells whether its client does what docs/providers.md asks."""
