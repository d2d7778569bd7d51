"""Settings of the registry: those every service has, and the key that a person's number is hashed with."""

from pydantic import Field, SecretStr

from shared.runtime.base.settings import Settings as RuntimeSettings


class Settings(RuntimeSettings):
    """Read once from the environment when the app is made."""

    identity_key: SecretStr = Field(
        min_length=32,
        description="Secret that persons' numbers are hashed with; whoever loses it knows no person again.",
    )
