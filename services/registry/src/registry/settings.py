"""Settings of the registry: none of its own yet."""

from shared.runtime.base.settings import Settings as RuntimeSettings


class Settings(RuntimeSettings):
    """What every service reads; see ``shared.runtime.base.settings``."""
