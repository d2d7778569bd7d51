"""What an agent is told: a TOML file, read once, in which a misspelt name is an error."""

import contextlib
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from concord.files import BadFile, json_object, text
from shared.signing import Signer

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]


def _is_safe(url: str) -> str:
    """Keys, tokens and orders go encrypted, or stay on this machine."""
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        host = "localhost" if ip_address(host).is_loopback else host
    if url.startswith("http://") and host != "localhost":
        raise ValueError("must be https:// unless it is an address of this machine")
    return url


SafeUrl = Annotated[Url, AfterValidator(_is_safe)]
Command = Annotated[tuple[str, ...], Field(min_length=1)]


class BadConfig(Exception):
    """The configuration cannot be used; the message says which key and why."""


class Config(BaseModel):
    """Everything an agent needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_url: SafeUrl
    """Base URL of access-control."""
    provider_id: UUID
    key_file: Path
    """Private Ed25519 JWK (or a set of them, of which the first signs)."""
    state_file: Path
    """The journal, an SQLite file. Keep it: it holds the place in the sequence and the receipts not yet handed in."""
    issuer_url: SafeUrl
    client_id: str
    client_secret: str
    jwks_url: SafeUrl
    """Public keys orders are signed with."""
    keys_every_s: Annotated[float, Field(gt=0, le=3600)] = 300
    """How old the keys may be when an order is believed: a key that was taken out of the set is not believed longer."""
    via: Literal["kafka", "feed"] = "feed"
    """Where orders are read. With kafka the feed still fills gaps and stands in while the broker is away."""
    receipts_via: Literal["http", "kafka"] = "http"
    kafka_bootstrap: str | None = None
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: str | None = None
    kafka_ca_file: Path | None = None
    hook: Literal["web", "command", "http", "nginx"] = "web"
    web_host: str = "127.0.0.1"
    web_port: Annotated[int, Field(ge=0, le=65535)] = 8110
    web_about: Url | None = None
    """Page of yours that says who you are: the `blocked-by` link of a 451 answer. Without it the link is your id."""
    command: Command | None = None
    """Program with its arguments; gets the order as JSON on standard input."""
    hook_url: SafeUrl | None = None
    """Address that orders are posted to, as a program is given them."""
    hook_token: str | None = None
    """Sent to ``hook_url`` as a bearer token."""
    nginx_folder: Path = Path("/etc/nginx/concord")
    """Made by ``concord-agent nginx``; nginx includes what is in it."""
    nginx_test: Command = ("nginx", "-t", "-q")
    nginx_reload: Command = ("nginx", "-s", "reload")
    nginx_check: Annotated[tuple[Url, ...], Field(min_length=1)] = ("http://127.0.0.1:80",)
    """Where nginx is asked, for each name, whether it answers as it should."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Port on 127.0.0.1 for `/metrics` in the Prometheus text format."""
    command_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60
    tries: Annotated[int, Field(ge=1, le=100)] = 12
    """How often a hook that fails for the time being is tried before the order is called impossible.

    A restore is not; if the hook says that one is impossible, it must say so this often before it is believed.
    """
    check_every_s: Annotated[float, Field(gt=0)] = 15
    """How often the place in the sequence is compared with access-control's, whatever the topic says."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if "kafka" in {self.via, self.receipts_via} and not self.kafka_bootstrap:
            raise ValueError("kafka_bootstrap is needed to use kafka")
        if self.hook == "command" and not self.command:
            raise ValueError("command is needed for the hook command")
        if self.hook == "http" and not self.hook_url:
            raise ValueError("hook_url is needed for the hook http")
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
