"""What an agent is told: a TOML file, read once, in which a misspelt name is an error."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from concord.files import BadFile, json_object, text
from shared.signing import Signer

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]


class BadConfig(Exception):
    """The configuration cannot be used; the message says which key and why."""


class Config(BaseModel):
    """Everything an agent needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_url: Url
    """Base URL of access-control."""
    provider_id: UUID
    key_file: Path
    """Private Ed25519 JWK (or a set of them, of which the first signs)."""
    state_file: Path
    """The journal, an SQLite file. Keep it: it holds the place in the sequence and the receipts not yet handed in."""
    issuer_url: Url
    client_id: str
    client_secret: str
    jwks_url: Url
    """Public keys orders are signed with."""
    via: Literal["kafka", "feed"] = "feed"
    """Where orders are read. With kafka the feed still fills gaps and stands in while the broker is away."""
    receipts_via: Literal["http", "kafka"] = "http"
    kafka_bootstrap: str | None = None
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: str | None = None
    kafka_ca_file: Path | None = None
    hook: Literal["web", "command"] = "web"
    web_host: str = "127.0.0.1"
    web_port: Annotated[int, Field(ge=0, le=65535)] = 8110
    web_about: Url | None = None
    """Page of yours that says who you are: the `blocked-by` link of a 451 answer. Without it the link is your id."""
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Program with its arguments; gets the order as JSON on standard input."""
    command_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60
    tries: Annotated[int, Field(ge=1, le=100)] = 5
    """How often a hook that fails for the time being is tried before the order is called impossible."""
    check_every_s: Annotated[float, Field(gt=0)] = 15
    """How often the place in the sequence is compared with access-control's, whatever the topic says."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if "kafka" in {self.via, self.receipts_via} and not self.kafka_bootstrap:
            raise ValueError("kafka_bootstrap is needed to use kafka")
        if self.hook == "command" and not self.command:
            raise ValueError("command is needed for the hook command")
        return self

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a configuration file. Raises BadConfig."""
        try:
            return cls.model_validate(tomllib.loads(text(file)))
        except BadFile as error:
            raise BadConfig(str(error)) from None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise BadConfig(f"{file} is not TOML: {error}") from None
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors())
            raise BadConfig(f"{file}: {'; '.join(faults)}") from None

    def signer(self) -> Signer:
        """The provider's own key. Raises BadConfig."""
        try:
            found = json_object(self.key_file)
            return Signer(found["keys"][0] if "keys" in found else found)
        except BadFile as error:
            raise BadConfig(f"key_file: {error}") from None
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise BadConfig(f"key_file {self.key_file} holds no private Ed25519 key: {error}") from error
