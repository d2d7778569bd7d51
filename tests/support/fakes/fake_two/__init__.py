"""A service that does nothing, for tests of the supervisor."""
