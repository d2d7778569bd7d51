"""Settings of the registry, on top of what every service reads."""

from pydantic import Field, SecretStr

from shared.runtime.base.settings import Settings as RuntimeSettings


class Settings(RuntimeSettings):
    """Read once at start-up, then frozen; each is an environment variable with the prefix ``CONCORD_``."""

    identity_key: SecretStr = Field(
        min_length=32,
        description="Secret that persons' numbers are hashed with, and the codes that verify an address. It never "
        "changes: with another one no person is found again.",
    )
    preflight_per_hour: int = Field(
        200_000,
        ge=1_000,
        description="Questions of one provider that one process answers in an hour, before it connects.",
    )
    inventory_closings_per_day: int = Field(
        6,
        ge=2,
        description="Lists of one provider that can be closed within any 24 hours. Each is compared with the register.",
    )
