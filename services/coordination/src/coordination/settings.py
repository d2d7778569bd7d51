"""Settings of coordination: those every service has."""

from shared.runtime.base.settings import Settings as Common


class Settings(Common):
    """Read once from the environment when the app is made."""
