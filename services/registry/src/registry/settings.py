"""Settings of the registry: none of its own yet."""

from shared.runtime.settings import Settings as RuntimeSettings


class Settings(RuntimeSettings):
    """What every service reads; see ``shared.runtime.settings``."""
